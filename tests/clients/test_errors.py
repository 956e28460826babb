"""Every error that the service model gives the two operations, as the class that a script catches."""

import time

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

import sample
from asking import ask, attempts, client, poll, question, start
from conftest import BusyFarm, drop_aggregations
from sample import COMP, SIM

UNKNOWN_FARM = "farm-" + "ee" * 16
UNKNOWN_AGGREGATION = "ee" * 16
QUEUE_IDS_11 = [f"queue-{number:032x}" for number in range(11)]


def refused(kind, call, **parameters):
    """The answer of a call that raises exactly the class `kind`."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    assert type(raised.value) is kind, raised.value
    answer = raised.value.response
    assert answer["Error"]["Code"] == kind.__name__
    assert answer["message"] == answer["Error"]["Message"]
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    return answer


def fields(answer):
    return [problem["name"] for problem in answer["fieldList"]]


@pytest.fixture(scope="module")
def careless(site):
    """A client that sends whatever it is given, as those of other languages do."""
    return site.client(parameter_validation=False)


# Validation


@pytest.mark.parametrize(
    ("change", "names", "part"),
    [
        ({"period": "YEARLY"}, ["period"], '"YEARLY" is not one of HOURLY, DAILY, WEEKLY, MONTHLY'),
        ({"period": "daily"}, ["period"], '"daily"'),
        ({"resourceIds": {"queueIds": QUEUE_IDS_11}}, ["resourceIds.queueIds"], "11 ids are given; 1 to 10"),
        ({"resourceIds": {"queueIds": []}}, ["resourceIds.queueIds"], "0 ids are given; 1 to 10"),
        ({"resourceIds": {"fleetIds": ["fleet-1"]}}, ["resourceIds.fleetIds[0]"], "fleet-[0-9a-f]{32}"),
        ({"resourceIds": {"queueIds": [COMP, COMP.upper()]}}, ["resourceIds.queueIds[1]"], "queue-[0-9a-f]{32}"),
        ({"groupBy": ["QUEUE_ID", "JOB_ID", "USER_ID"]}, ["groupBy"], "3 fields are given; 1 to 2"),
        ({"groupBy": []}, ["groupBy"], "0 fields are given"),
        ({"groupBy": ["SHOW"]}, ["groupBy[0]"], '"SHOW" is not one of'),
        ({"groupBy": ["JOB_ID", "JOB_ID"]}, ["groupBy"], "JOB_ID"),
        ({"statistics": ["MEDIAN"]}, ["statistics[0]"], '"MEDIAN" is not one of'),
        ({"statistics": ["SUM"] * 5}, ["statistics"], "5 statistics are given; 1 to 4"),
        ({"farmId": "nope"}, ["farmId"], '"nope" does not match farm-[0-9a-f]{32}'),
        ({"farmId": ""}, ["farmId"], '""'),
        ({"farmId": "a/b?c#d%20é"}, ["farmId"], "farm-[0-9a-f]{32}"),
        ({"timezone": "UTC+8"}, ["timezone"], '"UTC+8"'),
        ({"timezone": "Europe/Oslo"}, ["timezone"], '"Europe/Oslo"'),
        ({"timezone": "UTC+05:45"}, ["timezone"], '"UTC+05:45"'),
        ({"startTime": "2025-11-24T00:30:00Z"}, ["startTime"], "hour"),
        ({"startTime": "2025-11-24T00:00:01Z"}, ["startTime"], "hour"),
        ({"endTime": "2025-11-26T00:00:00.001Z"}, ["endTime"], "hour"),
        ({"timezone": "UTC+05:30"}, ["startTime", "endTime"], "hour"),
        ({"startTime": "2025-11-26T00:00:00Z"}, ["endTime"], "after"),
        ({"endTime": "2025-11-23T00:00:00Z"}, ["endTime"], "after"),
        (
            {"period": "YEARLY", "timezone": "GMT", "groupBy": ["SHOW"], "farmId": "nope"},
            ["farmId", "groupBy[0]", "period", "timezone"], "4 fields are not valid",
        ),
    ],
)
def test_start_names_every_field_that_is_not_valid(careless, north, change, names, part):
    answer = refused(
        careless.exceptions.ValidationException,
        careless.start_sessions_statistics_aggregation, **question(north, [COMP]) | change,
    )
    assert answer["reason"] == "FIELD_VALIDATION_FAILED"
    assert sorted(fields(answer)) == sorted(names)
    assert part in answer["message"], answer["message"]
    assert all(problem["message"] in answer["message"] for problem in answer["fieldList"])


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"farmId": "nope"}, ["farmId"]),
        ({"farmId": ""}, ["farmId"]),
        ({"aggregationId": "nope"}, ["aggregationId"]),
        ({"aggregationId": ""}, ["aggregationId"]),
        ({"aggregationId": UNKNOWN_AGGREGATION.upper()}, ["aggregationId"]),
        ({"maxResults": 0}, ["maxResults"]),
        ({"maxResults": 101}, ["maxResults"]),
        ({"maxResults": -1}, ["maxResults"]),
        ({"nextToken": "x" * 4097}, ["nextToken"]),
        ({"farmId": "nope", "aggregationId": "nope", "maxResults": 0}, ["aggregationId", "farmId", "maxResults"]),
    ],
)
def test_get_names_every_field_that_is_not_valid(careless, north, change, names):
    answer = refused(
        careless.exceptions.ValidationException, careless.get_sessions_statistics_aggregation,
        **{"farmId": north, "aggregationId": UNKNOWN_AGGREGATION} | change,
    )
    assert answer["reason"] == "FIELD_VALIDATION_FAILED"
    assert sorted(fields(answer)) == names


def test_a_page_size_of_1000_is_refused_through_the_paginator(deadline, north):
    paginator = deadline.get_paginator("get_sessions_statistics_aggregation")
    listed = paginator.paginate(farmId=north, aggregationId=UNKNOWN_AGGREGATION, PaginationConfig={"PageSize": 1000})
    answer = refused(deadline.exceptions.ValidationException, listed.build_full_result)
    assert fields(answer) == ["maxResults"]
    assert "1 to 100" in answer["message"]


@pytest.fixture(scope="module")
def paged(deadline, wide):
    """A finished aggregation of more than a page."""
    return start(deadline, question(wide, sample.WIDE_QUEUES[:10], group_by=["JOB_ID"]))


def changed(token):
    return token[:-1] + ("A" if token[-1] != "A" else "B")


@pytest.mark.parametrize("spoil", [changed, lambda token: token[:-2], lambda _: "nonsense", lambda _: "é +&="])
def test_a_token_that_was_never_given_is_not_valid(deadline, wide, paged, spoil):
    aggregation_id, first = paged
    answer = refused(
        deadline.exceptions.ValidationException, deadline.get_sessions_statistics_aggregation,
        farmId=wide, aggregationId=aggregation_id, nextToken=spoil(first["nextToken"]),
    )
    assert fields(answer) == ["nextToken"]


def test_a_token_of_another_aggregation_is_not_valid(deadline, wide, paged):
    other, _ = start(deadline, question(wide, sample.WIDE_QUEUES[:10], group_by=["JOB_ID"]))
    answer = refused(
        deadline.exceptions.ValidationException, deadline.get_sessions_statistics_aggregation,
        farmId=wide, aggregationId=other, nextToken=paged[1]["nextToken"],
    )
    assert fields(answer) == ["nextToken"]


# Not found


@pytest.mark.parametrize(
    ("change", "resource_id", "resource_type"),
    [
        ({"farmId": UNKNOWN_FARM}, UNKNOWN_FARM, "farm"),
        ({"resourceIds": {"queueIds": [COMP, QUEUE_IDS_11[7]]}}, QUEUE_IDS_11[7], "queue"),
        ({"resourceIds": {"fleetIds": ["fleet-" + "7" * 32]}}, "fleet-" + "7" * 32, "fleet"),
    ],
)
def test_start_tells_what_it_did_not_find(deadline, north, change, resource_id, resource_type):
    answer = refused(
        deadline.exceptions.ResourceNotFoundException,
        deadline.start_sessions_statistics_aggregation, **question(north, [COMP]) | change,
    )
    assert (answer["resourceId"], answer["resourceType"]) == (resource_id, resource_type)
    assert resource_id in answer["message"]


def test_get_tells_what_it_did_not_find(deadline, north, wide):
    get, kind = deadline.get_sessions_statistics_aggregation, deadline.exceptions.ResourceNotFoundException
    answer = refused(kind, get, farmId=north, aggregationId=UNKNOWN_AGGREGATION)
    assert answer["resourceId"] == UNKNOWN_AGGREGATION
    assert answer["resourceType"] == "sessions-statistics-aggregation"
    answer = refused(kind, get, farmId=UNKNOWN_FARM, aggregationId=UNKNOWN_AGGREGATION)
    assert answer["resourceType"] in ("farm", "sessions-statistics-aggregation")
    of_north, _ = start(deadline, question(north, [COMP]))
    answer = refused(kind, get, farmId=wide, aggregationId=of_north)
    assert answer["resourceId"] == of_north


@pytest.mark.parametrize("operation", ["get_farm", "list_queues", "list_fleets"])
def test_reading_an_unknown_farm_tells_the_farm(deadline, operation):
    answer = refused(deadline.exceptions.ResourceNotFoundException, getattr(deadline, operation), farmId=UNKNOWN_FARM)
    assert (answer["resourceId"], answer["resourceType"]) == (UNKNOWN_FARM, "farm")


# Access


def test_an_ingester_may_not_read(site, north):
    ingester = client(site.variables_of(site.folder.key("ingester")), **attempts(1))
    kind = ingester.exceptions.AccessDeniedException
    answer = refused(kind, ingester.start_sessions_statistics_aggregation, **question(north, [COMP]))
    assert "ingester" in answer["message"]
    refused(kind, ingester.get_sessions_statistics_aggregation, farmId=north, aggregationId=UNKNOWN_AGGREGATION)
    refused(kind, ingester.list_farms)


def test_a_reader_may_read(site, north):
    reader = client(site.variables_of(site.folder.key("reader")))
    assert ask(reader, question(north, [COMP]))


def test_a_key_for_one_farm_does_not_see_the_others(site, north, wide):
    reader = client(site.variables_of(site.folder.key("reader", "--farm", "north")), **attempts(1))
    assert [farm["farmId"] for farm in reader.list_farms()["farms"]] == [north]
    assert ask(reader, question(north, [COMP]))
    refused(reader.exceptions.ResourceNotFoundException, reader.get_farm, farmId=wide)


def test_a_disabled_key_stops_working(site):
    key = site.folder.key("reader")
    reader = client(site.variables_of(key), **attempts(1))
    assert reader.list_farms()["farms"]
    site.folder.run("key", "disable", key[0])
    give_up = time.monotonic() + 10
    with pytest.raises(ClientError) as raised:
        while time.monotonic() < give_up:
            reader.list_farms()
    assert raised.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("variables", "code", "part"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, "InvalidSignatureException", "signature"),
        ({"AWS_ACCESS_KEY_ID": "FTAKNOSUCHKEY2345678"}, "UnrecognizedClientException", "FTAKNOSUCHKEY2345678"),
        ({"AWS_SESSION_TOKEN": "a-token"}, "UnrecognizedClientException", "session token"),
    ],
)
def test_a_wrong_signature_is_refused_with_its_reason(site, north, variables, code, part):
    stranger = client(site.variables | variables, **attempts(1))
    for call, parameters in [
        (stranger.list_farms, {}),
        (stranger.start_sessions_statistics_aggregation, question(north, [COMP])),
    ]:
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        error = raised.value.response["Error"]
        assert error["Code"] == code
        assert part in error["Message"].lower() or part in error["Message"]
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_unsigned_request_is_refused(site):
    unsigned = site.client(signature_version=UNSIGNED)
    with pytest.raises(ClientError) as raised:
        unsigned.list_farms()
    assert raised.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"


# One aggregation at a time


def test_get_sees_an_aggregation_in_progress(deadline, busy):
    answer = deadline.get_sessions_statistics_aggregation(farmId=busy.farm_id, aggregationId=busy.aggregation_id)
    assert (answer["status"], answer["statistics"]) == ("IN_PROGRESS", [])
    assert "statusMessage" not in answer
    assert "nextToken" not in answer


def test_a_second_start_is_throttled_and_says_when_to_come_again(site, busy):
    impatient = site.client(**attempts(1))
    answer = refused(
        impatient.exceptions.ThrottlingException,
        impatient.start_sessions_statistics_aggregation, **question(busy.farm_id, [COMP]),
    )
    assert answer["retryAfterSeconds"] >= 1
    assert busy.aggregation_id in answer["message"]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amz-retry-after"]) >= 1
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_client_that_may_try_twice_tries_twice_and_waits_as_long_as_it_was_told(site, busy):
    patient = site.client(**attempts(2))
    sent = []
    patient.meta.events.register("before-send.deadline", lambda **_: sent.append(time.monotonic()))
    answer = refused(
        patient.exceptions.ThrottlingException,
        patient.start_sessions_statistics_aggregation, **question(busy.farm_id, [COMP]),
    )
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    told_ms = int(answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-retry-after"])
    assert len(sent) == 2
    assert sent[1] - sent[0] >= told_ms / 1000


def test_a_throttled_start_succeeds_by_itself_once_the_farm_is_free(site, busy):
    patient = site.client(**attempts(3))
    sent = []

    def before_send(**_):
        sent.append(None)
        if len(sent) == 2:
            busy.finish()

    patient.meta.events.register("before-send.deadline", before_send)
    answer = patient.start_sessions_statistics_aggregation(**question(busy.farm_id, [COMP]))
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert poll(patient, busy.farm_id, answer["aggregationId"])["status"] == "COMPLETED"


def test_another_farm_is_not_throttled(deadline, north, busy):
    assert ask(deadline, question(north, [COMP]))


def test_the_same_call_sent_twice_starts_once(site, north):
    """A client that lost the answer sends its call again, under the same invocation id."""

    def start_as(invocation_id):
        caller = site.client(**attempts(1))

        def before_send(request, **_):
            request.headers["amz-sdk-invocation-id"] = invocation_id

        caller.meta.events.register("before-send.deadline", before_send)
        return start(caller, question(north, [COMP]))[0]

    first = start_as("11111111-2222-3333-4444-555555555555")
    assert start_as("11111111-2222-3333-4444-555555555555") == first
    assert start_as("66666666-2222-3333-4444-555555555555") != first


# Aggregations that do not complete


@pytest.mark.parametrize(
    ("flag", "value", "status"),
    [("--aggregation-rows-max", "1", "FAILED"), ("--aggregation-seconds-max", "0", "TIMEOUT")],
)
def test_an_aggregation_that_does_not_complete_says_what_to_reduce(throwaway, flag, value, status):
    site = throwaway(flag, value)
    farm_id, asker = site.farms["north"], site.client()
    aggregation_id, answer = start(asker, question(farm_id, [COMP, SIM]))
    assert (answer["status"], answer["statistics"]) == (status, [])
    assert "nextToken" not in answer
    message = answer["statusMessage"]
    for remedy in ["time frame", "queues or fleets", "period"]:
        assert remedy in message, message
    # It does not block the farm, and it stays as it ended.
    start(asker, question(farm_id, [COMP, SIM]))
    site.restart()
    assert poll(site.client(), farm_id, aggregation_id)["status"] == status


def test_an_aggregation_that_was_cut_short_by_a_crash_does_not_block_its_farm(throwaway):
    site = throwaway()
    with BusyFarm(site, "north") as cut_short:
        site.server.kill()
        site.begin()
        asker, farm_id = site.client(**attempts(1)), site.farms["north"]
        answer = asker.get_sessions_statistics_aggregation(farmId=farm_id, aggregationId=cut_short.aggregation_id)
        assert answer["status"] in ("FAILED", "TIMEOUT")
        assert answer["statusMessage"]
        assert ask(asker, question(farm_id, [COMP]))


# Internal errors


def test_a_damaged_answer_is_an_internal_error_and_the_server_lives_on(throwaway):
    site = throwaway()
    farm_id = site.farms["north"]
    aggregation_id, _ = start(site.client(), question(farm_id, [COMP]))
    assert site.server.stop() == 0
    answer = site.folder.path / "answers" / aggregation_id
    answer.write_bytes(bytes(answer.stat().st_size))
    site.begin()
    asker = site.client(**attempts(1))
    answer = refused(
        asker.exceptions.InternalServerErrorException, asker.get_sessions_statistics_aggregation,
        farmId=farm_id, aggregationId=aggregation_id,
    )
    assert answer["retryAfterSeconds"] >= 1
    assert "sqlite" not in answer["message"].lower()
    assert aggregation_id in site.server.log(), "the log tells the operator which answer cannot be read"
    assert ask(asker, question(farm_id, [COMP])), "another question is answered"


def test_a_broken_catalogue_is_an_internal_error_of_both_operations(throwaway):
    site = throwaway()
    farm_id = site.farms["north"]
    drop_aggregations(site)
    asker = site.client(**attempts(1))
    kind = asker.exceptions.InternalServerErrorException
    answers = [
        refused(kind, asker.start_sessions_statistics_aggregation, **question(farm_id, [COMP])),
        refused(kind, asker.get_sessions_statistics_aggregation, farmId=farm_id, aggregationId=UNKNOWN_AGGREGATION),
    ]
    for answer in answers:
        assert answer["retryAfterSeconds"] >= 1
        assert "no such table" not in str(answer)
        request_id = answer["ResponseMetadata"]["RequestId"]
        assert request_id in site.server.log(), "the caller's request id finds the reason in the log"
