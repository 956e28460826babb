"""Users in the rows, days in the columns, dollars in the cells: the statistics as a pandas table.

    pip install boto3 pandas
    eval "$(farmtally env --data-dir DIR)"
    python pandas_statistics.py FARM_NAME 2025-11-24 2025-11-26
"""

import sys

try:
    import boto3
    import pandas
except ModuleNotFoundError as error:
    raise SystemExit(f"error: {error}\nhint: pip install boto3 pandas") from None

from boto3_statistics import ask, farm_named, midnight, run


def frame(rows):
    """One line for each user and day. Costs come as decimal fractions in JSON: exact sums are the server's to make."""
    return pandas.DataFrame(
        {
            "day": row["aggregationStartTime"].date(),
            "user": row["userId"],
            "sessions": row["count"],
            "hours": row["runtimeInSeconds"]["sum"] / 3600,
            "usd": row["costInUsd"]["sum"],
        }
        for row in rows
    )


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    farm, begin, end = sys.argv[1:]
    deadline = boto3.client("deadline")
    rows = ask(
        deadline, farm_named(deadline, farm), midnight(begin), midnight(end),
        period="DAILY", groupBy=["USER_ID"], statistics=["SUM"],
    )
    table = frame(rows)
    if table.empty:
        raise SystemExit("nothing ran in this time")
    by_day = table.pivot_table(index="user", columns="day", values="usd", aggfunc="sum", margins=True, margins_name="all")
    print(by_day.to_string(float_format="{:.2f}".format, na_rep="-"))


if __name__ == "__main__":
    run(main)
