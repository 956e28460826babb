"""Figures to Markdown and JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from engines import OURS, WITHOUT_ROLLUPS, Turn


@dataclass(frozen=True)
class Figure:
    """One question at one number of threads, and the bytes that it has to read for us."""

    question: str
    threads: int
    rows: int
    bytes_touched: int
    forms: dict[str, str]
    turns: dict[str, list[Turn]]

    @property
    def cpu_ms(self) -> dict[str, float]:
        """CPU time of each engine, its data hot: medians."""
        return self.medians(lambda turn: turn.again.cpu_ms)

    @property
    def wall_ms(self) -> dict[str, float]:
        """Wall time likewise."""
        return self.medians(lambda turn: turn.again.wall_ms)

    @property
    def first_cpu_ms(self) -> dict[str, float]:
        """CPU time of each engine where the caches hold what others have used: medians."""
        return self.medians(lambda turn: turn.first.cpu_ms)

    def medians(self, part: Callable[[Turn], float]) -> dict[str, float]:
        """The median of a part of the turns, for each engine."""
        return {name: median(map(part, turns)) for name, turns in self.turns.items()}

    @property
    def peers(self) -> list[str]:
        """The other engines."""
        return [name for name in self.turns if name not in (OURS, WITHOUT_ROLLUPS)]

    @property
    def best_peer(self) -> str | None:
        """The other engine that took the least CPU time; data hot."""
        return min(self.peers, key=self.cpu_ms.__getitem__, default=None)

    @property
    def ratio(self) -> float:
        """CPU time of the best other engine, in units of ours; data hot."""
        return best_ratio(self.cpu_ms)

    @property
    def ratio_without(self) -> float:
        """The same, in units of our engine without rollups."""
        return best_ratio(self.cpu_ms, WITHOUT_ROLLUPS)

    @property
    def first_ratio(self) -> float:
        """The first one where the caches hold what others have used."""
        return best_ratio(self.first_cpu_ms)


def best_ratio(cpu_ms: dict[str, float], ours: str = OURS) -> float:
    """The least time of the other engines, in units of ours."""
    others = [time for name, time in cpu_ms.items() if name not in (OURS, WITHOUT_ROLLUPS)]
    return min(others) / cpu_ms[ours] if others else math.nan


@dataclass(frozen=True)
class Run:
    """Everything that one run has measured."""

    sessions: int
    repeats: int
    processor: str
    versions: dict[str, str]
    bytes_per_second: dict[int, float]
    """How fast so many threads read memory."""
    figures: list[Figure]

    @property
    def threads(self) -> list[int]:
        """The numbers of threads, in the order of the run."""
        return list(dict.fromkeys(figure.threads for figure in self.figures))

    def at(self, threads: int) -> list[Figure]:
        """The figures at one number of threads."""
        return [figure for figure in self.figures if figure.threads == threads]

    def bound_ms(self, figure: Figure) -> float:
        """The least wall time in which the bytes of a question can be read."""
        return figure.bytes_touched / self.bytes_per_second[figure.threads] * 1e3

    def share(self, figure: Figure) -> float:
        """How much of the bandwidth is reached. CPU time stands for wall time, so that neighbours do not count."""
        return self.bound_ms(figure) / (figure.cpu_ms[OURS] / figure.threads)


def geometric_mean(ratios: list[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def markdown(run: Run) -> str:
    """The tables."""
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    head = f"{run.sessions:,} sessions, medians of {run.repeats} interleaved turns, answers equal in every row. {versions}.\n"
    return "\n".join([head, *(part for threads in run.threads for part in section(run, threads))])


def section(run: Run, threads: int) -> list[str]:
    """The tables of one number of threads."""
    figures = run.at(threads)
    heading = f"{threads} thread" if threads == 1 else f"{threads} threads"
    hot = (
        f"Best other engine ÷ farmtally, CPU time, hot: {summary([figure.ratio for figure in figures])}; "
        f"without rollups {summary([figure.ratio_without for figure in figures])}.\n"
    )
    first = f"The first time in each turn, when caches hold what others have used: {summary([figure.first_ratio for figure in figures])}.\n"
    bandwidth = f"Memory is read at {run.bytes_per_second[threads] / 1e9:.1f} GB/s.\n"
    # Where nobody else is asked, nobody has used the caches.
    others = [first_table(figures), first] if figures[0].peers else []
    return [
        f"### {heading}\n",
        times_table(figures),
        hot,
        *others,
        bound_table(run, figures),
        bandwidth,
        forms_table(figures),
    ]


def summary(ratios: list[float]) -> str:
    """The mean and the worst of some ratios."""
    return f"geometric mean {number(geometric_mean(ratios))}, worst {number(min(ratios))}"


def times_table(figures: list[Figure]) -> str:
    """CPU and wall time of every engine."""
    names = list(figures[0].turns)
    header = ["hot, CPU ms (wall ms)", "rows", *names, "best other ÷ ours", "without rollups"]
    body = [
        [figure.question, f"{figure.rows:,}"]
        + [f"{number(figure.cpu_ms[name])} ({number(figure.wall_ms[name])})" for name in names]
        + [number(figure.ratio), number(figure.ratio_without)]
        for figure in figures
    ]
    return table(header, body)


def first_table(figures: list[Figure]) -> str:
    """CPU time of every engine where the caches hold what others have used."""
    names = list(figures[0].turns)
    body = [
        [figure.question, *(number(figure.first_cpu_ms[name]) for name in names), number(figure.first_ratio)]
        for figure in figures
    ]
    return table(["first time, CPU ms", *names, "best other ÷ ours"], body)


def bound_table(run: Run, figures: list[Figure]) -> str:
    """What memory bandwidth allows, and how much of it is reached."""
    header = ["farmtally", "bytes touched", "bound ms", "CPU ms ÷ threads", "share of bandwidth"]
    body = [
        [
            figure.question,
            f"{figure.bytes_touched / 1e6:.2f} MB",
            number(run.bound_ms(figure)),
            number(figure.cpu_ms[OURS] / figure.threads),
            f"{run.share(figure):.0%}",
        ]
        for figure in figures
    ]
    return table(header, body)


def forms_table(figures: list[Figure]) -> str:
    """The form that was the fastest for each engine."""
    names = figures[0].peers
    return table(["fastest form", *names], [[f.question, *(f.forms[name] for name in names)] for f in figures])


def table(header: list[str], body: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def number(value: float) -> str:
    """Three significant digits or so."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def to_json(run: Run) -> dict[str, Any]:
    """The run with what follows from it."""
    figures = [
        asdict(figure)
        | {
            "cpu_ms": figure.cpu_ms,
            "wall_ms": figure.wall_ms,
            "first_cpu_ms": figure.first_cpu_ms,
            "best_peer": figure.best_peer,
            "ratio": figure.ratio,
            "ratio_without_rollups": figure.ratio_without,
            "first_ratio": figure.first_ratio,
            "bound_ms": run.bound_ms(figure),
            "share": run.share(figure),
        }
        for figure in run.figures
    ]
    means = {threads: geometric_mean([figure.ratio for figure in run.at(threads)]) for threads in run.threads}
    first_means = {threads: geometric_mean([figure.first_ratio for figure in run.at(threads)]) for threads in run.threads}
    return asdict(run) | {"figures": figures, "geometric_mean": means, "first_geometric_mean": first_means}
