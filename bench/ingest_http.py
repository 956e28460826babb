"""Measures ingest through the program: batches of 1,000 sessions on one connection and on several, and one small batch beside a
running aggregation.

    bench/ingest-http [--sessions 1000000] [--batches 100] [--connections 1 2] [--small 300] [--folder DIR]

Every batch is durable before it is answered. What a session costs is taken from the server's own processor time, because the
client shares the machine with it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import program
from http_client import Client, Server
from http_figures import complete, fill

BATCH = 1000
SMALL = 10
# A question with an answer of a million rows and more, so that one always runs.
BESIDE = "Q4"


def main() -> int:
    """Fills the folder if it is not there, measures, and prints what was measured."""
    parser = argparse.ArgumentParser(prog="bench/ingest-http", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="sessions that the farm has before")
    parser.add_argument("--batches", type=int, default=100, help="batches of 1,000 sessions that are sent")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2], help="on how many they are sent, one after the other")
    parser.add_argument("--small", type=int, default=300, help="small batches that are sent beside aggregations")
    parser.add_argument("--folder", type=Path, help="the data folder; made under target/bench/ when not given")
    parser.add_argument("--program", type=Path, help="the program; built when not given")
    arguments = parser.parse_args()
    binary = arguments.program or program.build_farmtally()
    folder = arguments.folder or program.REPOSITORY / f"target/bench/ingest-http-{arguments.sessions}"
    if not (folder / "filled").exists():
        fill(binary, folder, arguments.sessions)
    # Made beforehand: a connection on which nothing comes for long is closed.
    lines = Lines(int(time.time() * 1e6))
    large_bodies = [[lines.take(BATCH) for _ in range(arguments.batches)] for _ in arguments.connections]
    small_bodies = [[lines.take(SMALL) for _ in range(arguments.small)] for _ in range(2)]
    with Server(binary, folder) as server:
        client = Client(server, binary, folder)
        farm = client.get("/2023-10-12/farms")["farms"][0]["farmId"]
        for connections, bodies in zip(arguments.connections, large_bodies):
            large([Client(server, binary, folder) for _ in range(connections)], server, farm, bodies)
        report("alone", small(client, farm, small_bodies[0]))
        with Aggregations(server, binary, folder, farm) as aggregations:
            beside = small(client, farm, small_bodies[1])
        report(f"beside {aggregations.completed} aggregations ({BESIDE})", beside)
    return 0


class Lines:
    """Sessions that nobody sent before, as JSON Lines."""

    def __init__(self, first: int) -> None:
        self.next = first

    def take(self, count: int) -> bytes:
        """So many further sessions."""
        lines = [self.line(self.next + number) for number in range(count)]
        self.next += count
        return "".join(lines).encode()

    @staticmethod
    def line(number: int) -> str:
        """One ended session."""
        hour, second = number // 3600 % 24, number % 3600
        started = f"2025-06-10T{hour:02}:{second // 60:02}:{second % 60:02}.000Z"
        return json.dumps({
            "sessionId": f"session-{number:032x}", "queueId": f"queue-{number % 20:02x}" + "00" * 15,
            "fleetId": f"fleet-{number % 40:02x}" + "00" * 15, "jobId": f"job-{number // 200:032x}",
            "jobName": f"sh{number // 200 % 500:03} comp", "userId": f"user{number % 500:03}",
            "instanceType": f"type{number % 30:03}", "startedAt": started, "endedAt": "2025-06-11T00:30:00.000Z",
            "usage": [{"usageType": "COMPUTE", "costInUsd": f"0.{number % 10**9:09}"}],
        }) + "\n"


def send(client: Client, farm: str, body: bytes, count: int) -> float:
    """Sends a batch, sees that all of it was stored, and says how many milliseconds that took."""
    request = client.signed("POST", f"/api/v1/farms/{farm}/sessions", body)
    began = time.perf_counter()
    answer = client.json(request)
    took_ms = (time.perf_counter() - began) * 1e3
    if answer["stored"] != count:
        sys.exit(f"error: {count} sessions were sent and this came back: {answer}")
    return took_ms


def large(clients: list[Client], server: Server, farm: str, bodies: list[bytes]) -> None:
    """Batches on some connections, on each of them one after the other."""

    def send_share(number: int) -> list[float]:
        return [send(clients[number], farm, body, BATCH) for body in bodies[number :: len(clients)]]

    began, cpu = time.perf_counter(), server.cpu_seconds()
    with ThreadPoolExecutor(len(clients)) as senders:
        times_ms = [took_ms for share in senders.map(send_share, range(len(clients))) for took_ms in share]
    wall, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
    sessions = len(bodies) * BATCH
    print(f"{len(bodies)} batches of {BATCH:,} on {len(clients)} connections: {sessions / wall:,.0f} sessions/s, "
          f"{cpu * 1e6 / sessions:.2f} CPU us a session in the server, median {statistics.median(times_ms):.2f} ms a batch")


def small(client: Client, farm: str, bodies: list[bytes]) -> list[float]:
    """Milliseconds of small batches, the fastest first."""
    return sorted(send(client, farm, body, SMALL) for body in bodies)


def report(where: str, times_ms: list[float]) -> None:
    """Prints the middle and the slow end."""
    at = lambda share: times_ms[min(len(times_ms) - 1, int(len(times_ms) * share))]
    print(f"{len(times_ms)} batches of {SMALL} {where}: median {at(0.5):.2f} ms, p90 {at(0.9):.2f} ms, "
          f"p99 {at(0.99):.2f} ms, slowest {times_ms[-1]:.2f} ms")


class Aggregations:
    """One aggregation after the other on a connection of its own, for as long as the block lasts."""

    def __init__(self, server: Server, binary: Path, folder: Path, farm: str) -> None:
        self.client, self.farm = Client(server, binary, folder), farm
        self.completed, self.ended = 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        """Starts and awaits until it is told to end."""
        while not self.ended.is_set():
            complete(self.client, self.farm, BESIDE)
            self.completed += 1

    def __enter__(self) -> Aggregations:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


if __name__ == "__main__":
    sys.exit(main())
