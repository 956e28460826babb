"""The store as it should be: a map and a few rules, written from `docs/sessions.md` and not from the program.

Times and costs are whole numbers, milliseconds and nano-dollars. What an answer shows is computed here too, so that the
two can be compared number by number.
"""

import json
from dataclasses import dataclass

SESSION_FLEET = "fleet-" + "f" * 32
VOLUME_FLEET = "fleet-" + "e" * 32
QUEUE = "queue-" + "a" * 32
DAY_START_MS = 1_763_942_400_000  # 2025-11-24T00:00:00Z, the only day with usage
DAY_MS = 24 * 3600 * 1000


def stamp(offset_ms):
    """A time of the day with usage, as a record has it."""
    seconds, ms = divmod(offset_ms, 1000)
    return f"2025-11-24T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}Z"


def dollars(nanos):
    return f"{nanos // 10**9}.{nanos % 10**9:09}"


@dataclass(frozen=True)
class Session:
    """A session that has a job for itself, so that an answer by job shows it alone. `ended` is None while it runs."""

    number: int
    started: int
    ended: int | None
    cost: int
    licence: int = 0
    name: str = "job"
    user: str = "user"
    revision: int = 0

    @property
    def id(self):
        return f"session-{self.number:032x}"

    @property
    def opening(self):
        return self.started

    def content(self):
        return (self.started, self.ended, self.cost, self.licence, self.name, self.user)

    def json(self):
        record = {
            "sessionId": self.id, "queueId": QUEUE, "fleetId": SESSION_FLEET, "jobId": f"job-{self.number:032x}",
            "jobName": self.name, "userId": self.user, "startedAt": stamp(self.started), "revision": self.revision,
        }
        if self.ended is not None:
            usage = [{"usageType": "COMPUTE", "costInUsd": dollars(self.cost)}]
            if self.licence:
                usage.append({"usageType": "LICENSE", "licenseProduct": "nuke", "costInUsd": dollars(self.licence)})
            record |= {"endedAt": stamp(self.ended), "usage": usage}
        return record

    def rows(self):
        """What it adds to an answer: (usage type, job), name, cost, runtime."""
        end = DAY_MS if self.ended is None else self.ended
        job, cost = f"job-{self.number:032x}", 0 if self.ended is None else self.cost
        yield ("COMPUTE", job), self.name, cost, end - self.started
        if self.ended is not None and self.licence:
            yield ("LICENSE", job), self.name, self.licence, end - self.started


@dataclass(frozen=True)
class Volume:
    """A volume. All are in one row of an answer, so each costs a power of two: the sum says which are there."""

    number: int
    cost: int
    started: int = 0
    ended: int = 3_600_000
    revision: int = 0

    @property
    def id(self):
        return f"volume-{self.number:032x}"

    @property
    def opening(self):
        return self.started

    def content(self):
        return (self.started, self.ended, self.cost)

    def json(self):
        return {
            "volumeId": self.id, "fleetId": VOLUME_FLEET, "startedAt": stamp(self.started),
            "endedAt": stamp(self.ended), "costInUsd": dollars(self.cost), "revision": self.revision,
        }

    def rows(self):
        yield ("PERSISTENT_VOLUME", None), None, self.cost, self.ended - self.started


@dataclass(frozen=True)
class Post:
    """Records that are sent in one request."""

    records: tuple

    def lines(self):
        return "".join(json.dumps(record.json(), ensure_ascii=False) + "\n" for record in self.records).encode()


@dataclass(frozen=True)
class Delete:
    """A session or volume that is taken out."""

    id: str


@dataclass(frozen=True)
class Tombstone:
    revision: int


class FarmModel:
    """What is stored under each id."""

    def __init__(self, stored=None):
        self.stored = dict(stored or {})

    def copy(self):
        return FarmModel(self.stored)

    def after(self, *operations):
        """The farm with some operations done, in their order."""
        farm = self.copy()
        for operation in operations:
            farm.apply(operation)
        return farm

    def apply(self, operation):
        """Does one operation. Gives the answer: counts and refused lines of a post, whether a delete found its record."""
        if isinstance(operation, Delete):
            current = self.stored.get(operation.id)
            if current is None or isinstance(current, Tombstone):
                return False
            self.stored[operation.id] = Tombstone(current.revision)
            return True
        answer = {"received": len(operation.records), "stored": 0, "replaced": 0, "unchanged": 0, "refused": []}
        for line, record in enumerate(operation.records, 1):
            outcome = self._submit(record)
            if outcome == "refused":
                answer["refused"].append(line)
            else:
                answer[outcome] += 1
        return answer

    def _submit(self, new):
        old = self.stored.get(new.id)
        outcome = self._judge(old, new)
        if outcome in ("stored", "replaced"):
            kept = max(new.revision, old.revision) if outcome == "replaced" else new.revision
            self.stored[new.id] = type(new)(**{**new.__dict__, "revision": kept})
        return outcome

    @staticmethod
    def _judge(old, new):
        if old is None:
            return "stored"
        if isinstance(old, Tombstone):
            return "stored" if new.revision > old.revision else "refused"
        if new.content() == old.content() and new.revision <= old.revision:
            return "unchanged"
        if new.revision > old.revision:
            return "replaced"
        same_opening = old.opening == new.opening
        if old.ended is None and new.ended is not None and same_opening:
            return "replaced"
        if new.revision < old.revision or (old.ended is not None and new.ended is None and same_opening):
            return "unchanged"
        return "refused"

    def rows(self):
        """What an answer by usage type and job shows: {(usage type, job): (count, name, nano-dollars, ms)}."""
        rows = {}
        for record in self.stored.values():
            for key, name, cost, runtime in () if isinstance(record, Tombstone) else record.rows():
                count, _, costs, runtimes = rows.get(key, (0, None, 0, 0))
                rows[key] = (count + 1, name, costs + cost, runtimes + runtime)
        return rows


def difference(expected, found):
    """What is wrong with `found`, in a line, or None."""
    wrong = [
        f"{key}: {found.get(key, 'missing')} instead of {expected.get(key, 'nothing')}"
        for key in sorted({*expected, *found}, key=str)
        if expected.get(key) != found.get(key)
    ]
    return f"{len(wrong)} rows differ: {'; '.join(wrong[:3])}"[:600] if wrong else None
