"""Figures to Markdown and JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from engines import OURS, Time


@dataclass(frozen=True)
class Figure:
    """One question at one number of threads: medians, and the bound that memory sets to us."""

    question: str
    threads: int
    rows: int
    bytes_touched: int
    forms: dict[str, str]
    cpu_ms: dict[str, float]
    wall_ms: dict[str, float]

    @classmethod
    def of(
        cls,
        question: str,
        threads: int,
        rows: int,
        bytes_touched: int,
        forms: dict[str, str],
        times: dict[str, list[Time]],
    ) -> Figure:
        """Takes the medians of what was measured."""
        return cls(
            question,
            threads,
            rows,
            bytes_touched,
            {name: form.replace(",", " ") for name, form in forms.items()},
            {name: median(time.cpu_ms for time in of) for name, of in times.items()},
            {name: median(time.wall_ms for time in of) for name, of in times.items()},
        )

    @property
    def peers(self) -> list[str]:
        """The other engines."""
        return [name for name in self.cpu_ms if name != OURS]

    @property
    def best_peer(self) -> str | None:
        """The other engine that took the least CPU time."""
        return min(self.peers, key=self.cpu_ms.__getitem__, default=None)

    @property
    def ratio(self) -> float:
        """CPU time of the best other engine, in units of ours."""
        return self.cpu_ms[self.best_peer] / self.cpu_ms[OURS] if self.best_peer else math.nan


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
    head = f"{run.sessions:,} sessions, medians of {run.repeats} interleaved runs, answers equal in every row. {versions}.\n"
    return "\n".join([head, *(part for threads in run.threads for part in section(run, threads))])


def section(run: Run, threads: int) -> list[str]:
    """The tables of one number of threads."""
    figures = run.at(threads)
    ratios = [figure.ratio for figure in figures]
    heading = f"{threads} thread" if threads == 1 else f"{threads} threads"
    summary = (
        f"Best other engine ÷ farmtally, CPU time: geometric mean {number(geometric_mean(ratios))}, worst {number(min(ratios))}. "
        f"Memory is read at {run.bytes_per_second[threads] / 1e9:.1f} GB/s.\n"
    )
    return [f"### {heading}\n", times_table(figures), summary, bound_table(run, figures), forms_table(figures)]


def times_table(figures: list[Figure]) -> str:
    """CPU and wall time of every engine."""
    names = list(figures[0].cpu_ms)
    header = ["CPU ms (wall ms)", "rows", *names, "best other ÷ ours"]
    body = [
        [figure.question, f"{figure.rows:,}"]
        + [f"{number(figure.cpu_ms[name])} ({number(figure.wall_ms[name])})" for name in names]
        + [number(figure.ratio)]
        for figure in figures
    ]
    return table(header, body)


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
        | {"best_peer": figure.best_peer, "ratio": figure.ratio, "bound_ms": run.bound_ms(figure), "share": run.share(figure)}
        for figure in run.figures
    ]
    means = {threads: geometric_mean([figure.ratio for figure in run.at(threads)]) for threads in run.threads}
    return asdict(run) | {"figures": figures, "geometric_mean": means}
