"""How long a question takes when the catalogue that servers share has very many other farms and segments.

One farm of twelve segments is real, and moves in from a folder. The others are rows beside it, made of its own by statements.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from pathlib import Path

import program
from http_client import Client, Server
from http_figures import path_of
from postgres import Postgres

SESSIONS = 12_000
FARM_ID = re.compile("farm-[0-9a-f]{32}")
QUESTION = {
    "resourceIds": {"queueIds": ["queue-" + "00" * 16]},
    "startTime": "2025-01-01T00:00:00+00:00", "endTime": "2025-12-31T00:00:00+00:00", "timezone": "UTC+00:00",
    "groupBy": ["USER_ID"], "statistics": ["SUM"], "period": "MONTHLY",
}
BATCHES = 20
REPEATS = 30


def measure(binary: Path, path: Path, farms: int, segments: int) -> None:
    """Prints what a question takes without and with the others."""
    origin, folder = path / "origin", path / "server"
    lines = path / "sessions.jsonl"
    lines.write_text("".join(map(line, range(SESSIONS))))
    program.run(binary, "import", "--data-dir", origin, "--farm", "Real", "--format", "jsonl", lines)
    program.run(binary, "seal", "--data-dir", origin)
    database = Postgres("farmtally", fsync=True)
    (path / "segments").mkdir()
    places = "--to-catalogue", database.socket_url, "--to-segments", path / "segments"
    program.run(binary, "migrate", "--data-dir", origin, folder, *places)
    print("| farms | segments | first question of a started server, ms | Start to first page, median ms | most ms |")
    print("| --- | --- | --- | --- | --- |")
    print(row(binary, folder, database), flush=True)
    fill(database, farms, segments)
    print(row(binary, folder, database))
    database.end()


def line(number: int) -> str:
    """A session that ended in one of twelve months."""
    month, second = number % 12 + 1, number // 12 % 3600
    return json.dumps({
        "sessionId": f"session-{number:032x}", "queueId": "queue-" + "00" * 16, "fleetId": "fleet-" + "00" * 16,
        "jobId": f"job-{number // 200:032x}", "jobName": "comp", "userId": f"user{number % 50:03}",
        "startedAt": f"2025-{month:02}-10T10:{second // 60:02}:{second % 60:02}Z", "endedAt": f"2025-{month:02}-10T11:30:00Z",
        "usage": [{"usageType": "COMPUTE", "costInUsd": "0.25"}],
    }) + "\n"


def fill(database: Postgres, farms: int, segments: int) -> None:
    """Rows of other farms, each with as many segments as it takes, copied from those of the real one."""
    each, share = segments // farms, farms // BATCHES
    for batch in range(BATCHES):
        first = batch * share
        names = f"SELECT decode(md5('farm' || n), 'hex') AS farm_id, n FROM generate_series({first + 1}, {first + share}) n"
        columns = "month, sequence_first, sequence_last, row_count, session_count, volume_count, start_min, end_max, cost_nanos, " \
                  "file_bytes, file_checksum, removed_count, removed_digest, checksum"
        seal = "sequence, chain, segment_last, segment_count, segment_digest, kept_from, carried_checksum, checksum"
        database.do(f"""
            INSERT INTO farms (farm_id, display_name, cost_scale_nanos, created_at, created_by)
                SELECT farm_id, 'Other ' || n, 1000000000, 0, 'bench' FROM ({names}) names;
            INSERT INTO segments (farm_id, segment, {columns})
                SELECT names.farm_id, number, {columns} FROM ({names}) names, generate_series(1, {each}) number,
                    (SELECT segments.* FROM segments JOIN farms USING (farm_id) WHERE display_name = 'Real' LIMIT 1) real;
            INSERT INTO seals (farm_id, {seal})
                SELECT names.farm_id, {seal} FROM ({names}) names,
                    (SELECT seals.* FROM seals JOIN farms USING (farm_id) WHERE display_name = 'Real') real;
            INSERT INTO batch_heads (farm_id, sequence, checksum)
                SELECT names.farm_id, sequence, checksum FROM ({names}) names,
                    (SELECT batch_heads.* FROM batch_heads JOIN farms USING (farm_id) WHERE display_name = 'Real') real""")
    database.do("ANALYZE")


def row(binary: Path, folder: Path, database: Postgres) -> str:
    """The times of a server that is started for this."""
    farms, segments = database.do("SELECT (SELECT count(*) FROM farms) || ' ' || (SELECT count(*) FROM segments)")[0].split()
    farm = FARM_ID.search(f"farm-{database.do(REAL)[0]}")[0]
    with Server(binary, folder) as server:
        client = Client(server, binary, folder)
        first, *rest = [asked(client, farm) for _ in range(REPEATS + 1)]
    return f"| {int(farms):,} | {int(segments):,} | {first:.1f} | {statistics.median(rest):.1f} | {max(rest):.1f} |"


REAL = "SELECT encode(farm_id, 'hex') FROM farms WHERE display_name = 'Real'"


def asked(client: Client, farm: str) -> float:
    """From sending Start to having read the first page, in milliseconds."""
    began = time.perf_counter()
    aggregation = client.post(path_of(farm), QUESTION)["aggregationId"]
    while (page := client.get(path_of(farm, aggregation)))["status"] == "IN_PROGRESS":
        pass
    if page["status"] != "COMPLETED":
        raise RuntimeError(f"the aggregation ended {page['status']}: {page.get('statusMessage')}")
    return (time.perf_counter() - began) * 1e3
