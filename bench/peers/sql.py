"""The questions as SQL, in several forms of which the fastest is taken for each engine and question.

The cost of a piece is exact without 128-bit integers: with `cost = q * runtime + r`,
`floor(cost * t / runtime) = q * t + floor(r * t / runtime)`, and `r * t` fits 64 bits because both are below 2^31.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from peers.question import FEW_BUCKETS, LONGEST_HALF_HOURS, Question, instant_ms


@dataclass(frozen=True)
class Dialect:
    """How one engine spells what the others spell differently."""

    divide: Callable[[str, str], str]
    """Integer division of two non-negative expressions."""
    series: Callable[[str, str], str]
    """A column with a row for each integer from the first to before the second."""
    big: str
    """The name of the 64-bit integer type."""


@dataclass(frozen=True)
class Form:
    """One way to write a question."""

    split: str
    """`expand`: every session becomes a row per bucket; `unnest`: only those that are cut; `parts`: first and last pieces
    without any expansion, and only what lies between them expanded; `stretches`: one query per bucket over the stretch
    of the sorted sessions that can touch it, for questions with few buckets."""
    packed: bool
    """Whether group codes and bucket are one integer."""
    keep: bool
    """Whether the filtered sessions are kept in a common table expression that is materialized."""

    @property
    def name(self) -> str:
        """The form in words."""
        words = [self.split, "packed" if self.packed else "", "kept" if self.keep else ""]
        return " ".join(filter(None, words))


STRETCHES = Form("stretches", False, False)


def names_for(question: Question, forms: dict[str, Form]) -> list[str]:
    """The forms that suit a question: bucket by bucket only where buckets are few."""
    has_few = len(question.buckets) <= FEW_BUCKETS
    return [name for name, form in forms.items() if has_few or form != STRETCHES]


class Sql:
    """Writes one question in one dialect."""

    def __init__(self, question: Question, dialect: Dialect, form: Form) -> None:
        self.question = question
        self.dialect = dialect
        self.form = form

    def statement(self) -> str:
        """The whole statement."""
        if self.form.split == "stretches":
            return " UNION ALL ".join(self.stretch(bucket) for bucket in range(len(self.question.buckets)))
        keys = "key" if self.form.packed else "bucket, " + ", ".join(self.group_names())
        materialized = "MATERIALIZED " if self.form.keep else ""
        return (
            f"WITH lines AS {materialized}({self.lines()}) "
            f"SELECT {keys}, {self.statistics()} FROM ({self.pieces()}) AS pieces GROUP BY {keys}"
        )

    def statistics(self) -> str:
        """What is computed of every group."""
        amounts = [
            f"CAST(sum({of}) AS {self.dialect.big}) AS {of}_sum, min({of}) AS {of}_min, max({of}) AS {of}_max"
            for of in ("cost", "runtime")
        ]
        return ", ".join(["count(*) AS sessions", *amounts])

    def stretch(self, bucket: int) -> str:
        """The groups of one bucket, from the sessions that can touch it."""
        start, end = self.question.buckets[bucket]
        groups = ", ".join(self.group_names())
        is_whole = f"start_half_hour >= {start} AND last_half_hour < {end}"
        lines = (
            f"SELECT *, greatest(start_ms, {instant_ms(start)}) AS lo, least(end_ms, {instant_ms(end)}) AS hi "
            f"FROM ({self.lines((start, end))}) AS lines"
        )
        cost = f"CASE WHEN {is_whole} THEN cost ELSE {self.accrued('hi')} - {self.accrued('lo')} END"
        pieces = f"SELECT {groups}, {cost} AS cost, hi - lo AS runtime FROM ({lines}) AS cut"
        number = f"CAST({bucket} AS {self.dialect.big}) AS bucket"
        return f"SELECT {number}, {groups}, {self.statistics()} FROM ({pieces}) AS pieces GROUP BY {groups}"

    def group_names(self) -> list[str]:
        """Names of the group columns."""
        return [f"group_{position}" for position in range(len(self.question.groups))]

    def lines(self, window: tuple[int, int] | None = None) -> str:
        """What is counted in a window, with the buckets of its first and its last millisecond."""
        groups = self.question.groups
        window = window or (self.question.start, self.question.end)
        if "product" in groups:
            return self.lines_of("license_lines", "license_nanos", [], window)
        if "usage_type" in groups:
            compute = self.lines_of("sessions", "compute_nanos", ["0"], window)
            return compute + " UNION ALL " + self.lines_of("license_lines", "license_nanos", ["1"], window)
        return self.lines_of("sessions", "total_nanos", [], window)

    def lines_of(self, table: str, cost: str, constants: list[str], window: tuple[int, int]) -> str:
        """The lines that are in one table."""
        start, end = window
        question = self.question
        columns = [group for group in question.groups if group != "usage_type"] + constants
        named = [f"{column} AS group_{position}" for position, column in enumerate(columns)]
        by_line = ", compute_nanos, license_nanos" if cost == "total_nanos" else ""
        return (
            f"SELECT {', '.join(named)}, start_ms, end_ms, runtime_ms, start_half_hour, last_half_hour, "
            f"{cost} AS cost{by_line}, {self.bucket('start_half_hour')} AS first_bucket, "
            f"{self.bucket('last_half_hour')} AS last_bucket "
            f"FROM {table} WHERE {question.resource} < {question.resources} "
            f"AND start_half_hour < {end} AND last_half_hour >= {start} "
            f"AND start_half_hour >= {start - LONGEST_HALF_HOURS}"
        )

    def bucket(self, half_hour: str) -> str:
        """The bucket of a half-hour that is clipped to the window first."""
        question = self.question
        clipped = f"least(greatest({half_hour}, {question.start}), {question.end - 1})"
        if question.width:
            return self.dialect.divide(f"({clipped} - {question.origin})", str(question.width))
        comparisons = [f"CAST({half_hour} >= {edge} AS INT)" for edge in question.inner_edges]
        return f"({' + '.join(comparisons)})" if comparisons else "0"

    def edge_ms(self, bucket: str) -> str:
        """Start of a bucket that is not the first, in milliseconds."""
        question = self.question
        if question.width:
            width_ms = instant_ms(question.width) - instant_ms(0)
            return f"({instant_ms(question.origin)} + CAST({bucket} AS {self.dialect.big}) * {width_ms})"
        edges = [*question.inner_edges, question.end]
        cases = [f"WHEN {index} THEN {instant_ms(edge)}" for index, edge in enumerate(edges, 1)]
        return f"CAST(CASE {bucket} {' '.join(cases)} END AS {self.dialect.big})"

    def pieces(self) -> str:
        """A row per piece: key, cost and runtime."""
        if self.form.split == "expand":
            return self.unnested("", whole_too=True)
        if self.form.split == "unnest":
            return f"{self.whole()} UNION ALL {self.unnested(f'WHERE NOT ({self.is_whole()})')}"
        return " UNION ALL ".join([self.whole(), self.first(), self.last(), self.middle()])

    def is_whole(self) -> str:
        """Whether a session lies in one bucket and in the window."""
        question = self.question
        return (
            f"first_bucket = last_bucket AND start_half_hour >= {question.start} "
            f"AND last_half_hour < {question.end}"
        )

    def whole(self) -> str:
        """Sessions that are not cut."""
        runtime = f"CAST(runtime_ms AS {self.dialect.big})"
        return f"SELECT {self.key('first_bucket')}, cost, {runtime} AS runtime FROM lines WHERE {self.is_whole()}"

    def first(self) -> str:
        """The first piece of every session that is cut."""
        question = self.question
        edge = self.edge_ms("(first_bucket + 1)")
        cut = (
            f"SELECT *, greatest(start_ms, {question.start_ms}) AS lo, "
            f"least(end_ms, {question.end_ms}, {edge}) AS hi FROM lines WHERE NOT ({self.is_whole()})"
        )
        before = f"CASE WHEN start_ms < {question.start_ms} THEN {self.accrued(str(question.start_ms))} ELSE 0 END"
        return (
            f"SELECT {self.key('first_bucket')}, {self.accrued('hi')} - {before} AS cost, hi - lo AS runtime "
            f"FROM ({cut}) AS cut"
        )

    def last(self) -> str:
        """The last piece of every session that lies in several buckets."""
        question = self.question
        cut = (
            f"SELECT *, {self.edge_ms('last_bucket')} AS lo, least(end_ms, {question.end_ms}) AS hi "
            "FROM lines WHERE last_bucket > first_bucket"
        )
        until = f"CASE WHEN end_ms > {question.end_ms} THEN {self.accrued(str(question.end_ms))} ELSE cost END"
        return (
            f"SELECT {self.key('last_bucket')}, {until} - {self.accrued('lo')} AS cost, hi - lo AS runtime "
            f"FROM ({cut}) AS cut"
        )

    def middle(self) -> str:
        """The pieces between the first and the last."""
        series = self.dialect.series("first_bucket + 1", "last_bucket")
        expanded = f"SELECT *, {series} AS bucket FROM lines WHERE last_bucket > first_bucket + 1"
        cut = f"SELECT *, {self.edge_ms('bucket')} AS lo, {self.edge_ms('(bucket + 1)')} AS hi FROM ({expanded}) AS e"
        return (
            f"SELECT {self.key('bucket')}, {self.accrued('hi')} - {self.accrued('lo')} AS cost, "
            f"hi - lo AS runtime FROM ({cut}) AS cut"
        )

    def unnested(self, where: str, whole_too: bool = False) -> str:
        """All pieces of some sessions."""
        question = self.question
        series = self.dialect.series("first_bucket", "last_bucket + 1")
        expanded = f"SELECT *, {series} AS bucket FROM lines {where}"
        # Edges of the first bucket are never looked at before they are clipped to the window.
        lo_edge = f"CASE WHEN bucket = first_bucket THEN start_ms ELSE {self.edge_ms('bucket')} END"
        cut = (
            f"SELECT *, greatest({lo_edge}, {question.start_ms}) AS lo, "
            f"least(end_ms, {question.end_ms}, {self.edge_ms('(bucket + 1)')}) AS hi FROM ({expanded}) AS e"
        )
        cost = f"{self.accrued('hi')} - {self.accrued('lo')}"
        if whole_too:
            cost = f"CASE WHEN {self.is_whole()} THEN cost ELSE {cost} END"
        return f"SELECT {self.key('bucket')}, {cost} AS cost, hi - lo AS runtime FROM ({cut}) AS cut"

    def accrued(self, instant_ms_: str) -> str:
        """What the lines have cost up to an instant inside the session."""
        by_session = not {"product", "usage_type"} & set(self.question.groups)
        lines = ["compute_nanos", "license_nanos"] if by_session else ["cost"]
        elapsed, runtime = f"({instant_ms_} - start_ms)", f"CAST(runtime_ms AS {self.dialect.big})"
        divide = self.dialect.divide
        terms = [
            f"{divide(line, runtime)} * {elapsed} + {divide(f'({line} % {runtime} * {elapsed})', runtime)}"
            for line in lines
        ]
        return f"({' + '.join(terms)})"

    def key(self, bucket: str) -> str:
        """The columns that a piece is grouped by."""
        if not self.form.packed:
            return f"{bucket} AS bucket, " + ", ".join(self.group_names())
        first, second = self.question.codes
        wide = f"(CAST({bucket} AS {self.dialect.big}) * {first} + group_0) * {second}"
        return f"{wide} + group_1 AS key" if len(self.question.groups) == 2 else f"{wide} AS key"
