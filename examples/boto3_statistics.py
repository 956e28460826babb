"""What each user cost, day by day: start an aggregation, wait for it, read every page.

    pip install boto3
    eval "$(farmtally env --data-dir DIR)"
    python boto3_statistics.py FARM_NAME 2025-11-24 2025-11-26

It runs against AWS Deadline Cloud too. Times are in UTC, and the end is exclusive.
"""

import sys
import time
from datetime import date

try:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
except ModuleNotFoundError as error:
    raise SystemExit(f"error: {error}\nhint: pip install boto3") from None

STILL_RUNNING = "IN_PROGRESS"
WAIT_SECONDS_MAX = 300


def midnight(day):
    """The beginning of a day in UTC. boto3 would take other ways to write a date too, and read 10.11. as the 11th of October."""
    try:
        return f"{date.fromisoformat(day)}T00:00:00Z"
    except ValueError:
        raise SystemExit(f"error: `{day}` is no date like 2025-11-24") from None


def farm_named(deadline, name):
    pages = deadline.get_paginator("list_farms").paginate()
    farms = {farm["displayName"]: farm["farmId"] for page in pages for farm in page["farms"]}
    if name not in farms:
        raise SystemExit(f"error: there is no farm `{name}`\nhint: there are {', '.join(sorted(farms)) or 'none'}")
    return farms[name]


def queues_of(deadline, farm_id):
    pages = deadline.get_paginator("list_queues").paginate(farmId=farm_id)
    return [queue["queueId"] for page in pages for queue in page["queues"]]


def start(deadline, farm_id, queues, begin, end, **question):
    """A farm runs one aggregation at a time; the client repeats what was throttled, and then it is somebody's turn."""
    started = deadline.start_sessions_statistics_aggregation(
        farmId=farm_id,
        # AWS takes at most ten.
        resourceIds={"queueIds": queues[:10]},
        startTime=begin,
        endTime=end,
        **question,
    )
    return {"farmId": farm_id, "aggregationId": started["aggregationId"]}


def wait(deadline, aggregation):
    """Waits, a little longer each time, until the aggregation has ended; anything but COMPLETED is an error."""
    pause, give_up = 0.05, time.monotonic() + WAIT_SECONDS_MAX
    while True:
        answer = deadline.get_sessions_statistics_aggregation(**aggregation)
        if answer["status"] == "COMPLETED":
            return
        if answer["status"] != STILL_RUNNING or time.monotonic() > give_up:
            raise SystemExit(f"error: {answer['status']}: {answer.get('statusMessage', 'it takes too long')}")
        time.sleep(pause)
        pause = min(pause * 2, 5)


def rows(deadline, aggregation):
    """Every row, page after page."""
    for page in deadline.get_paginator("get_sessions_statistics_aggregation").paginate(**aggregation):
        yield from page["statistics"]


def ask(deadline, farm_id, begin, end, **question):
    aggregation = start(deadline, farm_id, queues_of(deadline, farm_id), begin, end, **question)
    wait(deadline, aggregation)
    return rows(deadline, aggregation)


def run(main):
    """Runs a script; a server that is not there, or that refuses, is a sentence and no traceback."""
    try:
        main()
    except (BotoCoreError, ClientError) as error:
        hint = 'hint: the server has to run, and this shell needs: eval "$(farmtally env --data-dir DIR)"'
        is_of_question = isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationException"
        raise SystemExit(f"error: {error}" if is_of_question else f"error: {error}\n{hint}") from None


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    farm, begin, end = sys.argv[1:]
    deadline = boto3.client("deadline")
    found = ask(
        deadline, farm_named(deadline, farm), midnight(begin), midnight(end),
        period="DAILY", groupBy=["USER_ID"], statistics=["SUM"],
    )
    # Pages have no promised order.
    for row in sorted(found, key=lambda row: (row["aggregationStartTime"], row["userId"])):
        day, cost, seconds = row["aggregationStartTime"], row["costInUsd"]["sum"], row["runtimeInSeconds"]["sum"]
        print(f"{day:%Y-%m-%d}  {row['userId']:<12} {row['count']:>6} sessions {seconds / 3600:>9.2f} h {cost:>11.2f} USD")


if __name__ == "__main__":
    run(main)
