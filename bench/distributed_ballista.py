"""Runs Ballista on this machine: what it computes, how long it takes, what becomes of a question whose executor dies, and who may ask.

One scheduler and two executors with a task at a time each, as processes of `bench/ballista`, and a client as another. Every answer of
the farm is compared with the native engine's before it counts.
"""

from __future__ import annotations

import json
import math
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import equality
import numpy as np
import program
import pyarrow as pa
from engines import Engine, EngineError, Time, our_engine, peer
from peers.datafusion_peer import DIALECT, FORMS
from peers.peer import Peer, integers
from peers.prepare import export
from peers.question import QUESTIONS, Question
from peers.sql import Dialect, Sql, names_for

PROJECT = program.REPOSITORY / "bench/ballista"
OUTPUT = program.REPOSITORY / "target/bench"
FOLDER = OUTPUT / "ballista"
EXECUTORS = 2
START_SECONDS = 60
# How long an aggregation may take before it is TIMEOUT.
LIMIT_SECONDS = 300
# What a question is asked with: a partition for each task that can run, and filters where the file is read. Ballista's own planner
# would make 16 partitions, which costs more here; it is tried, too.
SETTINGS = {
    "2 partitions": {"datafusion.execution.target_partitions": "2"},
    "16 partitions": {"datafusion.execution.target_partitions": "16"},
}
PUSHDOWN = {"datafusion.execution.parquet.pushdown_filters": "true"}
# Ballista's flags for how soon an executor is given up, much lower than they are as shipped: seconds.
PATIENT: dict[str, dict[str, int]] = {"scheduler": {}, "executor": {}}
IMPATIENT = {
    "scheduler": {"executor-timeout-seconds": 6, "expire-interval-seconds": 1, "no-executors-grace-seconds": 6},
    "executor": {"heartbeat-seconds": 1},
}
# What failures are tried with: the cluster's flags, and settings of the question.
VARIANTS: dict[str, tuple[dict[str, dict[str, int]], dict[str, str]]] = {
    "as shipped": (PATIENT, {}),
    "lowered": (IMPATIENT, {}),
    "lowered, static planner": (IMPATIENT, {"ballista.planner.adaptive.enabled": "false"}),
}
# A form that takes so many times the least at its first try is not tried again.
HOPELESS = 1.5


class NoAnswerError(Exception):
    """A question that was not answered in time."""


def build() -> Path:
    """The program of scheduler, executor and client, in a target folder of its own."""
    target = program.REPOSITORY / "target/ballista"
    say("building bench/ballista; the first time this takes tens of minutes")
    began = time.perf_counter()
    command = ["cargo", "build", "--release", "--locked", "--quiet"]
    subprocess.run(command, cwd=PROJECT, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(target)})
    binary = target / "release/farmtally-ballista"
    say(f"built in {time.perf_counter() - began:.0f} s, {binary.stat().st_size / 1e6:.0f} MB")
    return binary


def say(text: str) -> None:
    """Tells what is going on; the standard output is for tables."""
    print(text, file=sys.stderr)


def await_port(port: int) -> None:
    """Waits until somebody listens."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                sys.exit(f"error: nothing listens on port {port} after {START_SECONDS} s; see {FOLDER}")
            time.sleep(0.1)


class Client:
    """A client in a process of its own, which is sent statements."""

    def __init__(self, binary: Path, port: int, folder: Path) -> None:
        self.folder = folder
        self.log = (folder / "client.log").open("ab")
        self.process = subprocess.Popen(
            [binary, "ask", "--scheduler", f"127.0.0.1:{port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=logging(),
        )

    def ask(self, sql: str, file: Path | str = "", limit: float = LIMIT_SECONDS) -> dict[str, Any]:
        """Sends a statement and waits for its reply; its rows go to a file if one is named."""
        self.send(sql, file)
        reply = self.receive(limit)
        if "error" in reply:
            raise EngineError(reply["error"])
        return reply

    def send(self, sql: str, file: Path | str = "") -> None:
        """Sends a statement."""
        assert self.process.stdin
        self.process.stdin.write(f"{file}\t{sql}\n".encode())
        self.process.stdin.flush()

    def receive(self, limit: float) -> dict[str, Any]:
        """The reply to what was sent, within so many seconds."""
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], limit)[0]:
            raise NoAnswerError
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"the client ended with code {self.process.wait()}"}

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        self.log.close()


def logging() -> dict[str, str]:
    """The environment of a process that logs as Ballista's own programs do."""
    return {**os.environ, "RUST_LOG": "info", "TOKIO_WORKER_THREADS": "2"}


