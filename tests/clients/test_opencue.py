"""An import from a real PostgreSQL with OpenCue's tables, row by row as Cuebot leaves them."""

import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from postgres import PASSWORD, Postgres
from program import BINARY, PATIENCE_SECONDS, REPOSITORY, Folder, clean_environment, summary

SHOW, JOB, ALLOC, FREE = (f"{digit * 8}-0000-0000-0000-000000000001" for digit in "abcd")
LAYER, HOST = "eeeeeeee-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"
START = 1764021600  # 2025-11-24T22:00:00Z

FARM = f"""
INSERT INTO facility VALUES ('x', 'local');
INSERT INTO dept VALUES ('x', 'Unknown');
INSERT INTO show VALUES ('{SHOW}', 'fjord');
INSERT INTO alloc VALUES ('{ALLOC}', 'local.general', 'general', true, 'x'), ('{FREE}', 'local.desktop', 'desktop', false, 'x');
INSERT INTO host VALUES ('{HOST}', '{FREE}', 'desk01', 800, 1, 'desktop');
INSERT INTO job_history (pk_job, pk_show, str_name, str_shot, str_user, pk_facility, pk_dept, int_ts_started)
VALUES ('{JOB}', '{SHOW}', 'fjord-sh010-alice_comp', 'sh010', 'alice', 'x', 'x', {START});
INSERT INTO layer_history (pk_layer, pk_job, str_name, str_type, str_services)
VALUES ('{LAYER}', '{JOB}', 'render', 'Render', 'arnold,shell');
"""
RATES = """
[[rate]]
usage = "COMPUTE"
usdPerCoreHour = "0.05"
usdPerGpuHour = "1"
[[rate]]
usage = "LICENSE"
licenseProduct = "arnold"
usdPerHour = "0.5"
"""


def frame(number, started, stopped, *, status=0, cores=400, gpus=0, host="'render01'", alloc=ALLOC, checkpoints=0):
    """A row of frame_history; its state says RUNNING for ever, as OpenCue's trigger leaves it."""
    key = f"00000000-0000-0000-0000-{number:012x}"
    alloc = f"'{alloc}'" if alloc else "NULL"
    return f"""INSERT INTO frame_history (pk_frame_history, pk_frame, pk_layer, pk_job, str_name, str_state, str_host, pk_alloc,
        int_cores, int_gpus, int_exit_status, int_checkpoint_count, int_ts_started, int_ts_stopped)
        VALUES ('{key}', 'f', '{LAYER}', '{JOB}', '0001-render', 'RUNNING', {host}, {alloc}, {cores}, {gpus}, {status},
        {checkpoints}, {started}, {stopped});"""


def frames(count, started, stopped):
    """Many rows that stopped in one second."""
    return f"""INSERT INTO frame_history (pk_frame, pk_layer, pk_job, str_name, str_state, pk_alloc, int_ts_started,
        int_ts_stopped, int_exit_status)
        SELECT 'f', '{LAYER}', '{JOB}', '1', 'RUNNING', '{ALLOC}', {started}, {stopped}, 0 FROM generate_series(1, {count});"""


@pytest.fixture(scope="module")
def server():
    server = Postgres("cuebot")
    yield server
    server.end()


@pytest.fixture
def cuebot(server):
    """The database with OpenCue's tables, a show, a job, and no frames."""
    schema = (REPOSITORY / "tests/data/opencue/schema.sql").read_text(encoding="utf-8")
    server.do(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {schema}; {FARM}")
    return server


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "data")


def bring(folder, cuebot, *flags):
    rejects = folder.path.with_name("rejects.jsonl")
    done = folder.run("import", "--farm", "north", "--format", "opencue", "--rejects", rejects, *flags, cuebot.address)
    return done.stdout


