"""boto3, configured as a user configures it: start, poll, page, and every parameter of both operations.

Expected numbers are worked out by hand from the table in `sample.py`. Fractions stand where a decimal number would
have to be rounded: an answer is the exact number, rounded to the nearest double once, so equality is the right test.
"""

from datetime import datetime, timedelta, timezone
from fractions import Fraction

import pytest
from botocore.exceptions import ClientError

import sample
from asking import ask, pages, poll, question, start
from sample import COMP, CPU, FOAM, GPU, JOB_NAMES, LIGHT, OCEAN, SIM

UTC = timezone.utc
BOTH = (COMP, SIM)


def nov(day, hour=0):
    return datetime(2025, 11, day, hour, tzinfo=UTC)


def total(row):
    """The members that say which row it is, then count, cost and runtime."""
    numbers = {"count", "costInUsd", "runtimeInSeconds", "aggregationStartTime", "aggregationEndTime"}
    labels = {name: value for name, value in row.items() if name not in numbers}
    return labels, row["count"], row["costInUsd"]["sum"], row["runtimeInSeconds"]["sum"]


def expect(labels, count, cost, runtime):
    return labels, count, float(Fraction(cost)), float(Fraction(runtime))


def check(deadline, parameters, *expected):
    assert [total(row) for row in ask(deadline, parameters)] == [expect(*row) for row in expected]


# Grouping


def test_queue_id_tells_the_queue(deadline, north):
    check(
        deadline, question(north, BOTH),
        ({"queueId": COMP}, 2, "4.15", "8400"),
        ({"queueId": SIM}, 3, "3.61", "10853.773"),
    )


def test_fleet_id_tells_the_fleet(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["FLEET_ID"]),
        ({"fleetId": CPU}, 2, "6.40", "18000"),
        ({"fleetId": GPU}, 3, "1.36", "1253.773"),
    )


def test_job_id_tells_the_job_and_its_name(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["JOB_ID"]),
        ({"jobId": LIGHT, "jobName": JOB_NAMES[LIGHT]}, 2, "4.15", "8400"),
        ({"jobId": OCEAN, "jobName": JOB_NAMES[OCEAN]}, 1, "3.60", "10800"),
        ({"jobId": FOAM, "jobName": JOB_NAMES[FOAM]}, 2, "0.01", "53.773"),
    )


def test_user_id_tells_the_user(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["USER_ID"]),
        ({"userId": "alice"}, 2, "4.15", "8400"),
        ({"userId": "bob"}, 3, "3.61", "10853.773"),
    )


def test_usage_type_tells_compute_from_licences(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["USAGE_TYPE"]),
        ({"usageType": "COMPUTE"}, 5, "6.81", "19253.773"),
        ({"usageType": "LICENSE"}, 2, "0.95", "8400"),
    )


def test_usage_type_of_fleets_has_their_volumes(deadline, north):
    check(
        deadline, question(north, fleets=[GPU], group_by=["USAGE_TYPE"]),
        ({"usageType": "COMPUTE"}, 3, "1.21", "1253.773"),
        ({"usageType": "LICENSE"}, 1, "0.15", "1200"),
        ({"usageType": "PERSISTENT_VOLUME"}, 1, "0.48", "172800"),
    )


def test_instance_type_keeps_the_row_of_workers_without_one(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["INSTANCE_TYPE"]),
        ({}, 1, "3.60", "10800"),
        ({"instanceType": "c6i.8xlarge"}, 1, "2.80", "7200"),
        ({"instanceType": "g6.4xlarge"}, 3, "1.36", "1253.773"),
    )


def test_license_product_has_licences_alone(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["LICENSE_PRODUCT"]),
        ({"licenseProduct": "arnold"}, 2, "0.90", "8400"),
        ({"licenseProduct": "nuke"}, 1, "0.05", "1200"),
    )


def test_two_keys_are_sorted_in_the_order_asked(deadline, north):
    check(
        deadline, question(north, BOTH, group_by=["USAGE_TYPE", "QUEUE_ID"]),
        ({"usageType": "COMPUTE", "queueId": COMP}, 2, "3.20", "8400"),
        ({"usageType": "COMPUTE", "queueId": SIM}, 3, "3.61", "10853.773"),
        ({"usageType": "LICENSE", "queueId": COMP}, 2, "0.95", "8400"),
    )
    check(
        deadline, question(north, [COMP], group_by=["LICENSE_PRODUCT", "FLEET_ID"]),
        ({"licenseProduct": "arnold", "fleetId": CPU}, 1, "0.80", "7200"),
        ({"licenseProduct": "arnold", "fleetId": GPU}, 1, "0.10", "1200"),
        ({"licenseProduct": "nuke", "fleetId": GPU}, 1, "0.05", "1200"),
    )


# Filters and statistics