@dataclass
class Cluster:
    """A scheduler and its executors."""

    binary: Path
    folder: Path
    """Its logs, and the files of its executors and clients."""
    port: int
    scheduler: subprocess.Popen[bytes]
    executors: list[subprocess.Popen[bytes]] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    def client(self, folder: Path | None = None, settings: dict[str, str] | None = None) -> Client:
        """A new client, which knows the tables of a folder."""
        client = Client(self.binary, self.port, self.folder)
        self.clients.append(client)
        for name, value in (settings or {}).items():
            client.ask(f"SET {name} = {value}")
        for table in ("sessions", "license_lines") if folder else ():
            client.ask(f"CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{folder / table}.parquet'")
        return client

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """Scheduler, executors and clients."""
        return [self.scheduler, *self.executors, *(client.process for client in self.clients)]

    def cpu_ms(self) -> float:
        """Processor time of all processes so far."""
        return sum(program.cpu_seconds(process.pid) * 1e3 for process in self.processes if process.poll() is None)


# What Sail is asked in. A sequence includes its end, and is never empty where the questions have one.
SPARK_DIALECT = Dialect(
    divide=lambda one, other: f"({one} div {other})",
    series=lambda first, end: f"explode(sequence({first}, {end} - 1))",
    big="BIGINT",
)


@contextmanager
def cluster(binary: Path, patience: dict[str, dict[str, int]] | None = None, name: str = "cluster") -> Iterator[Cluster]:
    """A scheduler and two executors that listen on this machine only."""
    patience = patience or PATIENT
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port, *ports = program.free_ports(1 + 2 * EXECUTORS)
    scheduler = start(binary, "scheduler", folder / "scheduler.log", {"port": port, **patience["scheduler"]})
    found = Cluster(binary, folder, port, scheduler)
    try:
        await_port(port)
        for number in range(EXECUTORS):
            flight, grpc = ports[2 * number : 2 * number + 2]
            work = folder / f"work-{number}"
            work.mkdir()
            flags = {"scheduler-port": port, "port": flight, "grpc-port": grpc, "vcores": 1, "work-dir": work}
            found.executors.append(start(binary, "executor", folder / f"executor-{number}.log", flags | patience["executor"]))
            await_port(grpc)
        await_executors(folder / "scheduler.log")
        yield found
    finally:
        for client in found.clients:
            client.close()
        for process in [found.scheduler, *found.executors]:
            process.kill()
            process.wait()
        for number in range(EXECUTORS):
            shutil.rmtree(folder / f"work-{number}", ignore_errors=True)


