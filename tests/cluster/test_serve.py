"""The program that was built with the feature `cluster`, as an operator starts it: `serve --engine spark` beside Sail.

`scripts/test-cluster --all` builds that program, installs Sail and runs this.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "clients"))

import asking  # noqa: E402
import sample  # noqa: E402
from program import Folder, Server  # noqa: E402

SAIL = Path(os.environ.get("FARMTALLY_SAIL", TESTS.parent / "target/cluster-env/bin/sail"))
START_SECONDS = 180
FARM = "north"
TWO_WORKERS = {
    "SAIL_MODE": "local-cluster", "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2", "SAIL_CLUSTER__WORKER_MAX_COUNT": "2",
}
QUESTIONS = [
    {"queues": [sample.COMP, sample.SIM], "group_by": ["USER_ID", "JOB_ID"], "statistics": ["SUM", "MIN", "MAX", "AVG"]},
    {"queues": [sample.COMP], "group_by": ["LICENSE_PRODUCT"], "statistics": ["SUM", "AVG"], "period": "HOURLY"},
    {"fleets": [sample.CPU, sample.GPU], "group_by": ["USAGE_TYPE", "FLEET_ID"], "statistics": ["SUM"], "period": "DAILY"},
]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def sail():
    """Sail with two workers; gives its address and its process."""
    port = free_port()
    process = subprocess.Popen(
        [SAIL, "spark", "server", "--port", str(port)],
        env=os.environ | TWO_WORKERS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield f"sc://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def wait_for(port, process):
    give_up = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "Sail ended before it listened"
        assert time.monotonic() < give_up, f"nothing listens on port {port}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path):
    """A farm that is sealed as a whole, in a folder whose name has a space."""
    made = Folder(tmp_path / "north studio")
    made.import_lines(FARM, sample.json_lines(sample.NORTH))
    made.run("seal")
    return made


@contextlib.contextmanager
def served(folder, *flags):
    """A server with these flags; gives a client and the farm's id."""
    server = Server(folder, *flags)
    try:
        client = asking.client(server.environment())
        yield client, client.list_farms()["farms"][0]["farmId"]
    finally:
        assert server.stop() == 0, server.log()


def rows(client, farm_id):
    return [asking.ask(client, asking.question(farm_id, **question)) for question in QUESTIONS]


def test_clients_read_the_same_rows_whichever_engine_counts(folder):
    with served(folder) as (client, farm_id):
        expected = rows(client, farm_id)
    assert all(expected)
    with sail() as (address, process):
        with served(folder, "--engine", "spark", "--spark-address", address, "--spark-sessions-min", "1") as (client, farm_id):
            assert rows(client, farm_id) == expected
            process.kill()
            process.wait()
            _, page = asking.start(client, asking.question(farm_id, **QUESTIONS[0]))
            assert page["status"] == "FAILED" and "the distributed engine" in page["statusMessage"], page


def test_a_small_farm_is_counted_here_even_when_nobody_is_at_the_address(folder):
    with served(folder) as (client, farm_id):
        expected = rows(client, farm_id)
    with served(folder, "--engine", "spark", "--spark-address", f"sc://127.0.0.1:{free_port()}") as (client, farm_id):
        assert rows(client, farm_id) == expected
