"""Grouping by more than fits into a small ceiling: by jobs when every session is of another one, and by jobs and users.

    scripts/trust --jobs [N] [DIR]      N sessions of as many jobs, 1,000,000 unless told otherwise
    scripts/trust --groups [N] [DIR]    N pairs of job and user, a hundred users a job, 50,000,000 unless told otherwise

An aggregation ends FAILED with its reason, or COMPLETED with every group in it. The server lives, its memory stays within what the
ceiling allows, and others are served while it works: their requests, and aggregations of another farm.
"""

import os
import statistics
import subprocess
import threading
import time

from program import BINARY, clean_environment

# A session. What groups nothing here is the same in every line.
LINE = (
    '{"sessionId":"session-%%032x","queueName":"comp","fleetName":"spot","jobName":"shot %%d","userId":"user-%%d",'
    '"startedAt":"%sZ","endedAt":"%s.500Z","usage":[{"usageType":"COMPUTE","costInUsd":"0.01"}]}\n'
)
COST_OF_A_SESSION = 0.01
# Lines that share their second; a part is what one import takes, and a batch what it stores at once.
LINES_OF_A_SECOND, PART, BATCH = 10_000, 5_000_000, 524_288
FIRST_SECOND = 1_761_955_200  # 2025-11-01T00:00:00Z
PAGES_WALKED, PAGE_SIZE = 20, 100
OTHERS_P99_MS_MAX = 1_000
# It is about memory: an aggregation may take its time.
SECONDS_MAX = 3_600
# What a server may take for itself while it answers, beside the memory of its groups.
OWN_MIB = 256


class Ceiling:
    """What one server allows an aggregation."""

    def __init__(self, memory_mib, rows):
        self.memory_mib, self.rows = memory_mib, rows

    def __str__(self):
        return f"{self.memory_mib:,} MiB a thread and {self.rows:,} rows"

    @property
    def flags(self):
        named = {"memory-mib-max": self.memory_mib, "rows-max": self.rows, "seconds-max": SECONDS_MAX}
        return [text for name, value in named.items() for text in (f"--aggregation-{name}", str(value))]

    @property
    def mib_max(self):
        """By how much a server may grow: an aggregation has a thread for each processor."""
        return OWN_MIB + self.memory_mib * len(os.sched_getaffinity(0))


# Too little memory, too few rows as it is without flags, and all the memory that is needed.
CEILINGS = [Ceiling(1, 2**31), Ceiling(64, 2**31), Ceiling(1024, 3_000_000), Ceiling(4096, 2**31)]


def fill(folder, farm, count, users):
    """Imports what is still missing of `count` sessions, each another pair of job and user."""
    done = folder.path / "groups"
    first = int(done.read_text()) if done.is_file() else 0
    for first in range(first, count, PART):
        last = min(count, first + PART)
        _import(folder, farm, first, last, users)
        done.write_text(str(last))


def _import(folder, farm, first, last, users):
    command = [BINARY, "import", "--data-dir", folder.path, "--farm", farm, "--format", "jsonl", "--batch", str(BATCH), "-"]
    importer = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    )
    with importer.stdin as lines:
        for begin in range(first, last, LINES_OF_A_SECOND):
            lines.write(_lines(begin, min(last, begin + LINES_OF_A_SECOND), users))
    told = importer.stdout.read().decode(), importer.stderr.read().decode()
    if importer.wait() != 0 or f"stored: {last - first}\n" not in told[0]:
        raise AssertionError(f"the import of sessions {first} to {last} ended with {importer.returncode}: {told}")


