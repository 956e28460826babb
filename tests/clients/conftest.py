"""Servers with known content. Every server that a test starts has to end with exit code 0 when it is asked to."""

import os
import sqlite3
import time
from dataclasses import dataclass, field

import pytest

import asking
import sample
from program import Folder, Server, clean_environment

# Nothing that a developer has configured may reach a client in this process either.
os.environ.update(clean := clean_environment())
# Workers of the same run look for the program where this process does.
for name in set(os.environ) - set(clean) - {"PYTEST_CURRENT_TEST", "FARMTALLY_BINARY"}:
    del os.environ[name]

FARMS = {"north": sample.NORTH, "wide": sample.WIDE, "live": sample.RUNNING, "busy": sample.NORTH}


@dataclass
class Site:
    """A running server, its environment for users, and its farms by name."""

    folder: Folder
    server: Server
    variables: dict
    farms: dict = field(default_factory=dict)

    @property
    def endpoint(self):
        return self.server.endpoint

    @property
    def key(self):
        return self.variables["AWS_ACCESS_KEY_ID"], self.variables["AWS_SECRET_ACCESS_KEY"]

    def variables_of(self, key):
        """The environment of somebody with another key."""
        return self.variables | {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}

    def client(self, **config):
        return asking.client(self.variables, **config)

    def restart(self, *flags):
        """Ends the server in good order and starts it anew, on another port."""
        assert self.server.stop() == 0, self.server.log()
        self.begin(*flags)

    def begin(self, *flags):
        self.server = Server(self.folder, *flags)
        self.variables = self.server.environment()


def open_site(path, farms, *flags):
    folder = Folder(path)
    for name, records in farms.items():
        counted = folder.import_lines(name, sample.json_lines(records))
        assert counted["stored"] == len(records), counted
    server = Server(folder, *flags)
    site = Site(folder, server, server.environment())
    listed = site.client().get_paginator("list_farms").paginate().build_full_result()["farms"]
    site.farms = {farm["displayName"]: farm["farmId"] for farm in listed}
    assert set(farms) <= set(site.farms), site.farms
    return site


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The server that most tests ask. Its farms must not be changed, `busy` apart."""
    opened = open_site(tmp_path_factory.mktemp("site") / "data", FARMS)
    yield opened
    assert opened.server.stop() == 0, opened.server.log()
    assert opened.server.rest_of_stdout == "", "a server prints its ready line and no other on stdout"


@pytest.fixture(scope="session")
def deadline(site):
    return site.client()


@pytest.fixture(scope="session")
def north(site):
    return site.farms["north"]


@pytest.fixture(scope="session")
def wide(site):
    return site.farms["wide"]


@pytest.fixture
def throwaway(tmp_path):
    """Opens servers that a test may do anything to: `throwaway(*flags)` has the farm `north`."""
    opened = []

    def open_one(*flags, farms=None):
        path = tmp_path / f"data-{len(opened)}"
        opened.append(open_site(path, {"north": sample.NORTH} if farms is None else farms, *flags))
        return opened[-1]

    yield open_one
    for site in opened:
        if site.server.process.poll() is None:
            assert site.server.stop() == 0, site.server.log()


BLOCKER = bytes.fromhex("b10c" * 8)


class BusyFarm:
    """A farm with an aggregation in progress that nobody runs."""

    def __init__(self, site, farm):
        self.farm_id = site.farms[farm]
        self.catalogue = site.folder.catalogue

    def __enter__(self):
        started_at = int(time.time() * 1000)
        self._change(
            "INSERT INTO aggregations (aggregation_id, farm_id, status, started_at, deadline, group_by, statistics,"
            " cost_scale_nanos) VALUES (?, ?, 'IN_PROGRESS', ?, ?, 'QUEUE_ID', 'SUM', 1000000000)",
            (BLOCKER, bytes.fromhex(self.farm_id.removeprefix("farm-")), started_at, started_at + 600_000),
        )
        return self

    def __exit__(self, *_):
        self.finish()

    @property
    def aggregation_id(self):
        return BLOCKER.hex()

    def finish(self):
        self._change("DELETE FROM aggregations WHERE aggregation_id = ?", (BLOCKER,))

    def _change(self, statement, values):
        connection = sqlite3.connect(self.catalogue, timeout=30)
        with connection:
            connection.execute(statement, values)
        connection.close()


@pytest.fixture
def busy(site):
    with BusyFarm(site, "busy") as farm:
        yield farm


def drop_aggregations(site):
    """Damages a running server's catalogue so that nothing about aggregations can be read or written."""
    connection = sqlite3.connect(site.folder.catalogue, timeout=30)
    with connection:
        connection.execute("DROP TABLE aggregations")
    connection.close()


@pytest.fixture
def scenario(site, busy, throwaway):
    """What clients in other languages need to meet every answer: an environment for their test program.

    Besides a user's own variables there are the farms of the site, a farm that is busy, an ingester's key, and a
    second server whose catalogue is broken.
    """
    broken = throwaway()
    drop_aggregations(broken)
    ingester = site.folder.key("ingester")
    return site.variables | {
        "FARMTALLY_TEST_FARM_ID": site.farms["north"],
        "FARMTALLY_TEST_QUEUE_IDS": ",".join([sample.COMP, sample.SIM]),
        "FARMTALLY_TEST_WIDE_FARM_ID": site.farms["wide"],
        "FARMTALLY_TEST_WIDE_QUEUE_IDS": ",".join(sample.WIDE_QUEUES[:10]),
        "FARMTALLY_TEST_BUSY_FARM_ID": busy.farm_id,
        "FARMTALLY_TEST_BUSY_AGGREGATION_ID": busy.aggregation_id,
        "FARMTALLY_TEST_INGESTER_ACCESS_KEY_ID": ingester[0],
        "FARMTALLY_TEST_INGESTER_SECRET_ACCESS_KEY": ingester[1],
        "FARMTALLY_TEST_BROKEN_ENDPOINT": broken.endpoint,
        "FARMTALLY_TEST_BROKEN_FARM_ID": broken.farms["north"],
        "FARMTALLY_TEST_BROKEN_ACCESS_KEY_ID": broken.key[0],
        "FARMTALLY_TEST_BROKEN_SECRET_ACCESS_KEY": broken.key[1],
    }
