"""Sessions in, seen from outside: what was acknowledged is there once, whatever happens to the server."""

import signal
import sqlite3
import subprocess
import threading

import pytest

import sample
from asking import ask, client, question
from ingest import post_sessions, send
from program import BINARY, clean_environment

FARM = "crash"
BATCH = 25


def job_of(batch):
    return f"job-{batch + 1:032x}"


def batch_lines(batch):
    """A batch of sessions of one job, which tells the batches apart in an answer."""
    records = []
    for number in range(BATCH):
        record = sample.wide_session(number)
        record |= {"sessionId": f"session-{batch * BATCH + number + 1:032x}", "jobId": job_of(batch), "jobName": "b"}
        records.append(record)
    return sample.json_lines(records)


def counts(site):
    """How many sessions of each batch the farm has, as boto3 sees it."""
    asked = []
    for queues in (sample.WIDE_QUEUES[:10], sample.WIDE_QUEUES[10:]):
        asked += ask(client(site.variables), question(site.farms[FARM], queues, group_by=["JOB_ID"]))
    by_job = {}
    for row in asked:
        by_job[row["jobId"]] = by_job.get(row["jobId"], 0) + row["count"]
    return by_job


@pytest.fixture
def crashing(throwaway):
    """A server whose farm has one batch, number 0, so that all queues and fleets are known."""
    site = throwaway(farms={FARM: []})
    status, report = post_sessions(site.endpoint, site.farms[FARM], batch_lines(0), site.key)
    assert status == 200, report
    return site


def test_a_report_counts_what_became_of_each_session(crashing):
    site, farm_id = crashing, crashing.farms[FARM]
    status, report = post_sessions(site.endpoint, farm_id, batch_lines(0) + batch_lines(1), site.key)
    assert status == 200
    assert (report["received"], report["stored"], report["replaced"], report["unchanged"]) == (50, 25, 0, 25)
    assert report["refused"] == []
    assert counts(site) == {job_of(0): BATCH, job_of(1): BATCH}


def test_lines_that_break_the_contract_are_named_and_the_others_stored(crashing):
    site, farm_id = crashing, crashing.farms[FARM]
    lines = batch_lines(1).splitlines(keepends=True)
    lines[3] = lines[3].replace("2025-11-24T00:00:00Z", "2026-11-24T00:00:00Z")
    lines[7] = "{}\n"
    status, report = post_sessions(site.endpoint, farm_id, "".join(lines), site.key)
    assert status == 200
    assert (report["received"], report["stored"]) == (BATCH, BATCH - 2)
    assert [refusal["line"] for refusal in report["refused"]] == [4, 8]
    assert report["refused"][0]["field"] == "endedAt"
    assert counts(site)[job_of(1)] == BATCH - 2


def test_a_reader_may_not_send_and_an_ingester_may(crashing):
    site, farm_id = crashing, crashing.farms[FARM]
    status, _ = post_sessions(site.endpoint, farm_id, batch_lines(1), site.folder.key("reader"))
    assert status == 403
    status, report = post_sessions(site.endpoint, farm_id, batch_lines(1), site.folder.key("ingester"))
    assert (status, report["stored"]) == (200, BATCH)


def test_a_deleted_session_is_gone_from_the_next_answer(crashing):
    site, farm_id = crashing, crashing.farms[FARM]
    path = f"/api/v1/farms/{farm_id}/sessions/session-{1:032x}"
    assert send("DELETE", site.endpoint, path, b"", site.key) == (204, None)
    assert send("DELETE", site.endpoint, path, b"", site.key)[0] == 404
    assert counts(site) == {job_of(0): BATCH - 1}


class Sender(threading.Thread):
    """Sends batch after batch until the server is gone; knows which were acknowledged."""

    def __init__(self, site, first):
        super().__init__()
        self.site, self.next_batch = site, first
        self.acknowledged = []
        self.progress = threading.Semaphore(0)

    def run(self):
        try:
            while True:
                lines = batch_lines(self.next_batch)
                status, _ = post_sessions(self.site.endpoint, self.site.farms[FARM], lines, self.site.key)
                if status == 200:
                    self.acknowledged.append(self.next_batch)
                    self.progress.release()
                self.next_batch += 1
        except OSError:
            pass  # The server is gone, which is what we wait for.
        finally:
            self.progress.release()


