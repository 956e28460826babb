"""Cost, hours and sessions of each month and queue, from the Parquet files of a data folder. No server is asked.

    pip install polars
    python polars_store.py /srv/farm

A row of the files is a usage line, and each session has exactly one row with `line = 0`: what belongs to the session, such as
its runtime, is added up over those alone. Sessions that ended in the last quarter of an hour may not be in the files yet.
"""

import sys
from pathlib import Path

try:
    import polars
except ModuleNotFoundError as error:
    raise SystemExit(f"error: {error}\nhint: pip install polars") from None

HOUR_MS = 3_600_000


def by_month_and_queue(folder):
    lines = polars.scan_parquet(Path(folder) / "sessions" / "*" / "*" / "*.parquet", hive_partitioning=True)
    is_session = (polars.col("line") == 0) & polars.col("sessionId").is_not_null()
    runtime_ms = (polars.col("endedAt") - polars.col("startedAt")).dt.total_milliseconds()
    return (
        lines.group_by("month", "queueName")
        .agg(
            # Exact decimals, before the farm's cost scale factor.
            usd=polars.col("costInUsd").sum(),
            hours=runtime_ms.filter(is_session).sum() / HOUR_MS,
            sessions=is_session.sum(),
        )
        .sort("month", "queueName")
        .collect()
    )


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if not any(Path(sys.argv[1]).glob("sessions/*/*/*.parquet")):
        raise SystemExit(f"error: no sealed sessions in `{sys.argv[1]}`\nhint: name a data folder; `farmtally seal --data-dir DIR` seals what it has")
    for month, queue, usd, hours, sessions in by_month_and_queue(sys.argv[1]).iter_rows():
        print(f"{month}  {queue or '(volumes)':<12} {sessions:>6} sessions {hours:>9.2f} h {usd:>14} USD")


if __name__ == "__main__":
    main()
