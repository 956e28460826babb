"""How a campaign is run: points, on one or several processors, and the figures that come out."""

import itertools
import multiprocessing
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from served import Template

# More of one campaign is more of the same.
VIOLATIONS_SHOWN = 10


@dataclass
class Setting:
    """What a run of the campaigns has in common."""

    scratch: Path
    seed: int
    is_full: bool
    jobs: int
    scale: float = 1.0
    figures: list = field(default_factory=list)

    def size(self, sample, full):
        """How many points: of a sample, or of the whole."""
        return max(1, round((full if self.is_full else sample) * self.scale))

    def template(self):
        path = self.scratch / "template"
        if not path.exists():
            self._template = Template(path)
        return self._template

    def attack(self, name, attack, points, note=""):
        """Attacks every point and keeps the figures. `attack(point, place)` gives what is wrong, or None; `place` is a
        folder's path that is the attack's own. A point that is many in one gives a `Count`."""
        begin, tried, violations = time.monotonic(), 0, []
        for outcome in _outcomes(attack, points, self.scratch / name.replace(" ", "-"), self.jobs):
            point, wrong = outcome
            count, wrong = wrong if isinstance(wrong, Count) else Count(1, wrong)
            tried += count
            if wrong is not None:
                violations.append((point, wrong))
                if len(violations) <= VIOLATIONS_SHOWN:
                    print(f"VIOLATION in {name}, seed {self.seed}, {point}:\n    {wrong}", flush=True)
        self.add(name, tried, len(violations), time.monotonic() - begin, note)

    def add(self, name, points, violations, seconds, note=""):
        figures = Figures(name, points, violations, seconds, note)
        self.figures.append(figures)
        print(figures.row(), flush=True)


class Count(NamedTuple):
    """So many points, and what was wrong with one of them."""

    points: int
    wrong: str | None


# The fault came too late to be met.
NOT_REACHED = Count(0, None)


@dataclass(frozen=True)
class Figures:
    """What came out of a campaign."""

    name: str
    points: int
    violations: int
    seconds: float
    note: str = ""

    def row(self):
        return f"| {self.name:<44} | {self.points:>7,} | {self.violations:>10} | {self.seconds:>6.0f} s |"


HEAD = f"| {'campaign':<44} | {'points':>7} | {'violations':>10} | {'time':>8} |\n|{'-' * 46}|{'-' * 8}:|{'-' * 11}:|{'-' * 9}:|"


def table(figures):
    total = Figures(
        "all", sum(one.points for one in figures), sum(one.violations for one in figures), sum(one.seconds for one in figures)
    )
    return "\n".join([HEAD, *(one.row() for one in figures), total.row()])


def _outcomes(attack, points, place, jobs):
    place.mkdir(parents=True, exist_ok=True)
    if jobs == 1:
        for point in points:
            yield point, _guarded(attack, point, place / "0" / "folder")
    else:
        global _attack, _place
        _attack, _place = attack, place
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from pool.imap_unordered(_attack_in_worker, points, chunksize=4)
    shutil.rmtree(place, ignore_errors=True)


_attack = _place = None


def _attack_in_worker(point):
    return point, _guarded(_attack, point, _place / str(os.getpid()) / "folder")


def _guarded(attack, point, place):
    place.parent.mkdir(exist_ok=True)
    try:
        return attack(point, place)
    except (AssertionError, KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def spread(points, count, rng):
    """So many of the points, in their order."""
    points = list(points)
    if len(points) <= count:
        return points
    return [points[index] for index in sorted(rng.sample(range(len(points)), count))]


def take(generators, count):
    """The first points of a row of lists."""
    return itertools.islice(itertools.chain.from_iterable(generators), count)


def complain(message, hint):
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    raise SystemExit(1)