def test_what_was_acknowledged_survives_kill_9_and_counts_once(crashing):
    site, acknowledged, first = crashing, [0], 1
    for batches_before_the_kill in (1, 7, 20):
        sender = Sender(site, first)
        sender.start()
        for _ in range(batches_before_the_kill):
            assert sender.progress.acquire(timeout=60)
        assert site.server.kill() == -signal.SIGKILL
        sender.join(timeout=60)
        assert not sender.is_alive()
        acknowledged += sender.acknowledged
        in_flight = sender.next_batch
        site.begin()
        found = counts(site)
        assert all(found.get(job_of(batch)) == BATCH for batch in acknowledged), (acknowledged, found)
        assert set(found) <= {job_of(batch) for batch in [*acknowledged, in_flight]}
        assert found.get(job_of(in_flight), BATCH) == BATCH, "a batch is there as a whole or not at all"
        # Its sender does not know what became of the last batch and sends it again.
        status, _ = post_sessions(site.endpoint, site.farms[FARM], batch_lines(in_flight), site.key)
        assert status == 200
        acknowledged.append(in_flight)
        assert counts(site) == {job_of(batch): BATCH for batch in acknowledged}
        first = in_flight + 1


def test_another_program_that_opens_the_catalogue_costs_no_session(crashing):
    """A backup or a curious administrator: SQLite deletes the log of a database that nobody else seems to have open."""
    site, farm_id = crashing, crashing.farms[FARM]
    connection = sqlite3.connect(site.folder.catalogue)
    assert connection.execute("SELECT count(*) FROM farms").fetchone() == (1,)
    connection.close()
    status, report = post_sessions(site.endpoint, farm_id, batch_lines(1), site.key)
    assert (status, report["stored"]) == (200, BATCH)
    site.server.kill()
    site.begin()
    assert counts(site) == {job_of(0): BATCH, job_of(1): BATCH}


IMPORTED = "".join(batch_lines(batch) for batch in range(40))


def begin_import(site):
    """An import that has been given the first half of its lines and waits for the rest, wherever it has come to."""
    command = [BINARY, "import", "--data-dir", site.folder.path, "--farm", FARM, "--format", "jsonl"]
    process = subprocess.Popen(
        [*command, "--batch", "25", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=clean_environment(),
    )
    process.stdin.write(IMPORTED[: len(IMPORTED) // 2])
    process.stdin.flush()
    return process


def import_again(site):
    """The same import from its beginning; every session counts once then."""
    counted = site.folder.import_lines(FARM, IMPORTED)
    assert counted["read"] == 40 * BATCH
    assert counted["stored"] + counted["unchanged"] == 40 * BATCH


def test_an_import_that_was_killed_is_finished_by_importing_again(throwaway):
    site = throwaway(farms={FARM: []})
    assert site.server.stop() == 0
    with begin_import(site) as process:
        process.kill()
    import_again(site)
    site.begin()
    assert counts(site) == {job_of(batch): BATCH for batch in range(40)}


def test_an_import_whose_server_was_killed_says_so_and_is_finished_by_importing_again(throwaway):
    site = throwaway(farms={FARM: []})
    with begin_import(site) as process:
        site.server.kill()
        _, talk = process.communicate(IMPORTED[len(IMPORTED) // 2 :], timeout=60)
    assert process.returncode == 1
    assert "error: " in talk
    site.begin()
    import_again(site)
    assert counts(site) == {job_of(batch): BATCH for batch in range(40)}


def test_a_server_ends_in_good_order_with_clients_connected(throwaway):
    site = throwaway()
    connected = client(site.variables)
    assert connected.list_farms()["farms"]
    assert site.server.stop() == 0
    site.begin()
    assert client(site.variables).list_farms()["farms"]
