"""Measures what a click in the explorer takes on a large farm.

A click is the questions that the page sends at once for it, each on a connection of its own with the page's cookie, and it ends
with the last byte of the last answer. What the browser does with them is not in it. The questions are those of
`web/question.js`; a test of the page checks that they are (`tests/browser/test_speed.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

import program
from explorer_client import Page
from explorer_clicks import clicks
from http_client import Server
from http_figures import fill

GOAL_MS = 100


class Figure(NamedTuple):
    """What one click took."""

    click: str
    median_ms: float
    worst_ms: float
    engine_ms: float
    cpu_ms: float
    kilobytes: float


def main() -> int:
    """Fills the folder if it is not there, measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="bench/explorer", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000_000, help="sessions of the farm")
    parser.add_argument("--repeats", type=int, default=15, help="how often each click is made")
    parser.add_argument("--folder", type=Path, help="the data folder; made under target/bench/ when not given")
    parser.add_argument("--month", default="2025-11", help="the month that is looked at")
    parser.add_argument("--binary", type=Path, help="the program to measure; built when not given")
    arguments = parser.parse_args()
    folder = arguments.folder or program.REPOSITORY / f"target/bench/http-{arguments.sessions}"
    binary = arguments.binary or program.build_farmtally()
    if not (folder / "filled").exists():
        fill(binary, folder, arguments.sessions)
    with Server(binary, folder) as server:
        page = Page(server)
        load_before = os.getloadavg()[0]
        figures = []
        for name, requests in clicks(page, arguments.month):
            figures.append(measured(page, server, name, requests, arguments.repeats))
            print(f"{figures[-1].median_ms:8.1f} ms  {figures[-1].cpu_ms:8.1f} processor ms  {name}", file=sys.stderr, flush=True)
        load = max(load_before, os.getloadavg()[0])
    print_table(arguments.sessions, arguments.repeats, load, figures)
    output = program.REPOSITORY / "target/bench/explorer.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps([figure._asdict() for figure in figures], indent=2) + "\n")
    return 0


def measured(page: Page, server: Server, name: str, requests: list, repeats: int) -> Figure:
    """Makes a click again and again. The first time is not counted: columns may have to be read from disk."""
    page.click(requests)
    times_ms, engine_ms, bodies = [], [], []
    cpu_before = server.cpu_seconds()
    for _ in range(repeats):
        began = time.perf_counter()
        bodies = page.click(requests)
        times_ms.append((time.perf_counter() - began) * 1e3)
        engine_ms.append(page.engine_ms(bodies))
    cpu_ms = (server.cpu_seconds() - cpu_before) * 1e3 / repeats
    length = sum(len(body) for body in bodies)
    return Figure(name, statistics.median(times_ms), max(times_ms), statistics.median(engine_ms), cpu_ms, length / 1e3)


def print_table(sessions: int, repeats: int, load: float, figures: list[Figure]) -> None:
    """Prints what was measured as Markdown."""
    print(f"\n{sessions:,} sessions, {repeats} clicks each, {os.cpu_count()} cores, load of the machine up to {load:.1f}.\n")
    print("| click | median ms | worst ms | finding the slowest answer, ms | processor ms of the server | answers kB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for figure in figures:
        times = f"{figure.median_ms:.1f} | {figure.worst_ms:.1f} | {figure.engine_ms:.1f} | {figure.cpu_ms:.1f}"
        print(f"| {figure.click} | {times} | {figure.kilobytes:.0f} |")
    late = [figure.click for figure in figures if figure.median_ms >= GOAL_MS]
    print(f"\nMedians of {GOAL_MS} ms and more: {', '.join(late) or 'none'}.")


if __name__ == "__main__":
    sys.exit(main())
