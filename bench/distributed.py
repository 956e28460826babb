"""Asks servers of Spark Connect, and DataFusion, small sums whose exact results are known, and prints what each of them answers.

The sums are those that statistics need: 64-bit and decimal sums at their edges, floor division of products of 105 bits, averages
of decimals, instants of the year 2997. Each server is started from its package, asked, and ended. DataFusion is asked in this
process: it is what Sail and Ballista compute with. With --ballista a scheduler and two executors of Ballista are built and asked, too,
and then a farm is asked through them, whole and with executors that die; after it the parts of that can be named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import venv
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import program

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / "target/bench/distributed-env"
SAIL = ["pysail==0.7.2", "pyspark-client==4.2.0", "pandas<3"]
# The version that Ballista 55 is built on.
DATAFUSION = "datafusion==55.0.0"
SPARK = "pyspark==4.3.0"
BALLISTA_PARTS = ["exactness", "speed", "failures", "doors"]
START_SECONDS = 300

BIG = 9_000_000_000_000_000_000
NINES = "cast('99999999999999999999999999999999999999' as decimal(38,0))"
COST, ELAPSED, RUNTIME = 10**18, 3_455_999_999, 3_456_000_000


def rows(*values: object) -> str:
    """A relation of one column x."""
    return f"(select explode(array({', '.join(map(str, values))})) x)"


# What is asked, how, and the exact result.
PROBES = [
    ("SUM of BIGINT beyond 64 bits", f"select sum(x) from {rows(BIG, BIG)}", 2 * BIG),
    ("SUM of DECIMAL(38) beyond 38 digits", f"select sum(x) from {rows(NINES, NINES)}", 2 * (10**38 - 1)),
    ("SUM of DECIMAL(28), the same numbers", f"select sum(cast(x as decimal(28,0))) from {rows(BIG, BIG)}", 2 * BIG),
    ("BIGINT * BIGINT beyond 64 bits", f"select x * 4 from {rows(BIG)}", 4 * BIG),
    (
        "10^18 n$ at the last ms of 40 days, floor of decimals by div",
        f"select (cast({COST} as decimal(19,0)) * cast({ELAPSED} as decimal(14,0))) div cast({RUNTIME} as decimal(14,0))",
        COST * ELAPSED // RUNTIME,
    ),
    ("AVG of the decimals 1, 2, 2", f"select avg(x) from {rows(*(f'cast({n} as decimal(38,0))' for n in (1, 2, 2)))}", "5/3"),
    ("BIGINT div and %", f"select concat(x div 7, ',', x % 7) from {rows(BIG)}", f"{BIG // 7},{BIG % 7}"),
    ("unix_millis in the year 2997", "select unix_millis(timestamp'2997-10-01 00:00:00.123Z')", 32_432_659_200_123),
]

# The same for DataFusion, where it has another name for something, or no division of decimals to a whole number.
PRODUCT = f"(cast({COST} as decimal(19,0)) * cast({ELAPSED} as decimal(14,0)))"
DIVISOR = f"cast({RUNTIME} as decimal(14,0))"
IN_DATAFUSION = {
    "10^18 n$ at the last ms of 40 days, floor of decimals by div": f"select cast(({PRODUCT} - {PRODUCT} % {DIVISOR}) / {DIVISOR} as bigint)",
    "BIGINT div and %": f"select concat(x / 7, ',', x % 7) from {rows(BIG)}",
    # Literals have nanoseconds there, which end in 2262; the column of a segment has milliseconds.
    "unix_millis in the year 2997": "select cast(arrow_cast('2997-10-01T00:00:00.123Z', 'Timestamp(Millisecond, None)') as bigint)",
}


def main() -> int:
    """Tries what is asked for and prints tables."""
    parser = argparse.ArgumentParser(prog="bench/distributed", description=__doc__)
    parser.add_argument("--spark", action="store_true", help="try Apache Spark, too")
    parser.add_argument("--ballista", nargs="*", choices=BALLISTA_PARTS, metavar="PART", help=f"try Ballista: {', '.join(BALLISTA_PARTS)}; or all")
    parser.add_argument("--sessions", type=int, default=1_000_000, help="sessions of the farm that Ballista is timed with")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--questions", nargs="+", help="Q1 to Q8; all when none is given")
    parser.add_argument("--failing-sessions", type=int, default=1_000_000, help="sessions of the farm in whose question executors die")
    parser.add_argument("--failing-question", default="Q4")
    parser.add_argument("--at-once", type=int, default=10, help="clusters whose executors die that run at once: they mostly wait")
    arguments = parser.parse_args()
    if Path(sys.prefix).resolve() != FOLDER.resolve():
        install(arguments.spark)
        os.execv(FOLDER / "bin/python", [str(FOLDER / "bin/python"), *sys.argv])
    if arguments.ballista is None:
        print_exactness(arguments.spark, None)
        return 0
    # Here, because it needs what has only now been installed.
    import distributed_ballista as ballista

    binary = ballista.build()
    parts = arguments.ballista or BALLISTA_PARTS
    if "exactness" in parts:
        print_exactness(arguments.spark, binary)
    if "speed" in parts:
        ballista.speed(binary, arguments.sessions, arguments.repeats, arguments.questions, asked_sail)
    if "failures" in parts:
        ballista.failures(binary, arguments.failing_sessions, arguments.failing_question, arguments.at_once)
    if "doors" in parts:
        ballista.doors(binary)
    return 0


def print_exactness(with_spark: bool, ballista: Path | None) -> None:
    """Tries the servers and prints a table."""
    servers = {"Sail": sail}
    if with_spark:
        servers["Spark"] = spark
    answers = {name: tried(name, server) for name, server in servers.items()} | {"DataFusion": in_datafusion()}
    if ballista:
        answers["Ballista"] = in_ballista(ballista)
    print(f"| | exact | {' | '.join(answers)} |\n|---|---|{'---|' * len(answers)}")
    for index, (what, _, exact) in enumerate(PROBES):
        print(f"| {what} | {exact} | {' | '.join(found[index] for found in answers.values())} |")


def install(with_spark: bool) -> None:
    """Makes the environment, and says what it weighs."""
    if not (FOLDER / "bin/sail").exists():
        venv.create(FOLDER, with_pip=True, clear=True)
        pip("install", *SAIL)
    if not any(FOLDER.glob("lib/python*/site-packages/datafusion")):
        pip("install", DATAFUSION)
    if with_spark and not (FOLDER / "spark").exists():
        # Beside the client, not in its place: both are called pyspark.
        pip("install", "--no-deps", "--target", str(FOLDER / "spark"), SPARK)


def pip(*words: str) -> None:
    command = [str(FOLDER / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"{words[-1]} and what it needs: {time.perf_counter() - began:.0f} s to install", file=sys.stderr)


@contextmanager
def sail(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Sail with two workers in one process."""
    environment = os.environ | {"SAIL_MODE": "local-cluster", "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2"}
    command = [str(FOLDER / "bin/sail"), "spark", "server", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.terminate()


@contextmanager
def asked_sail() -> Iterator[tuple[object, int]]:
    """A session of Sail, and the number of its process."""
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore")
    [port] = program.free_ports(1)
    with sail(port) as process:
        session = connected(SparkSession, port)
        yield session, process.pid
        session.stop()


@contextmanager
def spark(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Spark with all of it in one process: arithmetic does not depend on where it is done."""
    if shutil.which("java") is None:
        sys.exit("error: java is not installed; Spark needs Java 17, such as the package openjdk-17-jre-headless")
    home = FOLDER / "spark/pyspark"
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {"spark.connect.grpc.binding.port": port, "spark.connect.grpc.binding.address": "127.0.0.1", "spark.ui.enabled": "false"}
    command = [str(home / "bin/spark-submit"), "--master", "local[2]", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    with subprocess.Popen([*command, "spark-internal"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.terminate()


def tried(name: str, server: object) -> list[str]:
    """What a server answers to each probe."""
    warnings.filterwarnings("ignore")
    from pyspark.sql import SparkSession

    [port] = program.free_ports(1)
    began = time.perf_counter()
    with server(port):
        session = connected(SparkSession, port)
        print(f"{name}: {time.perf_counter() - began:.1f} s from its start to its first answer", file=sys.stderr)
        answers = [answer(session, sql, exact) for _, sql, exact in PROBES]
        session.stop()
    return answers


def connected(session: object, port: int) -> object:
    """A session, as soon as the server answers."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                pass
            found = session.builder.remote(f"sc://127.0.0.1:{port}").create()
            found.sql("select 1").collect()
            return found
        except Exception as error:
            if time.monotonic() > until:
                sys.exit(f"error: no answer in {START_SECONDS} s: {error}")
            time.sleep(0.2)


def answer(session: object, sql: str, exact: object) -> str:
    """The answer to one probe: exact, another number, or refused."""
    return judged(lambda: session.sql(sql).collect()[0][0], exact)


def in_datafusion() -> list[str]:
    """What DataFusion answers to each probe."""
    from datafusion import SessionContext

    context = SessionContext()
    asked = [(datafusion_sql(what, sql), exact) for what, sql, exact in PROBES]
    return [judged(lambda sql=sql: context.sql(sql).collect()[0].column(0)[0], exact) for sql, exact in asked]


def datafusion_sql(what: str, sql: str) -> str:
    """A probe in the dialect of DataFusion."""
    return IN_DATAFUSION.get(what, sql).replace("explode(array(", "unnest(make_array(")


def in_ballista(binary: Path) -> list[str]:
    """What Ballista answers to each probe."""
    import distributed_ballista

    probes = [(datafusion_sql(what, sql), exact) for what, sql, exact in PROBES]
    return distributed_ballista.probed(binary, probes, judged)


def judged(ask: Callable[[], object], exact: object) -> str:
    """What is said of an answer, or of why there is none."""
    try:
        found = str(ask())
    except Exception as error:
        return "refused: " + str(error).strip().splitlines()[0].split("]")[0].lstrip("[")[:40]
    return "exact" if found == str(exact) else f"**{found}**"


if __name__ == "__main__":
    sys.exit(main())