def _lines(first, last, users):
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(FIRST_SECOND + first // LINES_OF_A_SECOND * 480))
    line = LINE % (second, second)
    return "".join([line % (number, number // users, number % users) for number in range(first, last)]).encode()


class Others:
    """Whoever else uses the server: lists the farms, and asks for an aggregation of another farm, again and again."""

    def __init__(self, site, farm):
        self.site, self.farm = site, farm
        self.times_ms, self.aggregations, self.wrong = [], 0, []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._list, self._aggregate)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _guarded(self, work):
        try:
            while not self.over.wait(0.02):
                work()
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody was not served
            self.wrong.append(f"{type(error).__name__}: {error}")

    def _list(self):
        begun = time.perf_counter()
        answer = self.site.ask("GET", "/2023-10-12/farms")
        self.times_ms.append((time.perf_counter() - begun) * 1000)
        assert answer.status == 200, answer

    def _aggregate(self):
        _, page = self.site.start(farm=self.farm)
        assert page["status"] == "COMPLETED" and len(page["statistics"]) == 1, page
        self.aggregations += 1

    @property
    def p99_ms(self):
        return statistics.quantiles(self.times_ms, n=100)[98] if len(self.times_ms) > 1 else 0.0


def prepare(folder, count, users):
    """Imports the farm, and another one for those who ask beside it; gives what was done and how much there is of it."""
    begun = time.monotonic()
    folder.import_lines("other", _lines(0, 200, 1).decode())
    fill(folder, "trust", count, users)
    size = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
    return _told(count, users), f"imported in {time.monotonic() - begun:.0f} s, {size >> 20:,} MiB on disk"


def _told(count, users):
    return f"{count:,} distinct jobs" if users == 1 else f"{count // users:,} jobs x {users} users"


def ask(serve, ceiling, count, require):
    """Asks a server with a ceiling, which `serve` starts on the folder; gives the ceiling and what came of it."""
    site = serve(*ceiling.flags)
    try:
        farms = site.farms()
        total = site.start(farm=farms["trust"], groupBy=["QUEUE_ID"])[1]["statistics"]
        require([row["count"] for row in total] == [count], f"{count} sessions were imported, and there are {total}")
        before = site.resident_mib()
        with Others(site, farms["other"]) as others:
            begun = time.monotonic()
            aggregation_id, page = site.start(farm=farms["trust"], groupBy=["JOB_ID", "USER_ID"])
            seconds = time.monotonic() - begun
        require(not others.wrong, f"others were not served under {ceiling}: {others.wrong}")
        require(others.p99_ms < OTHERS_P99_MS_MAX, f"others waited {others.p99_ms:.0f} ms at the 99th percentile under {ceiling}")
        ended = _ended(site, farms["trust"], aggregation_id, page, count, require)
        require(site.lives(), f"the server is not ready afterwards, under {ceiling}")
        grown = site.peak_mib() - before
        require(grown < ceiling.mib_max, f"memory grew by {grown:.0f} MiB under {ceiling}; {ceiling.mib_max} MiB are allowed")
    finally:
        code = site.server.stop()
    require(code == 0, f"the server ended with {code} under {ceiling}")
    return str(ceiling), (
        f"{ended} after {seconds:.1f} s, memory {before:.0f} + {grown:.0f} MiB, "
        f"{len(others.times_ms)} others' requests p99 {others.p99_ms:.0f} ms, {others.aggregations} others' aggregations"
    )


def _ended(site, farm, aggregation_id, page, count, require):
    """How it ended, in a word, after a look at whether it says why or shows what it should."""
    if page["status"] == "FAILED":
        message = page.get("statusMessage", "")
        reason = next((reason for reason in ("memory", "rows") if reason in message), None)
        require(reason and "reduce" in message, f"no reason in {page}")
        return f"FAILED for its {reason}"
    require(page["status"] == "COMPLETED", f"{page}")
    rows = _walked(site, farm, aggregation_id)
    groups = [(row["jobId"], row["userId"]) for row in rows]
    require(len(rows) == min(count, PAGES_WALKED * PAGE_SIZE), f"{len(rows)} rows on the first pages")
    require(groups == sorted(set(groups)), "groups are not in order, or twice")
    wrong = [row for row in rows if row["count"] != 1 or row["costInUsd"] != {"sum": COST_OF_A_SESSION}]
    require(not wrong, f"a group with another cost or count: {wrong[:1]}")
    return "COMPLETED"


def _walked(site, farm, aggregation_id):
    rows, token = [], ""
    for _ in range(PAGES_WALKED):
        page = site.page(farm, aggregation_id, PAGE_SIZE, token)
        rows += page["statistics"]
        if "nextToken" not in page:
            break
        token = page["nextToken"]
    return rows
