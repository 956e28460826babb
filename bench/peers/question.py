"""The eight questions in integers, the same as in `bench/src/questions.rs`.

Every edge of a bucket or a window is a whole half-hour, because offsets are. Half-hours since the start of the farm's
year fit 16 bits, so that is what the other engines compute buckets with; milliseconds are left to the few sessions that
are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

HALF_HOUR_MS = 1_800_000
YEAR_START = datetime(2025, 1, 1, tzinfo=timezone.utc)
YEAR_START_MS = int(YEAR_START.timestamp()) * 1000
# No session of the farm is longer than 48 hours.
LONGEST_HALF_HOURS = 97

# Up to so many buckets, a question is also tried bucket by bucket. With more, planning takes longer than it saves.
FEW_BUCKETS = 15

# More codes than a column has, for keys that are packed into one integer.
CODES = {
    "queue": 20,
    "fleet": 40,
    "user": 500,
    "instance_type": 30,
    "product": 12,
    "usage_type": 2,
    "job": 1 << 22,
}

PERIOD_HALF_HOURS = {"HOURLY": 2, "DAILY": 48, "WEEKLY": 7 * 48}


@dataclass(frozen=True)
class Question:
    """One question. Times without a unit in their names are half-hours since the start of the farm's year."""

    name: str
    resource: str
    resources: int
    start: int
    end: int
    offset_minutes: int
    period: str | None
    groups: tuple[str, ...]

    @property
    def start_ms(self) -> int:
        """Start of the window in milliseconds since 1970."""
        return instant_ms(self.start)

    @property
    def end_ms(self) -> int:
        """End of the window in milliseconds since 1970."""
        return instant_ms(self.end)

    @property
    def width(self) -> int | None:
        """Length of a bucket, or `None` where buckets are months or there is one."""
        return PERIOD_HALF_HOURS.get(self.period or "")

    @property
    def origin(self) -> int:
        """Start of the first bucket before it is clipped to the window."""
        local = YEAR_START + timedelta(minutes=30 * self.start + self.offset_minutes)
        if self.period == "DAILY":
            local = local.replace(hour=0)
        elif self.period == "WEEKLY":
            local = local.replace(hour=0) - timedelta(days=local.weekday())
        return half_hours(local, self.offset_minutes)

    @property
    def inner_edges(self) -> list[int]:
        """Where one bucket ends and the next begins, for months; none where there is one bucket."""
        if self.period != "MONTHLY":
            return []
        shift = timedelta(minutes=self.offset_minutes)
        local = YEAR_START + timedelta(minutes=30 * self.start) + shift
        edges = []
        while True:
            local = (local.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)
            edge = half_hours(local, self.offset_minutes)
            if edge >= self.end:
                return edges
            edges.append(edge)

    @property
    def buckets(self) -> list[tuple[int, int]]:
        """Every bucket, clipped to the window."""
        inner = self.inner_edges
        if self.width:
            inner = list(range(self.origin + self.width, self.end, self.width))
        edges = [self.start, *inner, self.end]
        return list(zip(edges, edges[1:]))

    @property
    def codes(self) -> tuple[int, int]:
        """How many codes the groups have; one where there is no second group."""
        counts = [CODES[group] for group in self.groups] + [1]
        return counts[0], counts[1]


def half_hours(local: datetime, offset_minutes: int) -> int:
    """Half-hours from the start of the farm's year to a local time."""
    minutes = (local - YEAR_START) / timedelta(minutes=1) - offset_minutes
    return int(minutes // 30)


def instant_ms(half_hour: int) -> int:
    """A half-hour in milliseconds since 1970."""
    return YEAR_START_MS + half_hour * HALF_HOUR_MS


def question(
    name: str,
    resource: str,
    resources: int,
    window: tuple[str, str],
    offset: str,
    period: str | None,
    *groups: str,
) -> Question:
    """A question whose window is given in local dates."""
    sign = -1 if offset[0] == "-" else 1
    minutes = sign * (60 * int(offset[1:3]) + int(offset[4:6]))
    start, end = (
        half_hours(datetime.fromisoformat(f"{date}T00:00:00+00:00"), minutes) for date in window
    )
    return Question(name, resource, resources, start, end, minutes, period, groups)


YEAR = ("2025-01-01", "2026-01-01")
QUESTIONS = [
    question("Q1", "queue", 10, ("2025-06-01", "2025-07-01"), "+00:00", "DAILY", "user"),
    question("Q2", "queue", 10, YEAR, "-08:00", "MONTHLY", "queue", "usage_type"),
    question("Q3", "queue", 1, ("2025-06-11", "2025-06-12"), "+01:00", "HOURLY", "job"),
    question("Q4", "fleet", 10, YEAR, "-05:00", "DAILY", "job", "user"),
    question("Q5", "queue", 10, YEAR, "+00:00", None, "instance_type"),
    question("Q6", "fleet", 10, YEAR, "+09:00", "HOURLY", "fleet", "instance_type"),
    question("Q7", "queue", 10, YEAR, "+05:30", "WEEKLY", "product"),
    question("Q8", "queue", 10, ("2025-06-09", "2025-06-16"), "+09:30", "HOURLY", "user", "instance_type"),
]
