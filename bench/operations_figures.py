"""Measures what single sessions cost in a large farm: processor time of the server for each of AWS's operations.

    bench/operations [--sessions 300000] [--unsealed 24000] [--repeats 5] [--program PATH]

The sealed sessions lie in segments, the others in one batch, as an import leaves them. Jobs have 20 sessions each, 64 jobs are
at work at a time, and a session is a minute after the one before.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import program
from http_client import Client, Server

FARM = "farm-" + "a" * 32
QUEUE = "queue-" + "b" * 32
FLEET = "fleet-" + "c" * 32
JOBS_AT_A_TIME = 64
SESSIONS_OF_A_JOB = 20
WORKERS = 500
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
API = "/2023-10-12"


def job_of(number: int) -> str:
    """The job of a session: rounds of so many jobs, which take their sessions in turn."""
    turn = JOBS_AT_A_TIME * SESSIONS_OF_A_JOB
    return f"job-{number // turn * JOBS_AT_A_TIME + number % JOBS_AT_A_TIME:032x}"


def session_id(number: int) -> str:
    """An id that says nothing of its number's order."""
    return f"session-{random.Random(number).getrandbits(128):032x}"


def lines(first: int, count: int) -> Iterator[str]:
    """Sessions as JSON Lines."""
    for number in range(first, first + count):
        start = START + timedelta(minutes=number)
        end = start + timedelta(minutes=5 + number * 7919 % 115)
        yield json.dumps({
            "sessionId": session_id(number), "queueId": QUEUE, "fleetId": FLEET, "jobId": job_of(number),
            "jobName": f"shot {job_of(number)[-6:]}", "userId": f"user{number % 50}",
            "workerId": f"worker-{number * 31 % WORKERS:032x}", "startedAt": start.isoformat(),
            "endedAt": end.isoformat(), "usage": [{"usageType": "COMPUTE", "costInUsd": "0.10"}],
        }) + "\n"


def fill(binary: Path, folder: Path, sealed: int, unsealed: int) -> None:
    """Makes the farm: a sealed part, and behind it one that is not sealed."""
    def run(*words: object) -> None:
        program.run(binary, *words, "--data-dir", folder)

    run("farm", "create", "large", "--id", FARM)
    for first, count in ((0, sealed), (sealed, unsealed)):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(lines(first, count))
            file.flush()
            if count > 0:
                run("import", "--farm", FARM, file.name)
        if first == 0:
            run("seal")


class Measure:
    """Asks, and prints processor milliseconds of the server for a request."""

    def __init__(self, server: Server, client: Client, repeats: int) -> None:
        self.server, self.client, self.repeats = server, client, repeats

    def __call__(self, what: str, ask: Callable[[random.Random], None]) -> None:
        times = []
        for repeat in range(self.repeats):
            draw = random.Random(repeat)
            before = self.server.cpu_seconds()
            ask(draw)
            times.append((self.server.cpu_seconds() - before) * 1000)
        print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} |", flush=True)


def operations(measure: Measure, where: str, numbers: range) -> None:
    """Everything that is asked of single sessions, of those with some numbers."""
    get, post = measure.client.get, measure.client.post
    job = f"{API}/farms/{FARM}/queues/{QUEUE}/jobs"

    def address(number: int) -> dict:
        return {"farmId": FARM, "queueId": QUEUE, "jobId": job_of(number), "sessionId": session_id(number)}

    def batch(chosen: list[int]) -> None:
        answer = post(f"{API}/batch-get-session", {"identifiers": [address(number) for number in chosen]})
        if len(answer["sessions"]) != len(chosen):
            raise RuntimeError(f"{len(answer['sessions'])} of {len(chosen)} sessions were found")

    def listed(target: str, most: int) -> None:
        if not 0 < len(get(f"{target}/sessions?maxResults={most}")["sessions"]) <= most:
            raise RuntimeError(f"a list of {target} is empty or too long")

    def near(draw: random.Random) -> list[int]:
        first = draw.choice(numbers[: -JOBS_AT_A_TIME * SESSIONS_OF_A_JOB])
        return draw.sample(range(first, first + JOBS_AT_A_TIME * SESSIONS_OF_A_JOB), 100)

    def one(draw: random.Random) -> None:
        number = draw.choice(numbers)
        get(f"{job}/{job_of(number)}/sessions/{session_id(number)}")

    measure(f"GetSession, {where}", one)
    measure(f"BatchGetSession of 100 of neighbouring jobs, {where}", lambda draw: batch(near(draw)))
    measure(f"BatchGetSession of 100 from anywhere, {where}", lambda draw: batch(draw.sample(numbers, 100)))
    measure(f"ListSessions of a job, 20 rows, {where}", lambda draw: listed(f"{job}/{job_of(draw.choice(numbers))}", 100))
    worker = f"{API}/farms/{FARM}/fleets/{FLEET}/workers"
    measure(
        f"ListSessionsForWorker, the first 20 rows, {where}",
        lambda draw: listed(f"{worker}/worker-{draw.randrange(WORKERS):032x}", 20),
    )


def main() -> int:
    """Fills a folder, measures and prints."""
    parser = argparse.ArgumentParser(prog="bench/operations", description=__doc__)
    parser.add_argument("--sessions", type=int, default=300_000, help="sealed sessions")
    parser.add_argument("--unsealed", type=int, default=24_000, help="sessions that are not sealed")
    parser.add_argument("--repeats", type=int, default=5, help="requests of each kind")
    parser.add_argument("--program", type=Path, help="the program; built when not given")
    arguments = parser.parse_args()
    binary = arguments.program or program.build_farmtally()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        fill(binary, folder, arguments.sessions, arguments.unsealed)
        with Server(binary, folder) as server:
            client = Client(server, binary, folder)
            before = server.cpu_seconds()
            client.get(f"{API}/farms/{FARM}/queues/{QUEUE}/jobs?maxResults=1")
            print(f"the first question about jobs: {(server.cpu_seconds() - before) * 1000:.0f} ms of processor time\n")
            print("| | median, ms | most, ms |\n|---|---|---|")
            measure = Measure(server, client, arguments.repeats)
            operations(measure, "sealed", range(arguments.sessions))
            unsealed = range(arguments.sessions, arguments.sessions + arguments.unsealed)
            operations(measure, "in a batch", unsealed)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {error}")