def test_only_the_queues_or_fleets_asked_for_count(deadline, north):
    check(deadline, question(north, [SIM]), ({"queueId": SIM}, 3, "3.61", "10853.773"))
    check(
        deadline, question(north, fleets=[CPU]),
        ({"queueId": COMP}, 1, "2.80", "7200"),
        ({"queueId": SIM}, 1, "3.60", "10800"),
    )


def test_a_queue_named_twice_counts_once(deadline, north):
    check(deadline, question(north, [SIM, SIM]), ({"queueId": SIM}, 3, "3.61", "10853.773"))


COMP_COST = {"SUM": "4.15", "MIN": "1.35", "MAX": "2.80", "AVG": Fraction(415, 200)}
SIM_COST = {"SUM": "3.61", "MIN": "0", "MAX": "3.60", "AVG": Fraction(361, 300)}
SIM_RUNTIME = {"SUM": "10853.773", "MIN": "0", "MAX": "10800", "AVG": Fraction(10853773, 3000)}


@pytest.mark.parametrize(
    "statistics", [["SUM"], ["MIN"], ["MAX"], ["AVG"], ["AVG", "SUM"], ["SUM", "MIN", "MAX", "AVG"]], ids="+".join
)
def test_a_row_has_the_statistics_asked_for_and_no_others(deadline, north, statistics):
    comp, sim = ask(deadline, question(north, BOTH, statistics=statistics))

    def chosen(values):
        return {name.lower(): float(Fraction(values[name])) for name in statistics}

    assert comp["costInUsd"] == chosen(COMP_COST)
    assert sim["costInUsd"] == chosen(SIM_COST)
    assert sim["runtimeInSeconds"] == chosen(SIM_RUNTIME)


# Time


def intervals(rows):
    """Each row's period and what it costs; periods as days and hours of November, in UTC."""
    def spot(instant):
        return f"{instant.day} {instant.hour:02}h"

    return [
        (spot(row["aggregationStartTime"]), spot(row["aggregationEndTime"]), row["queueId"], row["count"],
         row["costInUsd"]["sum"], row["runtimeInSeconds"]["sum"])
        for row in rows
    ]


def test_without_a_period_a_row_is_about_the_whole_window(deadline, north):
    for row in ask(deadline, question(north, BOTH)):
        assert (row["aggregationStartTime"], row["aggregationEndTime"]) == (nov(24), nov(26))


def test_hourly_rows_are_newest_first_and_leave_out_idle_hours(deadline, north):
    rows = intervals(ask(deadline, question(north, [COMP], period="HOURLY")))
    assert rows == [
        ("25 00h", "25 01h", COMP, 1, 0.7, 1800.0),
        ("24 23h", "25 00h", COMP, 1, 1.4, 3600.0),
        ("24 22h", "24 23h", COMP, 1, 0.7, 1800.0),
        ("24 10h", "24 11h", COMP, 1, 1.35, 1200.0),
    ]


def test_daily_rows_split_a_session_at_midnight(deadline, north):
    rows = intervals(ask(deadline, question(north, BOTH, period="DAILY")))
    assert rows == [
        ("25 00h", "26 00h", COMP, 1, 0.7, 1800.0),
        ("25 00h", "26 00h", SIM, 3, 3.61, 10853.773),
        ("24 00h", "25 00h", COMP, 2, 3.45, 6600.0),
    ]


def test_a_timezone_moves_midnight_and_the_window_clips_the_last_day(deadline, north):
    rows = intervals(ask(deadline, question(north, BOTH, period="DAILY", timezone="UTC-08:00")))
    assert rows == [
        ("25 08h", "26 00h", SIM, 3, 3.61, 10853.773),
        ("24 08h", "25 08h", COMP, 2, 4.15, 8400.0),
    ]


def test_a_half_hour_timezone_takes_windows_on_its_own_hours(deadline, north):
    start_time, end_time = "2025-11-24T18:30:00Z", "2025-11-25T18:30:00Z"  # the whole 25th at UTC+05:30
    parameters = question(north, [COMP], period="DAILY", timezone="UTC+05:30", startTime=start_time, endTime=end_time)
    (row,) = ask(deadline, parameters)
    assert row["aggregationStartTime"] == nov(24, 18) + timedelta(minutes=30)
    assert (row["costInUsd"]["sum"], row["runtimeInSeconds"]["sum"]) == (2.8, 7200.0)


def test_a_week_begins_on_monday(deadline, north):
    parameters = question(north, [COMP], period="WEEKLY", startTime=nov(19), endTime=nov(30))
    assert intervals(ask(deadline, parameters)) == [("24 00h", "30 00h", COMP, 2, 4.15, 8400.0)]


