"""The `aws` command, configured as a user configures it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sample
from program import PATIENCE_SECONDS
from sample import COMP, SIM

AWS = Path(sys.executable).with_name("aws")
UNKNOWN_AGGREGATION = "ee" * 16


def aws(variables, *arguments):
    """Runs `aws deadline <arguments>`."""
    return subprocess.run(
        [AWS, "deadline", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=variables
    )


@pytest.fixture(scope="module")
def run(site):
    def run_one(*arguments):
        done = aws(site.variables, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_one


def start(run, farm_id, queues, *further):
    return run(
        "start-sessions-statistics-aggregation", "--farm-id", farm_id,
        "--resource-ids", json.dumps({"queueIds": queues}),
        "--start-time", "2025-11-24T10:00:00Z", "--end-time", "2025-11-25T18:00:00Z", *further,
    )


def get(run, farm_id, aggregation_id, *further):
    """The command of a user who waits for the answer: again until it is there."""
    while True:
        answer = run(
            "get-sessions-statistics-aggregation", "--farm-id", farm_id, "--aggregation-id", aggregation_id, *further
        )
        if answer.get("status") != "IN_PROGRESS":
            return answer


@pytest.fixture(scope="module")
def developer_guide(run, north):
    """The developer guide's example, on our sample: hourly sums by user in UTC-08:00."""
    further = ["--group-by", '["USER_ID"]', "--period", "HOURLY", "--statistics", '["SUM"]', "--timezone", "UTC-08:00"]
    return start(run, north, [COMP, SIM], *further)


def test_start_prints_the_id(developer_guide):
    assert list(developer_guide) == ["aggregationId"]
    assert re.fullmatch("[0-9a-f]{32}", developer_guide["aggregationId"])


def test_get_prints_what_the_developer_guide_shows(run, north, developer_guide):
    answer = get(run, north, developer_guide["aggregationId"])
    assert answer["status"] == "COMPLETED"
    row = answer["statistics"][-1]
    assert row == {
        "userId": "alice",
        "count": 1,
        "costInUsd": {"sum": 1.35},
        "runtimeInSeconds": {"sum": 1200.0},
        "aggregationStartTime": "2025-11-24T10:00:00Z",
        "aggregationEndTime": "2025-11-24T11:00:00Z",
    }
    foam_hour = next(row for row in answer["statistics"] if row["aggregationStartTime"] == "2025-11-25T09:00:00Z")
    assert foam_hour["runtimeInSeconds"] == {"sum": 3653.773}


def test_get_prints_members_in_the_order_of_the_developer_guide(site, north, developer_guide):
    done = aws(
        site.variables, "get-sessions-statistics-aggregation", "--farm-id", north,
        "--aggregation-id", developer_guide["aggregationId"], "--max-items", "1",
    )
    printed = re.findall(r'"(\w+)":', done.stdout)
    wanted = [
        "userId", "count", "costInUsd", "sum", "runtimeInSeconds", "sum", "aggregationStartTime", "aggregationEndTime",
    ]
    begin = printed.index("userId")
    assert printed[begin : begin + len(wanted)] == wanted


@pytest.fixture(scope="module")
def wide_jobs(run, wide):
    further = ["--group-by", "JOB_ID", "--statistics", "SUM"]
    window = ["--start-time", "2025-11-24T00:00:00Z"]
    return start(run, wide, sample.WIDE_QUEUES[:10], *further, *window)["aggregationId"]


WIDE_ASKED = [sample.wide_job(number) for number in range(sample.WIDE_JOBS) if number % 12 < 10]


def job_ids(answer):
    return [row["jobId"] for row in answer["statistics"]]


def test_without_further_ado_every_page_is_printed(run, wide, wide_jobs):
    assert job_ids(get(run, wide, wide_jobs)) == WIDE_ASKED


def test_a_page_size_changes_nothing_that_is_printed(run, wide, wide_jobs):
    assert job_ids(get(run, wide, wide_jobs, "--page-size", "70")) == WIDE_ASKED


def test_max_items_stops_and_starting_token_resumes(run, wide, wide_jobs):
    collected, token = [], []
    for _ in range(10):
        part = get(run, wide, wide_jobs, "--max-items", "90", "--page-size", "40", *token)
        collected += job_ids(part)
        if "NextToken" not in part:
            break
        token = ["--starting-token", part["NextToken"]]
    assert collected == WIDE_ASKED


def test_one_page_can_be_asked_for(run, wide, wide_jobs):
    first = get(run, wide, wide_jobs, "--no-paginate", "--max-results", "3")
    assert job_ids(first) == WIDE_ASKED[:3]
    second = get(run, wide, wide_jobs, "--no-paginate", "--max-results", "3", "--next-token", first["nextToken"])
    assert job_ids(second) == WIDE_ASKED[3:6]


def test_farms_queues_and_fleets_are_listed(run, site, north):
    assert {farm["displayName"] for farm in run("list-farms")["farms"]} == set(site.farms)
    queues = run("list-queues", "--farm-id", north)["queues"]
    assert {queue["queueId"]: queue["displayName"] for queue in queues} == sample.QUEUE_NAMES
    fleets = run("list-fleets", "--farm-id", north)["fleets"]
    assert {fleet["fleetId"]: fleet["displayName"] for fleet in fleets} == sample.FLEET_NAMES
    assert run("get-farm", "--farm-id", north)["displayName"] == "north"


@pytest.mark.parametrize(
    ("arguments", "error", "part"),
    [
        (["--aggregation-id", UNKNOWN_AGGREGATION], "ResourceNotFoundException", UNKNOWN_AGGREGATION),
        (["--aggregation-id", "nope"], "ValidationException", "aggregationId"),
        (["--aggregation-id", UNKNOWN_AGGREGATION, "--page-size", "1000"], "ValidationException", "1 to 100"),
    ],
)
def test_an_error_is_printed_with_its_reason_and_exit_code_255(site, north, arguments, error, part):
    done = aws(site.variables, "get-sessions-statistics-aggregation", "--farm-id", north, *arguments)
    assert (done.returncode, done.stdout) == (255, "")
    assert f"An error occurred ({error}) when calling the GetSessionsStatisticsAggregation operation" in done.stderr
    assert part in done.stderr


def test_a_farm_that_is_busy_is_an_error_after_the_retries(site, busy):
    done = aws(
        site.variables | {"AWS_MAX_ATTEMPTS": "1"},
        "start-sessions-statistics-aggregation", "--farm-id", busy.farm_id,
        "--resource-ids", json.dumps({"queueIds": [COMP]}), "--start-time", "2025-11-24T10:00:00Z",
        "--end-time", "2025-11-25T18:00:00Z", "--group-by", "USER_ID", "--statistics", "SUM",
    )
    assert done.returncode == 255
    assert "(ThrottlingException)" in done.stderr
    assert busy.aggregation_id in done.stderr
