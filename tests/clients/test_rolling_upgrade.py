"""Servers of one store that are updated one by one while records and questions come, and one that finds a newer catalogue.

`FARMTALLY_OLD_BINARY` is the program of before, which `scripts/rolling-upgrade` builds; without it the servers are restarted with
the same one.
"""

import os
import random
import time
from pathlib import Path

import botocore.exceptions
import pytest

import asking
import sample
from patience import PATIENCE_SECONDS
from program import BINARY, run
from several import Studio, Traffic, session, total

OLD = Path(os.environ.get("FARMTALLY_OLD_BINARY", BINARY)).absolute()
# Enough that a folder has them in a segment, which both programs read.
SEALED = range(10**6, 10**6 + 2000)


@pytest.fixture
def studio(tmp_path):
    """Three servers of the program of before."""
    opened = Studio(tmp_path, 3, program=OLD)
    yield opened
    opened.stop()


def page(client, farm_id, aggregation_id, **token):
    return client.get_sessions_statistics_aggregation(
        farmId=farm_id, aggregationId=aggregation_id, maxResults=1, **token
    )


def test_servers_are_updated_one_by_one_and_back_and_nothing_is_lost(studio):
    others = [session(number) | {"userId": "bob"} for number in SEALED]
    for start in range(0, len(others), 500):
        assert studio.post(1, others[start : start + 500])[0] == 200
    by_user = asking.question(studio.farm_id, [sample.COMP], group_by=["USER_ID"])
    traffic = Traffic(studio, random.Random(1))
    traffic.acknowledged.update(SEALED)
    aggregation_id, answer = asking.start(studio.client(0), by_user)
    rows = answer["statistics"]
    assert len(rows) == 2
    with traffic:
        token = {"nextToken": page(studio.client(0), studio.farm_id, aggregation_id)["nextToken"]}
        for number, program in [(0, BINARY), (1, BINARY), (0, OLD), (0, BINARY), (2, BINARY)]:
            studio.update(number, program)
            time.sleep(1)
            # Keys, tokens and answers of the one are good for the other.
            for server in range(3):
                second = page(studio.client(server, tries=5), studio.farm_id, aggregation_id, **token)
                assert second["statistics"] == rows[1:], second
    traffic.check()
    told = studio.folders[0].run("farm", "list").stdout
    assert studio.farm_id in told


def test_a_server_ends_when_a_newer_one_brings_the_catalogue_on(tmp_path):
    studio = Studio(tmp_path, 2)
    try:
        assert studio.post(0, [session(1)])[0] == 200
        # A newer server that works beside those of before.
        studio.database.do("UPDATE catalogue_format SET version = version + 1")
        studio.restart(1)
        assert studio.post(1, [session(2)])[0] == 200
        assert total(studio.client(0), studio.farm_id) == (2, 3)
        # And one that does not.
        studio.database.do("UPDATE catalogue_format SET oldest = version")
        batches = studio.database.do("SELECT count(*) FROM batches")
        with pytest.raises((OSError, AssertionError)):
            status, refusal = studio.post(0, [session(3)])
            assert status == 200, refusal
        for server in studio.servers:
            assert server.process.wait(timeout=PATIENCE_SECONDS) == 1, server.log()
            assert "a newer farmtally brought the catalogue to a format" in server.log()
            assert "panicked" not in server.log()
        with pytest.raises(botocore.exceptions.BotoCoreError):
            total(studio.client(1), studio.farm_id)
        assert studio.database.do("SELECT count(*) FROM batches") == batches
        for command in (("serve", "--listen", "127.0.0.1:0"), ("key", "list")):
            done = run(*command, "--data-dir", studio.folders[0].path, check=False)
            assert done.returncode == 1 and "is newer than this program knows" in done.stderr, done
    finally:
        studio.servers.clear()
        studio.stop()
