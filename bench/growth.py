"""Measures what an answer costs as the farm grows, and as the number of groups does.

The first table asks the eight questions on farms of several sizes. The second asks one year of one farm with ever more groups.
A piece is what a session has in one bucket and one group; the time of a piece says whether work grows faster than the farm.
Rollups are forgotten before each answer, so that all of these read the sessions.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import program

EIGHT = [f"Q{number}" for number in range(1, 9)]
LADDER = [f"L{number}" for number in range(1, 8)]
LADDER_NAMES = [
    "queue",
    "user",
    "user, instance type",
    "job",
    "job, instance type",
    "job, user",
    "job, user, hourly",
]


class Timing(NamedTuple):
    """What one question took: medians of processor time, and what was counted."""

    cpu_ms: float
    rows: int
    pieces: int

    def __str__(self) -> str:
        return f"{self.cpu_ms:,.2f} ({1e6 * self.cpu_ms / max(1, self.pieces):.1f})"


def main() -> int:
    """Measures every size and prints the tables."""
    parser = argparse.ArgumentParser(prog="bench/growth", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1_000_000, 10_000_000], help="sizes of the farm")
    parser.add_argument("--groups-of", type=int, default=10_000_000, help="sessions of the farm with ever more groups")
    parser.add_argument("--repeats", type=int, default=5, help="how often each question is asked")
    parser.add_argument("--columns", type=Path, help="where columns are kept; target/bench/ when not given")
    parser.add_argument("--binary", type=Path, help="the benchmark's program; built when not given")
    arguments = parser.parse_args()
    columns = arguments.columns or program.REPOSITORY / "target/bench"
    columns.mkdir(parents=True, exist_ok=True)
    binary = arguments.binary or program.build()
    sizes = [timings(binary, columns, size, EIGHT, arguments.repeats) for size in arguments.sessions]
    print("Processor ms (ns for each piece) by sessions of the farm; medians of", arguments.repeats)
    print()
    print_table(["", *(f"{size:,}" for size in arguments.sessions), "rows"], [
        [question, *(str(size[question]) for size in sizes), " / ".join(f"{size[question].rows:,}" for size in sizes)]
        for question in EIGHT
    ])
    steps = timings(binary, columns, arguments.groups_of, LADDER, arguments.repeats)
    print(f"\nThe year of ten queues, {arguments.groups_of:,} sessions\n")
    print_table(["by", "rows", "pieces", "ms (ns for each piece)"], [
        [name, f"{steps[question].rows:,}", f"{steps[question].pieces:,}", str(steps[question])]
        for question, name in zip(LADDER, LADDER_NAMES, strict=True)
    ])
    return 0


def timings(binary: Path, columns: Path, sessions: int, questions: list[str], repeats: int) -> dict[str, Timing]:
    """Asks questions on a farm of one size, which is drawn first if it is not there."""
    kept = columns / f"{sessions}.columns"
    options = [f"--sessions={sessions}", f"--columns={kept}", f"--repeats={repeats}", "--questions", *questions]
    printed = subprocess.run([binary, "time", "--without-rollups", *options], check=True, capture_output=True, text=True).stdout
    lines = [json.loads(line) for line in printed.splitlines()]
    found = {
        line["question"]: Timing(line["cpu_ms"], line["rows"], line["checksum"]["count"])
        for line in lines
        if "question" in line
    }
    return {question: found[question] for question in questions}


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Prints a table as Markdown."""
    for row in [head, ["---"] * len(head), *rows]:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    raise SystemExit(main())
