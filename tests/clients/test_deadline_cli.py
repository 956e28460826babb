"""The `deadline` command of AWS's package for artists, unchanged, configured as `farmtally env` says."""

import http.client
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import sample
from conftest import open_site
from program import PATIENCE_SECONDS
from sample import COMP, CPU, LIGHT, OCEAN, SIM

DEADLINE = Path(sys.executable).with_name("deadline")
WORKER = "worker-" + "ab" * 16


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A server with the sample farm, whose sessions have a worker and an outcome."""
    records = [
        record | {"workerId": WORKER, "outcome": "SUCCEEDED"} if "sessionId" in record else record
        for record in sample.NORTH
    ]
    opened = open_site(tmp_path_factory.mktemp("deadline-cli") / "data", {"north": records})
    yield opened
    assert opened.server.stop() == 0, opened.server.log()


@pytest.fixture(scope="module")
def deadline_cli(studio, tmp_path_factory):
    """Runs `deadline …` in a home of its own, as somebody does who uses it for the first time."""
    home = tmp_path_factory.mktemp("home")
    variables = studio.variables | {"HOME": str(home), "DEADLINE_CONFIG_FILE_PATH": str(home / "deadline.ini")}

    def run(*arguments):
        done = subprocess.run(
            [DEADLINE, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=variables
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def farm(studio):
    return studio.farms["north"]


def test_farms_are_listed_and_shown(deadline_cli, farm):
    assert f"farmId: {farm}" in deadline_cli("farm", "list")
    shown = deadline_cli("farm", "get", "--farm-id", farm)
    assert "displayName: north" in shown
    assert re.search(r"costScaleFactor: 1(\.0)?$", shown, re.MULTILINE), shown


def test_queues_are_listed_and_shown(deadline_cli, farm):
    listed = deadline_cli("queue", "list", "--farm-id", farm)
    assert COMP in listed and SIM in listed
    shown = deadline_cli("queue", "get", "--farm-id", farm, "--queue-id", COMP)
    assert "displayName: comp" in shown and "status: IDLE" in shown


def test_fleets_are_listed_and_shown(deadline_cli, farm):
    assert "render-cpu" in deadline_cli("fleet", "list", "--farm-id", farm)
    shown = deadline_cli("fleet", "get", "--farm-id", farm, "--fleet-id", CPU)
    assert "workerCount: 0" in shown, shown


def test_jobs_are_listed_and_shown(deadline_cli, farm):
    listed = deadline_cli("job", "list", "--farm-id", farm, "--queue-id", SIM)
    assert OCEAN in listed and "sh020 ocean" in listed
    shown = deadline_cli("job", "get", "--farm-id", farm, "--queue-id", COMP, "--job-id", LIGHT)
    assert "name: sh010 light v12" in shown and "SUCCEEDED: 2" in shown, shown


def test_workers_are_listed_and_shown(deadline_cli, farm):
    assert WORKER in deadline_cli("worker", "list", "--farm-id", farm, "--fleet-id", CPU)
    shown = deadline_cli("worker", "get", "--farm-id", farm, "--fleet-id", CPU, "--worker-id", WORKER)
    assert "status: STOPPED" in shown, shown


def test_what_the_command_tells_of_its_use_is_taken_quietly(studio):
    connection = http.client.HTTPConnection(urlsplit(studio.endpoint).netloc, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/2023-10-12/telemetry", body=b'{"BatchId": "x"}', headers={"Accept": "application-json"})
    response = connection.getresponse()
    assert (response.status, response.read()) == (204, b"")
    connection.close()
