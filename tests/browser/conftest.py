"""Two servers and one browser: the sample farm of `farmtally demo`, and a folder with a farm of hostile names, one whose
usage is long ago, and an empty one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "clients"), str(TESTS / "trust")]

import program  # noqa: E402
from explorer import PAST, Explorer, start_browser  # noqa: E402
from names import some_names  # noqa: E402

HOSTILE_NAMES = some_names(200, seed=1)
LINK = re.compile(r"http://\S+/\?token=\S+")


@pytest.fixture(scope="session")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(downloads):
    started = start_browser(downloads)
    yield started
    started.quit()


class Demo:
    """`farmtally demo` over a folder."""

    def __init__(self, path):
        self.folder = program.Folder(path)
        command = [program.BINARY, "demo", "--data-dir", path, "--listen", "127.0.0.1:0"]
        # A file and no pipe: nobody reads on, and a full pipe would stop the server.
        output = path.with_name("demo.log")
        with output.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=program.clean_environment())
        end = time.monotonic() + program.PATIENCE_SECONDS
        while "\nStop with" not in (printed := output.read_text(encoding="utf-8")):
            assert self.process.poll() is None and time.monotonic() < end, printed
            time.sleep(0.05)
        self.link = LINK.search(printed).group()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=program.PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    started = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield started
    started.stop()


def hostile_session(number, name):
    return {
        "sessionId": f"session-{number:032x}", "queueId": f"queue-{number % 5:032x}", "queueName": HOSTILE_NAMES[number % 5],
        "fleetId": f"fleet-{1:032x}", "fleetName": name, "jobId": f"job-{number:032x}", "jobName": name, "userId": f"user-{number}",
        "userName": name, "startedAt": f"2025-11-{1 + number % 28:02}T01:00:00Z", "endedAt": f"2025-11-{1 + number % 28:02}T02:00:00Z",
        "usage": [{"usageType": "COMPUTE", "costInUsd": f"{1 + number / 100:.2f}"}],
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = program.Folder(tmp_path_factory.mktemp("site") / "data")
    lines = [json.dumps(hostile_session(number, name)) for number, name in enumerate(HOSTILE_NAMES)]
    folder.import_lines("Hostile", "\n".join(lines))
    folder.import_lines("Old", json.dumps(hostile_session(1, "sh010") | {"startedAt": "2019-02-03T01:00:00Z", "endedAt": "2019-02-03T02:00:00Z"}))
    folder.run("farm", "create", "Empty")
    server = program.Server(folder)
    server.link = LINK.search(server.log()).group()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="session")
def arrived(browser, downloads):
    """Servers that the browser has been let in to."""
    explorers = {}

    def arrive(link):
        if link not in explorers:
            explorers[link] = Explorer(browser, link, downloads)
        return explorers[link]

    return arrive


@pytest.fixture
def arrive(arrived):
    """Opens a server's page; in the end nothing was against the page's policy, and the console is empty."""
    used = []

    def visit(link):
        used.append(arrived(link))
        used[0].emulate()
        used[0].run("localStorage.clear()")
        used[0].console()
        return used[0]

    yield visit
    for explorer in used:
        assert explorer.violations() == []
        assert explorer.console() == []


@pytest.fixture
def page(arrive, demo):
    """Thirty days of the demo that are over."""
    return arrive(demo.link).open(**PAST)


os.environ.setdefault("SE_AVOID_STATS", "true")
