"""A farm's history read without farmtally: DuckDB and Polars over its Parquet files, against the records that went in."""

import json
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import polars
import pytest

from program import Folder, run
from sample import CPU, COMP, FLEET_NAMES, GPU, JOB_NAMES, LIGHT, OCEAN, QUEUE_NAMES, SIM

NANO = Decimal("0.000000001")


def nanos(draw, most):
    return Decimal(draw.randrange(most)) * NANO


def instant(value):
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def a_session(draw, number):
    queue = draw.choice([COMP, SIM])
    start = datetime(2025, 10, 1, tzinfo=timezone.utc) + timedelta(milliseconds=draw.randrange(90 * 86_400_000))
    usage = [{"usageType": "COMPUTE", "costInUsd": f"{nanos(draw, 10**11):f}"}]
    for product in draw.sample(["arnold", "nuke", "houdini"], draw.choice([0, 0, 1, 3])):
        line = {"usageType": "LICENSE", "licenseProduct": product, "quantity": 2}
        usage.append(line | {"costInUsd": f"{nanos(draw, 10**10):f}"})
    fleet, job = draw.choice([CPU, GPU]), draw.choice([LIGHT, OCEAN])
    return {
        "sessionId": f"session-{draw.getrandbits(128):032x}",
        "queueId": queue, "queueName": QUEUE_NAMES[queue], "fleetId": fleet, "fleetName": FLEET_NAMES[fleet],
        "jobId": job, "jobName": JOB_NAMES[job], "userId": draw.choice(["alice", "bob"]),
        "startedAt": instant(start), "endedAt": instant(start + timedelta(milliseconds=draw.randrange(10**8))),
        "usage": usage,
    }


def a_volume(draw, number):
    return {
        "volumeId": f"volume-{number:032x}", "fleetId": GPU, "startedAt": "2025-11-01T00:00:00Z",
        "endedAt": "2025-11-09T00:00:00.001Z", "costInUsd": f"{nanos(draw, 10**12):f}",
    }


def costs(record):
    return sum((Decimal(line["costInUsd"]) for line in record.get("usage", [record])), Decimal(0))


def runtime_ms(record):
    end, start = (datetime.fromisoformat(record[member]) for member in ("endedAt", "startedAt"))
    return (end - start) // timedelta(milliseconds=1)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A folder whose farm is sealed, after a correction and a deletion of nothing else, and the records in it."""
    draw = random.Random(7)
    records = [a_session(draw, number) for number in range(400)] + [a_volume(draw, number) for number in range(5)]
    folder = Folder(tmp_path_factory.mktemp("history") / "data")
    running = {member: value for member, value in a_session(draw, 0).items() if member != "endedAt"}
    lines = "\n".join(json.dumps(record) for record in [*records, running])
    assert folder.import_lines("studio", lines)["stored"] == 406
    folder.run("seal")
    corrected = records[0] | {"revision": 1, "usage": [{"usageType": "COMPUTE", "costInUsd": "123.456789012"}]}
    assert folder.import_lines("studio", json.dumps(corrected))["replaced"] == 1
    folder.run("seal")
    return folder, [corrected, *records[1:]]


def files(folder):
    return str(folder.path / "sessions" / "*" / "*" / "*.parquet")


def test_duckdb_reads_the_sums_to_the_nano_dollar(history):
    folder, records = history
    relation = duckdb.read_parquet(files(folder), hive_partitioning=True)
    types = dict(zip(relation.columns, map(str, relation.types)))
    assert types["costInUsd"] == "DECIMAL(18,9)"
    assert types["startedAt"] == "TIMESTAMP WITH TIME ZONE"
    assert types["sessionId"] == "VARCHAR"
    [(count, cost)] = duckdb.sql("SELECT count(*) FILTER (line = 0), sum(costInUsd) FROM relation").fetchall()
    assert (count, cost) == (405, sum(map(costs, records)))
    rows = duckdb.sql("""
        SELECT userId, count(*) FILTER (line = 0) AS sessions, sum(costInUsd) AS cost,
               sum(epoch_ms(endedAt) - epoch_ms(startedAt)) FILTER (line = 0) AS runtime_ms
        FROM relation WHERE sessionId IS NOT NULL GROUP BY userId ORDER BY userId""").fetchall()
    for user, sessions, cost, runtime in rows:
        own = [record for record in records if record.get("userId") == user]
        assert (sessions, cost, runtime) == (len(own), sum(map(costs, own)), sum(map(runtime_ms, own)))
    assert len(rows) == 2


def test_polars_reads_the_sums_to_the_nano_dollar(history):
    folder, records = history
    frame = polars.read_parquet(files(folder), hive_partitioning=True)
    assert frame.schema["costInUsd"] == polars.Decimal(18, 9)
    assert frame.schema["endedAt"] == polars.Datetime("ms", "UTC")
    assert frame["costInUsd"].sum() == sum(map(costs, records))
    firsts = frame.filter(polars.col("line") == 0)
    assert len(firsts) == 405
    runtime = (firsts["endedAt"] - firsts["startedAt"]).dt.total_milliseconds().sum()
    assert runtime == sum(map(runtime_ms, records))
    assert set(firsts["queueName"].unique()) == {"comp", "sim", None}


def test_the_files_can_be_imported_into_another_folder(history, tmp_path):
    folder, records = history
    other = Folder(tmp_path / "other")
    segments = sorted(folder.path.glob("sessions/*/*/*.parquet"))
    assert other.import_files("studio", "parquet", *segments)["stored"] == len(records)


def test_a_backup_is_a_folder_with_the_same_files(history, tmp_path):
    folder, records = history
    copy, restored = Folder(tmp_path / "copy"), tmp_path / "restored"
    folder.run("backup", copy.path)
    [(cost,)] = duckdb.read_parquet(files(copy)).aggregate("sum(costInUsd)").fetchall()
    assert cost == sum(map(costs, records))
    assert "everything agrees" in run("restore", copy.path, restored).stdout
    assert "everything agrees" in Folder(restored).run("verify").stdout