def start(binary: Path, command: str, log: Path, flags: dict[str, Any]) -> subprocess.Popen[bytes]:
    """A process with a log."""
    words = [str(word) for flag, value in flags.items() for word in (f"--{flag}", value)]
    with log.open("wb") as output:
        return subprocess.Popen([binary, command, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=logging())


def await_executors(log: Path) -> None:
    """Waits until the scheduler knows all executors: before, it would give all tasks to one of them."""
    until = time.monotonic() + START_SECONDS
    while log.read_text().count("Received register executor request") < EXECUTORS:
        if time.monotonic() > until:
            sys.exit(f"error: the executors have not registered after {START_SECONDS} s; see {log}")
        time.sleep(0.1)


def first_cell(client: Client, sql: str) -> object:
    """The only value of an answer."""
    file = client.folder / "answer.arrow"
    client.ask(sql, file)
    return read_arrow(file).column(0)[0]


def parquet_forms(question: Question) -> list[str]:
    """The forms of a question that are tried."""
    return names_for(question, {name: form for name, (source, form) in FORMS.items() if source == "parquet"})


class Ballista(Peer):
    """A client of a cluster, as the comparison asks an engine."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @property
    def version(self) -> str:
        return re.search(r'name = "ballista"\nversion = "(.*)"', (PROJECT / "Cargo.lock").read_text()).group(1)

    def forms(self, question: Question) -> list[str]:
        return parquet_forms(question)

    def run(self, question: Question, form: str) -> float:
        """Seconds that an answer took."""
        return self.client.ask(statement(question, form))["seconds"]

    def table(self, question: Question, form: str) -> pa.Table:
        file = self.client.folder / "answer.arrow"
        self.client.ask(statement(question, form), file)
        return read_arrow(file)


def statement(question: Question, form: str, dialect: Dialect = DIALECT) -> str:
    """A question in a dialect, usually that of DataFusion."""
    return Sql(question, dialect, FORMS[form][1]).statement()


class Sail(Peer):
    """A session of Sail, as the comparison asks an engine."""

    def __init__(self, session: Any, pid: int, folder: Path) -> None:
        self.session, self.pid = session, pid
        for table in ("sessions", "license_lines"):
            session.read.parquet(str(folder / f"{table}.parquet")).createOrReplaceTempView(table)

    @property
    def version(self) -> str:
        return version("pysail")

    def forms(self, question: Question) -> list[str]:
        return parquet_forms(question)

    def run(self, question: Question, form: str) -> pa.Table:
        return self.session.sql(statement(question, form, SPARK_DIALECT)).toArrow()

    def table(self, question: Question, form: str) -> pa.Table:
        return self.run(question, form)

    def time(self, question: Question, form: str) -> Time:
        """Wall time, and the processor time of the server and of this process, its client."""
        cpu, wall = program.cpu_seconds(self.pid) + time.process_time(), time.perf_counter()
        self.run(question, form)
        wall = time.perf_counter() - wall
        return Time((program.cpu_seconds(self.pid) + time.process_time() - cpu) * 1e3, wall * 1e3)


def read_arrow(file: Path) -> pa.Table:
    """The rows that a client wrote."""
    with pa.ipc.open_file(file) as reader:
        return reader.read_all()


def probed(binary: Path, probes: list[tuple[str, object]], judged: Callable[[Callable[[], object], object], str]) -> list[str]:
    """What Ballista answers to statements whose exact results are known."""
    with cluster(binary) as found:
        client = found.client()
        return [judged(lambda sql=sql: first_cell(client, sql), exact) for sql, exact in probes]


def speed(
    binary: Path, sessions: int, repeats: int, questions: list[str] | None, asked_sail: Callable[[], AbstractContextManager[tuple[Any, int]]]
) -> None:
    """Compares all answers of the farm with the native engine's, and then the times, in turn. Prints a table."""
    ours_binary = program.build(alone=True)
    folder = export(ours_binary, OUTPUT, sessions)
    ours = our_engine(ours_binary, folder, sessions, EXECUTORS)
    datafusion = peer("DataFusion", folder, EXECUTORS)
    try:
        with cluster(binary) as found, asked_sail() as (session, pid):
            settings = {name: Ballista(found.client(folder, of | PUSHDOWN)) for name, of in SETTINGS.items()}
            race = Race(found, ours, datafusion, settings, Sail(session, pid, folder), folder, repeats)
            print(f"{sessions:,} sessions, medians of {repeats} in turn, equal in every row; load before it {os.getloadavg()[0]:.1f}\n")
            print("| wall ms (CPU ms) | rows | native | DataFusion, a process | Ballista | Sail | fastest forms |\n|---|---|---|---|---|---|---|")
            for question in (one for one in QUESTIONS if not questions or one.name in questions):
                print(race.line(question), flush=True)
    finally:
        ours.close()
        datafusion.close()


@dataclass(frozen=True)
class Race:
    """Engines that have the same farm, each with two threads, executors or workers."""

    found: Cluster
    ours: Engine
    datafusion: Engine
    ballistas: dict[str, Ballista]
    """Clients of Ballista by what they ask with."""
    sail: Sail
    folder: Path
    repeats: int

    def line(self, question: Question) -> str:
        """The line of one question: each engine in the fastest of its forms, after its rows have been found to be the native engine's."""
        name = question.name
        expected = native_rows(self.ours, question, self.folder)
        clients = [(settings, form) for settings, client in self.ballistas.items() for form in client.forms(question)]
        settings, by_ballista = least(clients, lambda one: self.ballistas[one[0]].run(question, one[1]))
        by_datafusion = least(parquet_forms(question), lambda form: self.datafusion.time(name, commas(form)).wall_ms)
        by_sail = least(self.sail.forms(question), lambda form: self.sail.time(question, form).wall_ms)
        ballista = self.ballistas[settings]
        file = self.folder / "answer-DataFusion.i64"
        self.datafusion.answer(name, commas(by_datafusion), file)
        for other, rows in {
            "DataFusion": equality.read(file),
            "Ballista": equality.ordered(ballista.integers(question, by_ballista)),
            "Sail": equality.ordered(self.sail.integers(question, by_sail)),
        }.items():
            equality.check(name, ("farmtally", expected), (other, rows))
        times: dict[str, list[Time]] = {"native": [], "DataFusion": [], "Ballista": [], "Sail": []}
        for _ in range(self.repeats):
            times["native"].append(self.ours.time(name, ""))
            times["DataFusion"].append(self.datafusion.time(name, commas(by_datafusion)))
            times["Ballista"].append(timed(self.found, ballista, question, by_ballista))
            times["Sail"].append(self.sail.time(question, by_sail))
        cells = [f"{median(one.wall_ms for one in of):,.1f} ({median(one.cpu_ms for one in of):,.1f})" for of in times.values()]
        forms = ", ".join(form.removeprefix("parquet ") for form in (by_datafusion, f"{by_ballista} in {settings}", by_sail))
        return f"| {name} | {len(expected):,} | {' | '.join(cells)} | {forms} |"


def commas(form: str) -> str:
    """A form as it is sent to an engine."""
    return form.replace(" ", ",")


def native_rows(ours: Engine, question: Question, folder: Path) -> np.ndarray:
    """The native engine's answer."""
    file = folder / "answer-farmtally.i64"
    ours.answer(question.name, "", file)
    return equality.read(file)


def timed(found: Cluster, ballista: Ballista, question: Question, form: str) -> Time:
    """Wall time at the client, and the processor time of all processes that took part."""
    before = found.cpu_ms()
    seconds = ballista.run(question, form)
    return Time(found.cpu_ms() - before, seconds * 1e3)


def least(things: list[Any], cost: Callable[[Any], float]) -> Any:
    """The thing that costs least; the promising ones are tried twice. What an engine refuses costs most."""

    def cost_or_most(thing: Any) -> float:
        try:
            return cost(thing)
        except EngineError as error:
            say(f"refused: {thing}: {brief(str(error))}")
            return math.inf

    first = [cost_or_most(thing) for thing in things]
    promising = [index for index, of in enumerate(first) if of < HOPELESS * min(first)]
    return things[min(promising, key=lambda index: min(first[index], cost(things[index])))]


@dataclass(frozen=True)
class Fault:
    """Something that happens to a cluster in the middle of a question."""

    what: str
    shares: list[float]
    """At which parts of the usual time of the question, a trial each."""
    befall: Callable[[Cluster], None]
    later: Callable[[Cluster], None] | None = None
    """What happens after `later_seconds`."""
    later_seconds: float = 20


def signalled(to: str, number: signal.Signals) -> Callable[[Cluster], None]:
    """Sends a signal to some processes of a cluster."""

    def send(found: Cluster) -> None:
        for process in {"one": found.executors[:1], "all": found.executors, "scheduler": [found.scheduler]}[to]:
            process.send_signal(number)

    return send


FAULTS = [
    Fault("an executor killed", [0.2, 0.4, 0.6, 0.8], signalled("one", signal.SIGKILL)),
    Fault("an executor frozen", [0.3, 0.7], signalled("one", signal.SIGSTOP)),
    Fault("an executor frozen for 20 s", [0.3, 0.7], signalled("one", signal.SIGSTOP), signalled("one", signal.SIGCONT)),
    Fault("all executors killed", [0.5], signalled("all", signal.SIGKILL)),
    Fault("the scheduler killed", [0.5], signalled("scheduler", signal.SIGKILL)),
]


def failures(binary: Path, sessions: int, name: str, at_once: int) -> None:
    """Kills and freezes what takes part in a question, and prints what became of it. So many clusters are tried at once."""
    ours_binary = program.build(alone=True)
    folder = export(ours_binary, OUTPUT, sessions)
    question = next(one for one in QUESTIONS if one.name == name)
    ours = our_engine(ours_binary, folder, sessions, EXECUTORS)
    asked = Asked(question, folder, native_rows(ours, question, folder))
    ours.close()
    print(f"{name} of {sessions:,} sessions, {len(asked.expected):,} rows; an answer is waited for {LIMIT_SECONDS} s\n")
    print("| what happened | when, of how long it usually takes | flags | what became of the question | the next one |\n|---|---|---|---|---|")
    trials = [
        (binary, fault, share, flags, asked)
        for flags in VARIANTS
        for fault in FAULTS
        for share in fault.shares
    ]
    with ThreadPoolExecutor(at_once) as pool:
        lines = [pool.submit(befallen, number, *trial) for number, trial in enumerate(trials)]
        for line in as_completed(lines):
            print(line.result(), flush=True)


@dataclass(frozen=True)
class Asked:
    """A question, and the rows that it has."""

    question: Question
    tables: Path
    expected: np.ndarray

    @property
    def sql(self) -> str:
        """The statement, in a form that is among the fastest for many buckets."""
        return statement(self.question, "parquet unnest packed")

    def judged(self, file: Path) -> str:
        """Whether the rows in a file are those of the native engine."""
        rows = equality.ordered(integers(read_arrow(file), self.question))
        try:
            equality.check(self.question.name, ("farmtally", self.expected), ("Ballista", rows))
        except equality.Mismatch as error:
            say(str(error))
            return "**WRONG ROWS**"
        return "the right rows"


def befallen(number: int, binary: Path, fault: Fault, share: float, flags: str, asked: Asked) -> str:
    """The line of one trial: when something happened to a question, and what became of it and of the next one."""
    patience, settings = VARIANTS[flags]
    settings = SETTINGS["16 partitions"] | PUSHDOWN | settings
    with cluster(binary, patience, f"trial-{number}") as found:
        client = found.client(asked.tables, settings)
        usual = [client.ask(asked.sql)["seconds"] for _ in range(2)][1]
        file = found.folder / "answer.arrow"
        client.send(asked.sql, file)
        time.sleep(share * usual)
        when = f"{share:.0%} of {usual:.1f} s"
        if select.select([client.process.stdout], [], [], 0)[0]:
            return f"| {fault.what} | {when} | {flags} | it was answered before | |"
        fault.befall(found)
        outcome = awaited(lambda: client.receive(LIMIT_SECONDS), file, asked) if not fault.later else resumed(found, client, file, fault, asked)
        following = ""
        if fault.what.startswith("an executor"):
            other = found.client(asked.tables, settings)
            other.send(asked.sql, file)
            following = awaited(lambda: other.receive(LIMIT_SECONDS), file, asked)
        return f"| {fault.what} | {when} | {flags} | {outcome} | {following} |"


def resumed(found: Cluster, client: Client, file: Path, fault: Fault, asked: Asked) -> str:
    """What became of a question, when what happened is undone after some time."""
    timer = threading.Timer(fault.later_seconds, lambda: fault.later(found))
    timer.start()
    try:
        return awaited(lambda: client.receive(LIMIT_SECONDS), file, asked)
    finally:
        timer.join()


def awaited(receive: Callable[[], dict[str, Any]], file: Path, asked: Asked) -> str:
    """What became of a question that was sent."""
    began = time.monotonic()
    try:
        reply = receive()
    except NoAnswerError:
        return f"**none after {LIMIT_SECONDS} s**"
    after = f"{time.monotonic() - began:.1f} s"
    if "error" in reply:
        return f"an error after {after}: {brief(reply['error'])}"
    return f"{asked.judged(file)} after {after}"


def brief(error: str) -> str:
    """The first words of an error."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", error.strip().splitlines()[0]).replace("|", "/")[:110]


def doors(binary: Path) -> None:
    """Prints what Ballista's library listens on without flags, and what a client without credentials may do."""
    with cluster(binary) as found:
        for process in [found.scheduler, *found.executors]:
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")[1].decode()
            print(f"{command} listens on {', '.join(listening(process.pid))}")
        client = found.client()
        client.ask(
            "CREATE EXTERNAL TABLE accounts (name VARCHAR, a VARCHAR, b VARCHAR, c VARCHAR, d VARCHAR, e VARCHAR, f VARCHAR) "
            "STORED AS CSV LOCATION '/etc/passwd' OPTIONS ('format.has_header' 'false', 'format.delimiter' ':')"
        )
        print(f"a client without credentials read from /etc/passwd: {client.ask('SELECT name FROM accounts LIMIT 1')['first']}")


def listening(pid: int) -> list[str]:
    """Where a process listens."""
    sockets = {os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()}
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
            address, port = words[1].split(":")
            found.append(f"{socket.inet_ntoa(bytes.fromhex(address)[::-1])}:{int(port, 16)}")
    return found
