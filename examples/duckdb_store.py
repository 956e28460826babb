"""The most expensive jobs, and what their failed sessions cost, by SQL over the Parquet files of a data folder.

    pip install duckdb
    python duckdb_store.py /srv/farm 10

A row of the files is a usage line. Costs are exact decimals, before the farm's cost scale factor.
"""

import sys
from pathlib import Path

try:
    import duckdb
except ModuleNotFoundError as error:
    raise SystemExit(f"error: {error}\nhint: pip install duckdb") from None

QUESTION = """
    SELECT jobName, userId,
           count(DISTINCT sessionId) AS sessions,
           sum(costInUsd) AS usd,
           coalesce(sum(costInUsd) FILTER (outcome = 'FAILED'), 0) AS usd_failed
    FROM read_parquet($files, hive_partitioning = true)
    WHERE sessionId IS NOT NULL
    GROUP BY jobName, userId
    ORDER BY usd DESC, jobName, userId
    LIMIT $most
"""


def expensive_jobs(folder, most):
    parameters = {"files": f"{folder}/sessions/*/*/*.parquet", "most": most}
    return duckdb.execute(QUESTION, parameters).fetchall()


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        raise SystemExit(__doc__)
    folder, most = sys.argv[1], int(sys.argv[2])
    if not any(Path(folder).glob("sessions/*/*/*.parquet")):
        raise SystemExit(f"error: no sealed sessions in `{folder}`\nhint: name a data folder; `farmtally seal --data-dir DIR` seals what it has")
    for job, user, sessions, usd, usd_failed in expensive_jobs(folder, most):
        print(f"{usd:>14f} USD, failed {usd_failed:>14f} USD {sessions:>6} sessions  {user}  {job}")


if __name__ == "__main__":
    main()