def refused(folder, address, variables=None):
    """What an import says that does not come to its end."""
    command = [BINARY, "import", "--data-dir", folder.path, "--farm", "north", "--format", "opencue", address]
    environment = clean_environment() | (variables or {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment)
    assert done.returncode != 0, done.stdout
    return done.stderr


def stored(folder):
    """The sessions of the folder's segments, by the last digit of their ids."""
    duckdb = pytest.importorskip("duckdb")
    folder.run("seal")
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{folder.path}/sessions/*/*/*.parquet', hive_partitioning = true)")
    names = rows.columns
    return [dict(zip(names, row)) for row in rows.fetchall()]




def test_frames_become_sessions_with_the_names_and_prices_of_their_farm(cuebot, folder, tmp_path):
    cuebot.do(
        frame(1, START, START + 3600)
        + frame(2, START, START + 1800, status=1, cores=150)
        + frame(3, START, START + 3600, alloc=None, host="'desk01'")
        + frame(4, START, START + 3600, alloc=None, host="'a host that is gone'", gpus=2)
        + frame(5, START, START + 3600, alloc=None, host="NULL")
    )
    rates = tmp_path / "rates.toml"
    rates.write_text(RATES, encoding="utf-8")
    text = bring(folder, cuebot, "--rates", rates, "--license", "arnold=arnold")
    assert "reconciled: 5 in the source = 5 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped" in text
    assert "unpriced lines: 0" in text
    rows = stored(folder)
    compute = {row["sessionId"][-1]: row for row in rows if row["line"] == 0}
    assert {row["queueName"] for row in rows} == {"fjord"} and {row["userId"] for row in rows} == {"alice"}
    assert [compute[key]["fleetName"] for key in "12345"] == ["local.general"] * 2 + ["local.desktop"] + ["unknown"] * 2
    assert [compute[key]["outcome"] for key in "123"] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert [compute[key]["instanceType"] for key in "1245"] == ["c4", "c1.5", "c4g2", "c4"]
    # 4 cores for 0.05 an hour; one and a half for half an hour; nothing where nothing is billable; two GPUs.
    assert [float(compute[key]["costInUsd"]) for key in "12345"] == [0.2, 0.0375, 0.0, 2.2, 0.2]
    licenses = {row["sessionId"][-1]: float(row["costInUsd"]) for row in rows if row["licenseProduct"] == "arnold"}
    assert licenses == {"1": 0.5, "2": 0.25, "3": 0.0, "4": 0.5, "5": 0.5}


def test_the_exit_status_says_how_a_run_ended(cuebot, folder):
    statuses = {1: 0, 2: 1, 3: 299 + 2, 4: 302, 5: 399, 6: -1}
    cuebot.do("".join(frame(number, START, START + 60, status=status) for number, status in statuses.items()))
    cuebot.do(frame(7, START, START + 60, status=1, checkpoints=1))
    bring(folder, cuebot)
    found = {row["sessionId"][-1]: row["outcome"] for row in stored(folder)}
    assert found == {
        "1": "SUCCEEDED", "2": "FAILED", "3": "RETRIED", "4": "CANCELED", "5": "RETRIED", "6": None, "7": "PREEMPTED",
    }


def test_what_the_trigger_writes_is_followed_from_start_to_end(cuebot, folder):
    cuebot.do(
        f"INSERT INTO frame (pk_frame, pk_layer, pk_job, str_name, str_state, str_host, int_cores)"
        f" VALUES ('f', '{LAYER}', '{JOB}', '0001-render', 'WAITING', 'desk01', 250);"
    )
    cuebot.do("UPDATE frame SET str_state = 'RUNNING';")
    assert summary(bring(folder, cuebot))["stored"] == 1
    assert summary(bring(folder, cuebot))["unchanged"] == 1
    cuebot.do("UPDATE frame SET str_state = 'WAITING', int_exit_status = 1;")
    assert summary(bring(folder, cuebot))["replaced"] == 1
    cuebot.do("UPDATE frame SET str_state = 'RUNNING';")
    cuebot.do("UPDATE frame SET str_state = 'SUCCEEDED', int_exit_status = 0;")
    third = summary(bring(folder, cuebot))
    assert (third["stored"], third["unchanged"]) == (1, 1)
    assert sorted(row["outcome"] for row in stored(folder)) == ["FAILED", "SUCCEEDED"]


def test_only_what_is_new_is_read_again(cuebot, folder):
    cuebot.do(frames(1000, START, START + 60) + frame(1, START, START + 7200) + frame(2, START + 7000, 0, status=-1))
    first = summary(bring(folder, cuebot))
    assert (first["stored"], first["read"]) == (1002, 1002)
    cuebot.do(
        "UPDATE frame_history SET int_ts_stopped = int_ts_started + 600, int_exit_status = 0 WHERE int_ts_stopped = 0;"
        + frame(3, START + 7000, START + 7300)
    )
    second = summary(bring(folder, cuebot))
    assert (second["stored"], second["replaced"], second["unchanged"]) == (1, 1, 1)


def test_a_row_that_is_committed_late_is_not_passed_over(cuebot, folder):
    cuebot.do(frame(1, START, START + 3600))
    bring(folder, cuebot)
    # Dated before what was read, as a long transaction leaves it.
    cuebot.do(frame(2, START, START + 3000))
    assert summary(bring(folder, cuebot))["stored"] == 1


def test_a_row_that_comes_very_late_is_found_by_looking_back_further(cuebot, folder):
    cuebot.do(frame(1, START, START + 7200))
    bring(folder, cuebot)
    cuebot.do(frame(2, START, START + 3000))
    assert summary(bring(folder, cuebot))["stored"] == 0
    further = summary(bring(folder, cuebot, "--look-back", "2h"))
    assert (further["stored"], further["unchanged"]) == (1, 1)


def test_a_running_frame_that_was_never_launched_costs_nothing(cuebot, folder):
    cuebot.do(
        f"INSERT INTO frame (pk_frame, pk_layer, pk_job, str_name, str_state, str_host)"
        f" VALUES ('f', '{LAYER}', '{JOB}', '0001-render', 'WAITING', 'desk01'); UPDATE frame SET str_state = 'RUNNING';"
    )
    bring(folder, cuebot)
    cuebot.do("UPDATE frame SET str_state = 'WAITING', int_exit_status = 299;")
    text = bring(folder, cuebot)
    assert "reconciled: 1 in the source = 0 stored + 1 replaced" in text
    [row] = stored(folder)
    assert row["startedAt"] == row["endedAt"] and row["outcome"] == "RETRIED"
    assert summary(bring(folder, cuebot))["read"] == 0


def test_a_purged_job_takes_nothing_back_that_was_counted(cuebot, folder):
    cuebot.do(frame(1, START, START + 3600) + frame(2, START, 0, status=-1))
    assert summary(bring(folder, cuebot))["stored"] == 2
    [seen] = cuebot.do("SELECT extract(epoch FROM now())::bigint")
    cuebot.do("DELETE FROM job_history;")
    assert summary(bring(folder, cuebot))["replaced"] == 1
    rows = {row["sessionId"][-1]: row for row in stored(folder)}
    assert rows["1"]["outcome"] == "SUCCEEDED"
    # The run that was open ended when it was last seen, and nobody knows how.
    ended = rows["2"]["endedAt"].timestamp()
    assert int(seen) - PATIENCE_SECONDS <= ended <= int(seen) and rows["2"]["outcome"] is None
    assert summary(bring(folder, cuebot))["read"] == 0


def test_a_long_history_is_read_in_parts_that_are_not_read_twice(cuebot, folder):
    cuebot.do(
        frames(9000, START, START + 60) + frames(16000, START, START + 61) + frames(500, START, START + 62)
        + frame(1, START + 5000, START + 9000) + frame(2, START + 5000, 0, status=-1)
    )
    text = bring(folder, cuebot, "--batch", "1000")
    assert "reconciled: 25502 in the source = 25502 stored" in text
    assert summary(bring(folder, cuebot))["read"] == 2


def test_an_import_that_is_killed_goes_on_behind_its_last_part(cuebot, folder):
    for second in range(60, 90):
        cuebot.do(frames(3000, START, START + second))
    cuebot.do(frame(1, START + 5000, START + 9000))
    command = [
        BINARY, "import", "--data-dir", folder.path, "--farm", "north", "--format", "opencue", "--batch", "100", cuebot.address,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
    # By the database itself: some parts are asked for, and not all.
    parts = 0
    while parts < 5 and process.poll() is None:
        parts = read_to(folder) - START - 60
    process.kill()
    process.wait()
    process.stdout.close()
    assert 5 <= parts < 30, "it was killed on its way"
    rest = summary(bring(folder, cuebot))
    assert rest["read"] < 90_001 - 4 * 3000 and rest["rejected"] == 0
    folder.run("verify")
    assert len({row["sessionId"] for row in stored(folder)}) == 90_001


def read_to(folder):
    """How far the catalogue says that the history was read."""
    import json
    import sqlite3

    if not folder.catalogue.is_file():
        return START
    with sqlite3.connect(f"file:{folder.catalogue}?mode=ro", uri=True) as catalogue:
        try:
            found = catalogue.execute("SELECT value FROM settings WHERE name LIKE 'farm/%/opencue/%/read'").fetchone()
        except sqlite3.OperationalError:
            return START
    return json.loads(found[0])["to"] if found else START


def test_a_history_that_is_switched_off_is_told(cuebot, folder):
    cuebot.do("INSERT INTO config VALUES ('1', 'DISABLE_HISTORY');")
    assert "DISABLE_HISTORY" in refused(folder, cuebot.address)
    cuebot.do("DROP TABLE frame_history;")
    assert "no frame_history" in refused(folder, cuebot.address)


def test_tls_is_spoken_with_a_server_that_proves_its_name(cuebot, folder):
    cuebot.do(frame(1, START, START + 3600))
    password = {"PGPASSWORD": PASSWORD}
    assert "add sslmode=verify-full" in refused(folder, cuebot.url(), password)
    assert "UnknownIssuer" in refused(folder, cuebot.url(sslmode="verify-full"), password)
    trusted = {"sslmode": "require", "sslrootcert": cuebot.authority}
    assert "certificate not valid for name" in refused(folder, cuebot.url("127.0.0.1", **trusted), password)
    assert "password authentication failed" in refused(folder, cuebot.url(**trusted), {"PGPASSWORD": "wrong"})
    command = [BINARY, "import", "--data-dir", folder.path, "--farm", "north", cuebot.url(**trusted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=clean_environment() | password)
    assert summary(done.stdout)["stored"] == 1, done.stderr
    # The same by libpq's own variables.
    variables = password | {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(cuebot.authority)}
    command[-1] = cuebot.url()
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=clean_environment() | variables)
    assert summary(done.stdout)["unchanged"] == 1, done.stderr


def test_a_password_reaches_neither_output_nor_folder(folder):
    told = refused(folder, "postgres://cue:hush@127.0.0.1:1/cuebot")
    assert "postgres://cue@127.0.0.1:1/cuebot" in told
    kept = "".join(path.read_text(errors="replace") for path in folder.path.rglob("*") if path.is_file())
    assert "hush" not in told + kept
    assert not any("hush" in name for _, _, names in os.walk(folder.path.parent) for name in names)


@contextmanager
def going_on(folder, cuebot, *flags, stderr=None):
    """An import that asks every second, until it is asked to stop."""
    command = [BINARY, "import", "--data-dir", folder.path, "--farm", "north", "--format", "opencue", "--every", "1s", *flags,
               cuebot.address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=clean_environment())
    try:
        yield process.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_an_import_that_goes_on_takes_what_comes_and_stops_when_it_is_asked(cuebot, folder):
    cuebot.do(frame(1, START, START + 60))
    with going_on(folder, cuebot) as said:
        assert "stored: 1" in "".join(said.readline() for _ in range(8))
        cuebot.do(frame(2, START, START + 90))
        lines = [said.readline() for _ in range(8)]
        assert "stored: 1\n" in lines and "unchanged: 1\n" in lines, lines
    # Nothing is left open: the folder can be used at once.
    assert summary(bring(folder, cuebot))["unchanged"] == 2


def test_a_row_that_is_refused_by_every_pass_is_told_once(cuebot, folder, tmp_path):
    cuebot.do(frame(1, START, START + 60) + frame(2, START + 100, START + 90))
    with (
        open(tmp_path / "told", "w", encoding="utf-8") as told,
        going_on(folder, cuebot, "--rejects", tmp_path / "rejects", stderr=told) as said,
    ):
        assert "rejected: 1\n" in [said.readline() for _ in range(9)]
        cuebot.do(frame(3, START, START + 95))
        # Nothing was told in between: this is the next summary.
        lines = [said.readline() for _ in range(9)]
        assert "stored: 1\n" in lines and "rejected: 1\n" in lines, lines
    assert (tmp_path / "told").read_text(encoding="utf-8").count("is before startedAt") == 1
    assert len((tmp_path / "rejects").read_text(encoding="utf-8").splitlines()) == 1