def test_a_month_is_a_calendar_month(deadline, north):
    parameters = question(north, [COMP], period="MONTHLY", startTime=nov(1), endTime=datetime(2026, 2, 1, tzinfo=UTC))
    (row,) = ask(deadline, parameters)
    assert (row["aggregationStartTime"], row["aggregationEndTime"]) == (nov(1), datetime(2025, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start_time", "end_time"),
    [
        (datetime(2025, 11, 24), datetime(2025, 11, 26)),
        (nov(24), nov(26)),
        ("2025-11-23T16:00:00-08:00", "2025-11-26T05:00:00+05:00"),
        (int(nov(24).timestamp()), int(nov(26).timestamp())),
        ("2025-11-24", "2025-11-26"),
    ],
    ids=["naive", "aware", "offsets", "numbers", "dates"],
)
def test_times_may_be_given_in_every_form_that_boto3_takes(deadline, north, start_time, end_time):
    for row in ask(deadline, question(north, BOTH, startTime=start_time, endTime=end_time)):
        assert (row["aggregationStartTime"], row["aggregationEndTime"]) == (nov(24), nov(26))


def test_a_window_without_usage_is_completed_and_empty(deadline, north):
    _, first = start(deadline, question(north, BOTH, startTime=nov(1), endTime=nov(2)))
    assert (first["status"], first["statistics"]) == ("COMPLETED", [])
    assert "nextToken" not in first
    assert "statusMessage" not in first


def test_a_window_may_end_in_the_future(deadline, north):
    in_a_year = (datetime.now(UTC) + timedelta(days=366)).replace(minute=0, second=0, microsecond=0)
    check(deadline, question(north, [SIM], endTime=in_a_year), ({"queueId": SIM}, 3, "3.61", "10853.773"))


def test_a_session_that_still_runs_counts_up_to_the_end_of_the_window_or_to_now(site, deadline):
    queue, farm = [sample.WIDE_QUEUES[0]], site.farms["live"]
    window = {"startTime": "2025-11-20T00:00:00Z"}
    past = question(farm, queue, **window, endTime="2025-11-20T02:00:00Z")
    check(deadline, past, ({"queueId": queue[0]}, 1, "0", "5400"))

    began = datetime(2025, 11, 20, 0, 30, tzinfo=UTC)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    (row,) = ask(deadline, question(farm, queue, **window, endTime=tomorrow))
    after = datetime.now(UTC)
    assert (before - began).total_seconds() <= row["runtimeInSeconds"]["sum"] <= (after - began).total_seconds()


# Pages


@pytest.fixture(scope="module")
def wide_jobs(deadline, wide):
    """A finished aggregation with a row for each of 250 jobs."""
    parameters = question(wide, sample.WIDE_QUEUES[:10], group_by=["JOB_ID"])
    aggregation_id, first = start(deadline, parameters)
    assert first["status"] == "COMPLETED"
    return aggregation_id


# Ten queues of the twelve, because a question names no more than ten.
WIDE_ASKED = [sample.wide_job(number) for number in range(sample.WIDE_JOBS) if number % 12 < 10]


def job_ids(rows):
    return [row["jobId"] for row in rows]


def test_a_page_has_at_most_100_rows_and_the_last_has_no_token(deadline, wide, wide_jobs):
    answers = list(pages(deadline, wide, wide_jobs))
    assert [len(answer["statistics"]) for answer in answers] == [100, 100, 10]
    assert ["nextToken" in answer for answer in answers] == [True, True, False]
    assert job_ids(row for answer in answers for row in answer["statistics"]) == WIDE_ASKED


@pytest.mark.parametrize("size", [1, 7, 99, 100])
def test_pages_of_any_size_make_the_same_answer(deadline, wide, wide_jobs, size):
    answers = list(pages(deadline, wide, wide_jobs, PageSize=size))
    assert [len(answer["statistics"]) for answer in answers[:-1]] == [size] * (len(answers) - 1)
    assert job_ids(row for answer in answers for row in answer["statistics"]) == WIDE_ASKED


def test_a_page_may_have_another_size_than_the_one_before(deadline, wide, wide_jobs):
    first = deadline.get_sessions_statistics_aggregation(farmId=wide, aggregationId=wide_jobs, maxResults=3)
    second = deadline.get_sessions_statistics_aggregation(
        farmId=wide, aggregationId=wide_jobs, maxResults=5, nextToken=first["nextToken"]
    )
    assert job_ids(first["statistics"] + second["statistics"]) == WIDE_ASKED[:8]


def test_a_token_can_be_an_argument_of_a_command(deadline, wide, wide_jobs):
    """`--next-token -x` is no value but another option to most command lines, the AWS CLI's among them."""
    tokens = [answer["nextToken"] for answer in pages(deadline, wide, wide_jobs, PageSize=1) if "nextToken" in answer]
    assert len(tokens) == len(WIDE_ASKED) - 1
    assert [token for token in tokens if token.startswith("-")] == []


def test_max_items_stops_and_starting_token_resumes(deadline, wide, wide_jobs):
    collected, token = [], None
    for _ in range(100):
        part = pages(deadline, wide, wide_jobs, MaxItems=45, PageSize=20, StartingToken=token).build_full_result()
        collected += job_ids(part["statistics"])
        token = part.get("NextToken")
        if token is None:
            break
    assert collected == WIDE_ASKED


def test_a_full_result_has_status_and_statistics(deadline, wide, wide_jobs):
    result = pages(deadline, wide, wide_jobs).build_full_result()
    assert result["status"] == "COMPLETED"
    assert result["statusMessage"] is None
    assert len(result["statistics"]) == len(WIDE_ASKED)
    assert "NextToken" not in result


def test_pages_can_be_searched_with_jmespath(deadline, wide, wide_jobs):
    costs = pages(deadline, wide, wide_jobs).search("statistics[].costInUsd.sum")
    asked = [number for number in range(sample.WIDE_JOBS) if number % 12 < 10]
    assert list(costs) == [(number + 1) / 100 for number in asked]


def test_an_answer_outlives_a_restart_with_its_tokens(throwaway):
    site = throwaway(farms={"wide": sample.WIDE})
    farm_id, client = site.farms["wide"], site.client()
    aggregation_id, first = start(client, question(farm_id, sample.WIDE_QUEUES[:10], group_by=["JOB_ID"]))
    site.restart()
    client = site.client()
    assert poll(client, farm_id, aggregation_id) | {"ResponseMetadata": None, "nextToken": None} == first | {
        "ResponseMetadata": None, "nextToken": None
    }
    second = client.get_sessions_statistics_aggregation(
        farmId=farm_id, aggregationId=aggregation_id, nextToken=first["nextToken"]
    )
    assert job_ids(second["statistics"]) == WIDE_ASKED[100:200]


# The farm


def test_farms_queues_and_fleets_are_listed_with_their_names(site, deadline, north):
    farm = deadline.get_farm(farmId=north)
    assert (farm["farmId"], farm["displayName"], farm["costScaleFactor"]) == (north, "north", 1.0)
    queues = deadline.list_queues(farmId=north)["queues"]
    assert {queue["queueId"]: queue["displayName"] for queue in queues} == sample.QUEUE_NAMES
    fleets = deadline.list_fleets(farmId=north)["fleets"]
    assert {fleet["fleetId"]: fleet["displayName"] for fleet in fleets} == sample.FLEET_NAMES
    assert {farm["displayName"] for farm in deadline.list_farms()["farms"]} == set(site.farms)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_lists_come_in_pages(site, deadline, wide, size):
    def listed(operation, key, **parameters):
        paginator = deadline.get_paginator(operation)
        answers = list(paginator.paginate(**parameters, PaginationConfig={"PageSize": size}))
        assert all(len(answer[key]) == size for answer in answers[:-1])
        return [entry for answer in answers for entry in answer[key]]

    queues = [queue["queueId"] for queue in listed("list_queues", "queues", farmId=wide)]
    assert queues == sample.WIDE_QUEUES
    fleets = [fleet["fleetId"] for fleet in listed("list_fleets", "fleets", farmId=wide)]
    assert fleets == sample.WIDE_FLEETS
    farms = [farm["farmId"] for farm in listed("list_farms", "farms")]
    assert sorted(farms) == sorted(site.farms.values())


def test_a_cost_scale_factor_multiplies_past_costs(throwaway):
    site = throwaway()
    client, farm_id = site.client(), site.farms["north"]
    site.folder.run("farm", "set", "north", "--cost-scale-factor", "2.5")
    assert client.get_farm(farmId=farm_id)["costScaleFactor"] == 2.5
    check(client, question(farm_id, [COMP]), ({"queueId": COMP}, 2, Fraction("4.15") * Fraction("2.5"), "8400"))


# Configuration


def test_a_client_needs_the_environment_and_nothing_else(site):
    exported = site.variables
    assert exported["AWS_ENDPOINT_URL_DEADLINE"] == site.endpoint
    assert exported["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
    assert site.client().list_farms()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("region", ["us-west-2", "eu-central-1", "ap-northeast-1"])
def test_any_region_is_served(site, region):
    assert site.client(region=region).list_farms()["farms"]


def test_a_server_for_one_region_refuses_the_others(throwaway):
    site = throwaway("--region", "eu-central-1")
    assert site.variables["AWS_REGION"] == "eu-central-1"
    assert site.client().list_farms()["farms"]
    elsewhere = site.client(region="us-west-2")
    with pytest.raises(ClientError) as raised:
        elsewhere.list_farms()
    assert raised.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert "eu-central-1" in raised.value.response["Error"]["Message"]
