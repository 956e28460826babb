"""SIGKILL around answers: from Start to long after its rows were seen, and again while the next process answers what was left.

A record comes between the processes, so that an answer that was computed again is another one. An aggregation that was started ends
COMPLETED with one of both, one that was seen COMPLETED is so from the first Get of the next process on, and a token leads to a page
of the answer that its page was of, or says that this was computed again.
"""

import itertools
import json
import random
import shutil
import sqlite3
import time
from dataclasses import dataclass, field

import served
from campaign import NOT_REACHED, complain, spread
from client import GONE, Client, Failed
from disk import CHANGES, disk, faults
from farm_model import Session
from recovery import Story, tell
from served import Ended, Server
from workload import TINY, operations

# In the time that `slow` leaves, a client sees what is shown before it is written down. EIO is a sync that fails, which ends the server.
KINDS = {"kill": CHANGES, "slow": CHANGES, "late": CHANGES, "torn": "w", "EIO": "s"}
ASKED = 2
PAGE_SIZE = 2


@dataclass(frozen=True)
class Point:
    """What the disk does at which call, and at which call the process after it is killed."""

    kind: str
    number: int
    next_number: int | None


@dataclass
class Seen:
    """What a client has seen of an aggregation: its first page, from the process that began it."""

    id: str
    is_completed: bool = False
    page: dict | None = None


def completed(client, aggregation_id):
    """The first page of an aggregation, once it has ended."""
    return client.completed_page(aggregation_id, time.monotonic() + client.patience_seconds, size=PAGE_SIZE)


def ask(client, seen):
    """Asks a few times, and notes in `seen` what comes, until the server is gone or refuses."""
    for _ in range(ASKED):
        status, started = client.start()
        if status != 200:
            return
        seen.append(Seen(started["aggregationId"]))
        seen[-1].page = completed(client, seen[-1].id)
        seen[-1].is_completed = True


def campaign(setting):
    killer = Killer(setting)
    killer.require_window()
    points = killer.points()
    points = points if setting.is_full else spread(points, setting.size(sample=60, full=0), random.Random(setting.seed))
    setting.attack("kill -9 around answers", killer.attack, points)


class Killer:
    def __init__(self, setting):
        self.setting = setting
        self.template = setting.template()
        self.folder = setting.scratch / "with-records"
        self.counting = setting.scratch / "counting"
        self.record = setting.scratch / "later.jsonl"
        self.record.write_text(json.dumps(Session(number=999, started=0, ended=3_600_000, cost=1).json()) + "\n")
        self.template.copy(self.folder)
        self.before = self._rows(self.folder, lambda client: tell(client, Story(operations(setting.seed, TINY))))
        later = setting.scratch / "with-one-more"
        shutil.copytree(self.folder, later)
        self._import(later)
        self.after = self._rows(later)
        assert self.before != self.after

    def _rows(self, folder, first=lambda client: None):
        server = Server(folder)
        client = self._client(server)
        first(client)
        rows = client.rows()
        client.close()
        server.stop()
        return rows

    def _import(self, folder):
        served.run(folder, "import", "--farm", served.FARM, "--format", "jsonl", str(self.record))

    def points(self):
        """Each call of each kind; behind every other kill comes one at a random call of the next process."""
        rng = random.Random(self.setting.seed)
        for kind, calls in KINDS.items():
            for number in range(1, self._count(calls) + 1):
                yield Point(f"{kind}@{calls}", number, rng.randint(1, 40) if number % 2 else None)

    def _count(self, calls):
        report = self.setting.scratch / "report"
        report.unlink(missing_ok=True)
        self._run(self.counting, disk(self.counting, f"none@{calls}:1", report=report))
        return faults(report)[1]

    def require_window(self):
        """Fails if no client sees an answer before it is written down: then nothing would be tested."""
        for number in range(self._count(CHANGES), 0, -1):
            seen, _ = self._run(self.counting, disk(self.counting, f"slow@{CHANGES}:{number}"))
            if seen and seen[-1].is_completed and status_of(self.counting, seen[-1].id) == "IN_PROGRESS":
                return
        complain("no answer was shown before it was written down", "is there room of 16 MiB in the folder of the campaigns?")

    def _client(self, server):
        return Client(server.endpoint, self.template.key, self.template.farm_id)

    def _run(self, folder, disk_variables):
        """Asks a server on a copy of the folder: what was seen, and whether the server lived."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        seen = []
        return seen, self._serve(folder, disk_variables, lambda client: ask(client, seen))

    def _serve(self, folder, disk_variables, use):
        """Has a server answer, and says whether it lived."""
        try:
            server = Server(folder, disk_variables)
        except Ended:
            return False
        client = self._client(server)
        try:
            use(client)
        except GONE:
            pass
        finally:
            client.close()
            code = server.stop()
        return code == 0

    def attack(self, point, place):
        seen, is_untouched = self._run(place, disk(place, f"{point.kind}:{point.number}"))
        if is_untouched:
            return NOT_REACHED
        self._import(place)
        wrong = []
        if point.next_number is not None:
            faulty = disk(place, f"kill@{CHANGES}:{point.next_number}")
            self._serve(place, faulty, lambda client: wrong.extend(self._wrong(client, one) for one in seen))
        self._serve(place, None, lambda client: wrong.extend(self._wrong(client, one) for one in seen))
        return next(filter(None, wrong), None)

    def _wrong(self, client, seen):
        """What is wrong with an aggregation that an earlier process began, or None."""
        try:
            status, page = client.page(seen.id, size=PAGE_SIZE)
            if seen.is_completed and (status, page.get("status")) != (200, "COMPLETED"):
                return f"it was COMPLETED, and is {status} {page}"
            first, rows = completed(client, seen.id), client.rows_of(seen.id)
        except Failed as failed:
            return str(failed)
        if rows not in (self.before, self.after):
            return f"its rows are those of no time: {rows}"
        if seen.page is None:
            seen.is_completed, seen.page = True, first
            return None
        status, page = client.page(seen.id, seen.page["nextToken"], PAGE_SIZE)
        if rows == self.before and page.get("statistics") == client.page(seen.id, first["nextToken"], PAGE_SIZE)[1]["statistics"]:
            return None
        if first["nextToken"] and status == 400 and "computed again" in page.get("message", ""):
            seen.page = first
            return None
        return f"its token: {status} {page}"


def status_of(folder, aggregation_id):
    """What the catalogue of a folder says of an aggregation."""
    for name in ("", "-wal"):
        shutil.copy(folder / f"catalogue.sqlite{name}", folder.parent / f"copy.sqlite{name}")
    connection = sqlite3.connect(folder.parent / "copy.sqlite")
    sql = "SELECT status FROM aggregations WHERE lower(hex(aggregation_id)) = ?"
    try:
        return next(itertools.chain(*connection.execute(sql, [aggregation_id])), None)
    finally:
        connection.close()
