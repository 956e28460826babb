"""The exported farm with the columns that help the other engines most: two tables, sorted by start.

`sessions` has a row per session, `license_lines` a row per licence line. Codes are as narrow as they can be; the sum of
a session's lines, its runtime, and the half-hours of its start and of its last millisecond are computed once.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from peers.question import HALF_HOUR_MS, YEAR_START_MS

ROW_GROUP = 122_880


def export(binary: Path, output: Path, sessions: int) -> Path:
    """The folder with the tables of the farm, made once per size and program."""
    folder = output / f"farm-{sessions}"
    exported = folder / "farm.parquet"
    if not exported.exists() or exported.stat().st_mtime < binary.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "farm.columns").unlink(missing_ok=True)
        subprocess.run([binary, "export", exported, "--sessions", str(sessions)], check=True)
    prepare(exported, folder)
    return folder


def prepare(exported: Path, folder: Path) -> None:
    """Writes both tables as Parquet, unless they are newer than the exported farm."""
    sessions_file, lines_file = folder / "sessions.parquet", folder / "license_lines.parquet"
    if lines_file.exists() and lines_file.stat().st_mtime > exported.stat().st_mtime:
        return
    sessions = sessions_table(pq.read_table(exported))
    write(sessions, sessions_file)
    held = sessions.filter(pa.array(sessions["product"].to_numpy() >= 0))
    write(held.drop_columns(["compute_nanos", "total_nanos", "job", "user", "instance_type"]), lines_file)


def sessions_table(exported: pa.Table) -> pa.Table:
    """The table of sessions; a session without a licence has product -1 and a licence cost of zero."""
    column = {name: exported[name] for name in exported.column_names}
    start, end = column["start_ms"].to_numpy(), column["end_ms"].to_numpy()
    compute = column["compute_nanos"].to_numpy()
    product = column["product"].fill_null(-1).to_numpy()
    license_nanos = column["license_nanos"].fill_null(0).to_numpy()
    return pa.table(
        {
            "start_ms": start,
            "end_ms": end,
            "start_half_hour": ((start - YEAR_START_MS) // HALF_HOUR_MS).astype(np.int16),
            "last_half_hour": ((end - 1 - YEAR_START_MS) // HALF_HOUR_MS).astype(np.int16),
            "runtime_ms": (end - start).astype(np.int32),
            "queue": column["queue"].to_numpy().astype(np.int8),
            "fleet": column["fleet"].to_numpy().astype(np.int8),
            "user": column["user"].to_numpy().astype(np.int16),
            "job": column["job"].to_numpy(),
            "instance_type": column["instance_type"].to_numpy().astype(np.int8),
            "product": product.astype(np.int8),
            "total_nanos": compute + license_nanos,
            "compute_nanos": compute,
            "license_nanos": license_nanos,
        }
    )


def write(table: pa.Table, file: Path) -> None:
    """Writes a table as Parquet."""
    pq.write_table(table, file, row_group_size=ROW_GROUP, compression="snappy")
