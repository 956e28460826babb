"""Servers that share a bucket of a real S3 server, which answers 500, breaks off and is slow."""

import json

import pytest

import asking
import sample
from object_store import SHARES, ObjectStore
from program import Folder
from several import FARM, Studio, session, total

SESSIONS = 2000


@pytest.fixture
def store(tmp_path):
    opened = ObjectStore(tmp_path)
    yield opened
    opened.stop()


def expected(numbers):
    return len(numbers), sum(numbers)


def test_a_farm_moves_to_a_bucket_that_fails_and_back_and_every_session_counts_once(store, tmp_path):
    numbers = list(range(1, SESSIONS + 1))
    lines = "".join(json.dumps(session(number)) + "\n" for number in numbers)
    origin = Folder(tmp_path / "origin")
    origin.import_lines(FARM, lines)
    origin.run("seal")

    store.door.shares = SHARES
    studio = Studio(tmp_path, 2, store.address, origin)
    assert any(name.endswith(".parquet") for name in store.names()), store.names()
    clients = [studio.client(number, tries=5) for number in range(2)]
    assert [total(client, studio.farm_id) for client in clients] == [expected(numbers)] * 2
    # Every id is known at both servers, and what one stores the other has.
    for server in range(2):
        status, receipt = studio.post(server, [session(number) for number in range(SESSIONS - 9, SESSIONS + 11)])
        assert (status, receipt["stored"]) == (200, 10 if server == 0 else 0), receipt
    numbers = list(range(1, SESSIONS + 11))
    assert [total(client, studio.farm_id) for client in clients] == [expected(numbers)] * 2
    # A copy that is damaged on a server's disk is fetched again.
    copies = list(studio.folders[1].path.glob("sessions/*/*/*.parquet"))
    for copy in copies:
        copy.write_bytes(copy.read_bytes()[:-100] + bytes(100))
    corrected = session(1) | {"revision": 1}
    corrected["usage"] = [{"usageType": "COMPUTE", "costInUsd": "0.0005"}]
    assert studio.post(1, [corrected])[0] == 200
    assert [total(client, studio.farm_id) for client in clients] == [(len(numbers), sum(numbers) + 4)] * 2

    assert store.door.failed > 0 and not store.door.refused, store.door.refused
    assert "hu%2Fsh" not in "".join(server.log() for server in studio.servers)
    back = studio.move_out(tmp_path / "back")
    studio.stop()
    back.run("verify")
    again = back.import_lines(FARM, lines)
    assert again.get("stored", 0) == 0, again


def test_while_the_bucket_is_down_aggregations_end_and_batches_are_taken(store, tmp_path):
    studio = Studio(tmp_path, 2, store.address)
    assert studio.post(0, [session(1)])[0] == 200
    store.door.shares = {"errors": 1}
    _, ended = asking.start(studio.client(0), asking.question(studio.farm_id, [sample.COMP]))
    assert ended["status"] == "FAILED", ended
    assert studio.post(1, [session(2)])[0] == 200
    store.door.shares = {}
    assert total(studio.client(1), studio.farm_id) == expected([1, 2])
    # An answer is read by the server that did not make it, and by one that was started since.
    aggregation_id, _ = asking.start(studio.client(0), asking.question(studio.farm_id, [sample.COMP]))
    studio.restart(1)
    answer = studio.client(1).get_sessions_statistics_aggregation(farmId=studio.farm_id, aggregationId=aggregation_id)
    assert (answer["status"], answer["statistics"][0]["count"]) == ("COMPLETED", 2)
    studio.stop()
