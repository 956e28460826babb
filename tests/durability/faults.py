"""Faults at every call, as SQLite's own tests do it: the N-th call fails, for every N until the run passes untouched, once
alone and once for as long as it takes.

While calls fail, records may be refused, and what is refused may be stored or not, but nothing else may happen: no answer
changes, nothing that was acknowledged is lost or doubled. When a full disk has room again the same process goes on by
itself. After a sync that failed, no record is acknowledged before the program was started again.
"""

import random
import shutil
from dataclasses import dataclass

import served
from campaign import NOT_REACHED, spread
from client import GONE, Client, Failed
from disk import disk, faults
from recovery import ACKNOWLEDGED, UNKNOWN, Story, check, check_served, is_accepted, send
from served import Ended, Server
from workload import SMALL, TINY, operations

# Which calls can fail in which way.
ERRORS = {"ENOSPC": "cwtdn", "EDQUOT": "cwtdn", "EIO": "ocrwstnud", "EINTR": "ocrwst", "short": "rw"}
SPACE = ("ENOSPC", "EDQUOT")
# An operation that is refused is sent again so often before the fault ends.
REFUSALS_MAX = 2
# The exit code of a server after a write that the disk did not confirm.
UNCONFIRMED_WRITE = 3
# SQLite's files: all others are written by Rust's library.
CATALOGUE = "catalogue.sqlite"
AUDIT_LOG = "audit.jsonl"


@dataclass(frozen=True)
class Point:
    """A fault: which error at which calls, the number of the first, whether later calls fail too, when, in what."""

    error: str
    number: int
    sticky: bool
    phase: str
    workload: int

    @property
    def fault(self):
        return f"{self.error}@{ERRORS[self.error]}:{self.number}{'+' if self.sticky else ''}"


def campaign(setting):
    looper = Looper(setting)
    rng = random.Random(setting.seed)
    for phase, title in phases():
        for sticky, how in ((False, "one"), (True, "all from the N-th")):
            wanted = setting.size(sample=70, full=1_500)
            points = looper.points(phase, sticky, wanted if setting.is_full else 0)
            points = points if setting.is_full else spread(points, wanted, rng)
            setting.attack(f"failing calls {title}, {how}", looper.attack, points)


def phases():
    yield "ingest", "while records arrive"
    yield "start", "during a start"
    if served.has_command("seal"):
        yield "seal", "while records are sealed"


