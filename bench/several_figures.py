"""Measures one, two and three servers of one store beside a server that has a folder for itself.

Each client has a farm of its own, because a farm runs one aggregation at a time, and goes from server to server with every
request, so that each server has to follow what the others stored. Clients, servers and database share the machine: read the
processor times, and of the others the ratios.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import program
from http_client import Client, Server
from http_figures import path_of
from ingest_http import Lines, send

sys.path.append(str(program.REPOSITORY / "tests/clients"))
import several_catalogue  # noqa: E402 (the folder of `postgres` has to be found first)
from postgres import Postgres  # noqa: E402

DEADLINE_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")
QUESTION = {
    "resourceIds": {"queueIds": [f"queue-{code:02x}" + "00" * 15 for code in range(10)]},
    "startTime": "2025-06-01T00:00:00+00:00", "endTime": "2025-07-01T00:00:00+00:00", "timezone": "UTC+00:00",
    "groupBy": ["USER_ID"], "statistics": ["SUM", "MIN", "MAX", "AVG"], "period": "DAILY",
}


def main() -> int:
    """Measures each way to serve, and prints a table."""
    parser = argparse.ArgumentParser(prog="bench/several", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long each figure is measured")
    parser.add_argument("--clients", type=int, default=6, help="clients at once, each with a connection to every server")
    parser.add_argument("--batch", type=int, default=100, help="sessions of a batch")
    parser.add_argument("--program", type=Path, help="the program; built when not given")
    parser.add_argument("--farms", type=int, help="measure one server beside so many other farms instead")
    parser.add_argument("--segments", type=int, default=1_000_000, help="segments of those other farms together")
    arguments = parser.parse_args()
    binary = arguments.program or program.build_farmtally()
    if arguments.farms:
        with tempfile.TemporaryDirectory(prefix="farmtally-several-") as folder:
            Path(folder).chmod(0o755)
            several_catalogue.measure(binary, Path(folder), arguments.farms, arguments.segments)
        return 0
    print("| servers | what | per second | median ms | 99 % ms | servers' CPU ms | database's CPU ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in (0, 1, 2, 3):
        with tempfile.TemporaryDirectory(prefix="farmtally-several-") as folder:
            # The user that the database runs as has to pass.
            Path(folder).chmod(0o755)
            with Studio(binary, Path(folder), count, arguments.clients) as studio:
                for row in studio.figures(arguments.seconds, arguments.batch):
                    print(row, flush=True)
    return 0


class Studio:
    """Servers of one store, or one of a folder when there are to be none that share."""

    def __init__(self, binary: Path, path: Path, count: int, clients: int) -> None:
        self.binary, self.count = binary, count
        self.database = Postgres("farmtally", fsync=True) if count else None
        self.folders = [path / f"server{number}" for number in range(max(count, 1))]
        self.servers = []
        for folder in self.folders:
            flags = []
            if self.database:
                (path / "segments").mkdir(exist_ok=True)
                flags = ["--catalogue", self.database.socket_url, "--segments", str(path / "segments")]
            if self.servers:
                folder.mkdir(mode=0o700)
                shutil.copy(self.folders[0] / "master.key", folder)
            self.servers.append(Server(binary, folder, *flags))
        self.farms = [self.create(f"farm{number}") for number in range(clients)]

    def create(self, name: str) -> str:
        """The id of a new farm."""
        command = [self.binary, "farm", "create", "--data-dir", self.folders[0], name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.__exit__()
        if self.database:
            self.database.end()

    def figures(self, seconds: float, batch: int) -> list[str]:
        """A row for each thing that is measured."""
        return [self.row(f"batch of {batch} sessions", Batches, seconds, batch),
                self.row("Start to first page", Answers, seconds, batch),
                self.row("page of an answer", Pages, seconds, batch)]

    def row(self, name: str, work: type, seconds: float, batch: int) -> str:
        """Lets all clients work at once."""
        context = multiprocessing.get_context("fork")
        told = context.SimpleQueue()

        def client(number: int, farm: str) -> None:
            clients = [Client(server, self.binary, self.folders[0]) for server in self.servers]
            told.put(timed(work(clients, farm, number, batch), seconds))
        before = self.cpu_ms()
        processes = [context.Process(target=client, args=one) for one in enumerate(self.farms)]
        for process in processes:
            process.start()
        times_ms = sorted(time_ms for _ in processes for time_ms in told.get())
        for process in processes:
            process.join()
        servers, database = (now - then for now, then in zip(self.cpu_ms(), before))
        who = self.count or "one folder"
        return (f"| {who} | {name} | {len(times_ms) / seconds:,.0f} | {statistics.median(times_ms):.1f} "
                f"| {times_ms[len(times_ms) * 99 // 100]:.1f} | {servers / len(times_ms):.2f} | {database / len(times_ms):.2f} |")

    def cpu_ms(self) -> tuple[float, float]:
        """Processor time so far: of all servers, and of the database."""
        servers = sum(server.cpu_seconds() for server in self.servers) * 1e3
        return servers, self.database_cpu_ms() if self.database else 0.0

    def database_cpu_ms(self) -> float:
        """Processor time of PostgreSQL: of its first process with all that have ended, and of those that run."""
        first = int((self.database.data / "postmaster.pid").read_text().split()[0])
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                identity, _, rest = stat.read_text().rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            if int(identity.split()[0]) == first:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == first:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS * 1e3


def timed(work: Work, seconds: float) -> list[float]:
    """How many milliseconds each piece of work took, one after the other for so long."""
    times_ms = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        times_ms.append(work.do())
    return times_ms


class Work:
    """What a client does, each time at the next server."""

    def __init__(self, clients: list[Client], farm: str, number: int, batch: int) -> None:
        self.clients, self.farm, self.batch = clients, farm, batch
        self.turn = number
        self.lines = Lines(number * 10**12)

    def next(self) -> Client:
        """The client of the next server."""
        self.turn += 1
        return self.clients[self.turn % len(self.clients)]

    def complete(self) -> str:
        """Starts the question at one server and asks the next for the answer until it is there."""
        aggregation = self.next().post(path_of(self.farm), QUESTION)["aggregationId"]
        asked_until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < asked_until:
            page = self.next().get(path_of(self.farm, aggregation))
            if page["status"] == "COMPLETED":
                return aggregation
            if page["status"] != "IN_PROGRESS":
                sys.exit(f"error: an aggregation ended {page['status']}: {page.get('statusMessage')}")
        sys.exit(f"error: an aggregation did not end in {DEADLINE_SECONDS} s")


class Batches(Work):
    """Stores sessions that nobody sent before."""

    def do(self) -> float:
        """One batch."""
        return send(self.next(), self.farm, self.lines.take(self.batch), self.batch)


class Answers(Work):
    """Asks one question again and again."""

    def do(self) -> float:
        """From Start to the first page."""
        began = time.perf_counter()
        self.complete()
        return (time.perf_counter() - began) * 1e3


class Pages(Work):
    """Reads pages of an answer that is there."""

    aggregation = None

    def do(self) -> float:
        """One page of 100 rows."""
        self.aggregation = self.aggregation or self.complete()
        began = time.perf_counter()
        self.next().get(path_of(self.farm, self.aggregation, "&maxResults=100"))
        return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    sys.exit(main())
