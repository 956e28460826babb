"""The package of `python/`, installed as people install it, and a test file that uses each of its fixtures."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from program import BINARY, REPOSITORY, clean_environment

TESTS = '''
import boto3
import pytest
from farmtally.testing import CommandFailed, FarmtallyServer

HOUR = {
    "sessionId": "session-0123456789abcdef0123456789abcdef", "queueName": "comp", "fleetName": "cloud",
    "jobName": "sh010", "userId": "alice", "startedAt": "2025-11-24T10:00:00Z", "endedAt": "2025-11-24T11:00:00Z",
    "usage": [{"usageType": "COMPUTE", "costInUsd": "1.25"}],
}


def cost_by_user(deadline, farm_id):
    queues = [queue["queueId"] for queue in deadline.list_queues(farmId=farm_id)["queues"]]
    started = deadline.start_sessions_statistics_aggregation(
        farmId=farm_id, resourceIds={"queueIds": queues}, startTime="2025-11-24T00:00:00Z",
        endTime="2025-11-25T00:00:00Z", groupBy=["USER_ID"], statistics=["SUM"],
    )
    question = {"farmId": farm_id, "aggregationId": started["aggregationId"]}
    while (answer := deadline.get_sessions_statistics_aggregation(**question))["status"] == "IN_PROGRESS":
        pass
    return {row["userId"]: row["costInUsd"]["sum"] for row in answer["statistics"]}


@pytest.mark.parametrize("copies", [1, 2])
def test_an_empty_farm_has_what_was_imported_and_nothing_else(farmtally_empty, copies):
    for _ in range(copies):
        farmtally_empty.import_sessions([HOUR])
    assert cost_by_user(farmtally_empty.client(), farmtally_empty.farm_id) == {"alice": 1.25}


def test_a_refused_session_says_why(farmtally_empty):
    with pytest.raises(CommandFailed, match="endedAt"):
        farmtally_empty.import_sessions([HOUR | {"endedAt": "2025-11-24T09:00:00Z"}])


def test_the_sample_farm_is_there(farmtally_server, farmtally_client):
    queues = farmtally_client.list_queues(farmId=farmtally_server.farm_id)["queues"]
    assert len(queues) > 1
    assert "hidden" in repr(farmtally_server.credentials)


def test_code_that_makes_its_own_client_finds_the_server(farmtally_environment):
    farms = boto3.client("deadline").list_farms()["farms"]
    assert [farm["farmId"] for farm in farms] == [farmtally_environment.farm_id]


def test_a_server_without_pytest_takes_flags_and_goes_away():
    with FarmtallyServer(farm="Studio", flags=["--region", "eu-west-1"]) as server:
        assert server.region == "eu-west-1"
        assert server.client().get_farm(farmId=server.farm_id)["displayName"] == "Studio"
        folder = server.folder
        assert folder.exists()
    assert not folder.exists()


def test_a_flag_that_there_is_not_is_told():
    with pytest.raises(CommandFailed, match="--no-such-flag"):
        FarmtallyServer(flags=["--no-such-flag"]).start()
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package in it, as pip puts it there."""
    place = tmp_path_factory.mktemp("package")
    # A copy: building leaves nothing behind in the repository.
    shutil.copytree(REPOSITORY / "python", place / "python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--target", place / "site", place / "python"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place / "site"


def pytest_run(installed, place, text, **variables):
    (place / "test_tool.py").write_text(textwrap.dedent(text))
    environment = clean_environment() | {"PYTHONPATH": str(installed)} | variables
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", place, place]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=place)


def test_a_file_of_tests_uses_every_fixture(installed, tmp_path):
    done = pytest_run(installed, tmp_path, TESTS, FARMTALLY_BINARY=str(BINARY))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout, done.stdout


def test_the_program_is_found_on_the_path(installed, tmp_path):
    text = "def test_it(farmtally_empty):\n    assert farmtally_empty.farm_id.startswith('farm-')\n"
    path = os.pathsep.join([str(BINARY.parent), os.environ["PATH"]])
    done = pytest_run(installed, tmp_path, text, PATH=path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PATH": "/nowhere"}, "there is no `farmtally` on the PATH; install it with"),
        ({"FARMTALLY_BINARY": "/nowhere/farmtally"}, "FARMTALLY_BINARY is `/nowhere/farmtally`, which is no program"),
    ],
)
def test_a_program_that_is_not_there_is_named(installed, tmp_path, variables, sentence):
    done = pytest_run(installed, tmp_path, "def test_it(farmtally_empty):\n    pass\n", **variables)
    assert done.returncode == 1
    assert sentence in done.stdout, done.stdout


def test_the_page_names_every_fixture():
    page = (REPOSITORY / "docs/python.md").read_text()
    plugin = (REPOSITORY / "python/farmtally/pytest_plugin.py").read_text()
    fixtures = [line.split("(")[0].removeprefix("def ") for line in plugin.splitlines() if line.startswith("def ")]
    assert len(fixtures) == 4
    assert all(f"`{name}`" in page for name in fixtures)
