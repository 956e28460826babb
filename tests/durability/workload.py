"""What is sent to a farm, made from a seed: openings, endings, corrections, repeats, contradictions, volumes, deletions."""

import random
from dataclasses import dataclass, field, replace

from farm_model import Delete, Post, Session, Volume

NUMBERS = 60  # of sessions, so that one page shows all of them
VOLUMES = 16


@dataclass(frozen=True)
class Shape:
    """How much is sent: requests, records of each, characters that do not compress in each record; how many sessions and volumes
    there are, and the number before the first one."""

    requests: int
    records: int
    text: int = 40
    # Not in the seed: what was found with the shapes below can be found again.
    sessions: int = field(default=NUMBERS, repr=False)
    volumes: int = field(default=VOLUMES, repr=False)
    first: int = field(default=0, repr=False)


TINY = Shape(requests=6, records=4)
SMALL = Shape(requests=14, records=5)
# Enough for SQLite to move its log of 1,000 pages into the database while records arrive.
LARGE = Shape(requests=70, records=10, text=1800)


def operations(seed, shape):
    """The same for the same seed and shape. The first request has a session and a volume, so that it names both fleets."""
    return list(stream(seed, shape))


def stream(seed, shape):
    """The same, one after another, for those who send for long."""
    return _Maker(random.Random(f"{seed} {shape}"), shape).operations()


class _Maker:
    def __init__(self, rng, shape):
        self.rng = rng
        self.shape = shape
        self.latest = {}
        self.deleted = set()
        self.volumes = 0

    def operations(self):
        for number in range(self.shape.requests):
            records = [self._record() for _ in range(self.rng.randint(1, self.shape.records))]
            if number == 0 and self.shape.volumes:
                records += [self._fresh_volume(), self._remember(self._fresh())]
            yield Post(tuple(records))
            if number % 4 == 3 and (deletable := [id for id in self.latest if id not in self.deleted]):
                gone = self.rng.choice(deletable)
                self.deleted.add(gone)
                yield Delete(gone)

    def _text(self, characters):
        # Three bytes each in UTF-8, and no pattern in them.
        return "".join(chr(self.rng.randrange(0x4E00, 0x9FA0)) for _ in range(characters))

    def _record(self):
        known = [record for id, record in self.latest.items() if id not in self.deleted]
        choice = self.rng.random()
        if choice < 0.12 and self.volumes < self.shape.volumes:
            return self._fresh_volume()
        sessions = [record for record in known if isinstance(record, Session)]
        if sessions and (choice > 0.55 or len(self.latest) >= self.shape.sessions):
            return self._again(self.rng.choice(sessions))
        return self._remember(self._fresh())

    def _fresh_volume(self):
        self.volumes += 1
        return self._remember(Volume(self.volumes, cost=1 << self.volumes))

    def _fresh(self):
        started = self.rng.randrange(0, 12 * 3600) * 1000 + self.rng.randrange(1000)
        running = self.rng.random() < 0.3
        return Session(
            number=self.shape.first + len(self.latest) + 1, started=started, ended=None if running else self._end(started),
            cost=0 if running else self.rng.randrange(1, 10**12), licence=self._licence(running),
            name=self._text(min(self.shape.text, 400)), user=self._text(self.shape.text),
        )

    def _end(self, started):
        return started + self.rng.randrange(1, 10 * 3600 * 1000)

    def _licence(self, running):
        return self.rng.randrange(1, 10**12) if not running and self.rng.random() < 0.3 else 0

    def _again(self, session):
        """Something more about a session that was sent before."""
        choice = self.rng.random()
        if choice < 0.2:
            return session
        ended = replace(
            session, ended=self._end(session.started), cost=self.rng.randrange(1, 10**12), licence=self._licence(False)
        )
        if session.ended is None and choice < 0.7:
            return self._remember(ended)
        if choice < 0.85:
            return self._remember(replace(ended, revision=session.revision + 1, name=self._text(self.shape.text // 4 + 1)))
        # Refused, unless the session still runs: other content under the same revision.
        return ended if session.ended is not None else session

    def _remember(self, record):
        self.latest[record.id] = record
        return record