class Looper:
    def __init__(self, setting):
        self.setting = setting
        self.template = setting.template()
        self.left = {}

    def points(self, phase, sticky, count_least):
        points, workload = [], self.setting.seed
        while not points or len(points) < count_least:
            for error, calls in ERRORS.items():
                # A call that is always interrupted is tried for ever, as it should be.
                if sticky and error == "EINTR":
                    continue
                for number in range(1, self._count(calls, phase, workload) + 1):
                    points.append(Point(error, number, sticky, phase, workload))
            workload += 1
        return points

    def _shape(self):
        return SMALL if self.setting.is_full else TINY

    def _count(self, calls, phase, workload):
        """Calls of a run in which none fails."""
        place = self.setting.scratch / "counting" / "folder"
        place.parent.mkdir(exist_ok=True)
        run = Attack(self, place, f"none@{calls}:1", phase, workload)
        wrong = run.run()
        assert wrong is None, f"without a fault: {wrong}"
        return faults(run.report)[1]

    def leave(self, workload):
        """A folder that was killed half-way, for starts."""
        if workload not in self.left:
            folder = self.setting.scratch / f"left-{workload}"
            self.template.copy(folder)
            story = Story(operations(workload, self._shape()))
            server = Server(folder)
            client = Client(server.endpoint, self.template.key, self.template.farm_id)
            for operation in story.operations[: len(story.operations) // 2]:
                assert is_accepted(operation, send(client, operation)[0])
                story.outcomes.append(ACKNOWLEDGED)
            client.close()
            server.kill()
            self.left[workload] = folder, story
        return self.left[workload]

    def attack(self, point, place):
        if point.phase != "ingest":
            self.leave(point.workload)
        run = Attack(self, place, point.fault, point.phase, point.workload)
        wrong = run.run()
        hit, _ = faults(run.report)
        if wrong is None:
            return None if hit else NOT_REACHED
        return f"{wrong} [{'; '.join(f'{call} {number} {path}' for call, number, path in hit[:3])}]"


class Attack:
    """One run with one fault."""

    def __init__(self, looper, place, fault, phase, workload):
        self.looper, self.place, self.phase, self.workload = looper, place, phase, workload
        self.template = looper.template
        self.report, self.armed = place.with_name("report"), place.with_name("armed")
        self.report.unlink(missing_ok=True)
        self.armed.unlink(missing_ok=True)
        self.disk = disk(place, fault, report=self.report, only_while=self.armed)
        self.is_about_space = fault.startswith(SPACE)
        self.is_interruption = fault.startswith("EINTR")

    def run(self):
        wrong = {"start": self._start, "seal": self._seal, "ingest": self._ingest}[self.phase]()
        return wrong or check(self.place, self.template.key, self.template.farm_id, self.story)

    def _start(self):
        """A start may fail, with a message. The next one, on a disk that works, must not."""
        self._take_left()
        try:
            server = Server(self.place, self.disk)
        except Ended as ended:
            return None if "error: " in str(ended) and "panicked" not in str(ended) else f"no clear message: {ended}"
        client = self._client(server)
        try:
            return self._look(client)
        except GONE as gone:
            # The end of the question is a write as well, and a server ends after one that the disk did not confirm.
            is_told = self._sync_failed() and server.process.wait(served.PATIENCE_SECONDS) == UNCONFIRMED_WRITE
            return None if is_told else f"the server is gone after it was ready ({gone!r}): {server.log()}"
        finally:
            client.close()
            self.armed.unlink()
            server.stop()

    def _take_left(self):
        left, before = self.looper.leave(self.workload)
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(left, self.place)
        self.story = Story(before.operations, list(before.outcomes))
        self.armed.touch()

    def _seal(self):
        """Sealing may fail, with a message, and changes nothing that is answered. The next one must not fail."""
        self._take_left()
        done = served.seal(self.place, self.disk, check=False)
        self.armed.unlink()
        if done.returncode != 0 and ("error: " not in done.stderr or "panicked" in done.stderr):
            return f"no clear message: exit {done.returncode}: {done.stderr}"
        wrong = check(self.place, self.template.key, self.template.farm_id, self.story, send_again=False)
        served.seal(self.place)
        return wrong

    def _look(self, client):
        """A question is answered rightly or not at all: its end may be among what could not be written."""
        client.patience_seconds = 3
        try:
            return check_served(client, self.story, send_again=False)
        except Failed:
            return None

    def _client(self, server):
        return Client(server.endpoint, self.template.key, self.template.farm_id)

    def _ingest(self):
        self.template.copy(self.place)
        self.story = Story(operations(self.workload, self.looper._shape()))
        self.server = Server(self.place, self.disk)
        self.client = self._client(self.server)
        try:
            return self._operate()
        finally:
            self.client.close()
            self.server.stop()

    def _operate(self):
        operations_ = self.story.operations
        first = send(self.client, operations_[0])
        self.story.outcomes.append(ACKNOWLEDGED)
        assert is_accepted(operations_[0], first[0]), first
        rows = self.client.rows()
        before = self.client.last_rows
        self.armed.touch()
        wrong = self._send_while_calls_fail()
        if wrong:
            return wrong
        if self.client is not None and self.server.is_alive:
            wrong = self._reading_goes_on(before, rows)
        self.armed.unlink()
        return wrong or self._goes_on_by_itself()

    def _send_while_calls_fail(self):
        refusals, sync_failed = 0, False
        for operation in self.story.operations[1:]:
            try:
                status, answer = send(self.client, operation)
            except GONE as gone:
                self.story.outcomes.append(UNKNOWN)
                return None if not self.server.is_alive or self._hit() else f"the connection broke ({gone!r}) and no call had failed"
            accepted = is_accepted(operation, status)
            if accepted and sync_failed:
                return f"`{self._hit()}`: acknowledged after a sync had failed"
            sync_failed = sync_failed or self._sync_failed()
            self.story.outcomes.append(ACKNOWLEDGED if accepted else UNKNOWN)
            if not accepted:
                if not self._hit():
                    return f"refused with {status} {answer} although no call had failed"
                if status < 500 and status != 429:
                    return f"refused with {status} {answer}, as if it were the sender's fault"
                refusals += 1
                if refusals == REFUSALS_MAX:
                    return None
        return None

    def _sync_failed(self):
        """Whether a sync of records failed for good. One that was interrupted is repeated by Rust's library until it is done;
        SQLite takes it for a failure. The audit log takes back the line, and records go on."""
        syncs = [path for call, _, path in self._hit() if call == "s" and not path.endswith(AUDIT_LOG)]
        return any(CATALOGUE in path or not self.is_interruption for path in syncs)

    def _hit(self):
        return faults(self.report)[0]

    def _reading_goes_on(self, aggregation_id, rows):
        """An answer that was there stays the same, or cannot be had; it never changes."""
        try:
            found = self.client.rows_of(aggregation_id)
        except (*GONE, Failed) as error:
            return f"reading stopped on a full disk: {error!r}" if self.is_about_space else None
        return None if found == rows else "an answer changed while calls failed"

    def _goes_on_by_itself(self):
        """With room again, the same process takes everything, what it had refused too."""
        if not self.is_about_space:
            return None
        if not self.server.is_alive:
            return f"the server ended on a full disk: {self.server.log()}"
        try:
            return check_served(self.client, self.story)
        except (*GONE, Failed) as error:
            return f"after there was room again: {error!r}: {self.server.log()}"
