"""Measures the program over HTTP: from Start to the first page, the first answer of a new process, requests per second, and
pages of a long answer.

The client is as thin as it can be, because it shares the machine with the server: one kept-alive connection, requests signed
by hand, answers read as bytes. What a request costs the server is taken from the server's own processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import program
from http_client import Client, Server
from http_questions import QUESTIONS, body_of

SERVED_SECONDS = 4.0
PAGES = 200
DEADLINE_SECONDS = 120
# Who asks without a pause takes a processor from the server: the client waits for this share of the time that passed since Start.
PAUSE_SHARE = 0.05
# The questions with the longest answers. Of a large farm the first one has more rows than a server gives.
LONGEST_FIRST = ("Q4", "Q6")
# Writing 3 there makes the kernel forget the files that it has in memory.
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def main() -> int:
    """Fills the folder if it is not there, measures, and prints tables."""
    parser = argparse.ArgumentParser(prog="bench/http", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, help="sessions of the farm")
    parser.add_argument("--repeats", type=int, default=9, help="how often each question is started")
    parser.add_argument("--starts", type=int, default=3, help="how often a server is started for each question")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between an answer and the next question")
    parser.add_argument("--folder", type=Path, help="the data folder; made under target/bench/ when not given")
    arguments = parser.parse_args()
    binary = program.build_farmtally()
    folder = arguments.folder or program.REPOSITORY / f"target/bench/http-{arguments.sessions}"
    if not (folder / "filled").exists():
        fill(binary, folder, arguments.sessions)
    began = time.perf_counter()
    with Server(binary, folder) as server:
        ready_ms = (time.perf_counter() - began) * 1e3
        client = Client(server, binary, folder)
        farm = client.get("/2023-10-12/farms")["farms"][0]["farmId"]
        figures = {"sessions": arguments.sessions, "ready_ms": ready_ms}
        figures["start_to_first_page"] = [
            first_page(client, farm, question, arguments.repeats, arguments.pause) for question in QUESTIONS
        ]
        figures["requests"] = [requests_per_second(client, server, farm, size) for size in (1, 100)]
        answered = [row["question"] for row in figures["start_to_first_page"] if "ms" in row]
        figures["pages"] = pages(client, farm, next(question for question in LONGEST_FIRST if question in answered))
    figures["first_after_start"] = [first_after_start(binary, folder, farm, question, arguments.starts) for question in answered]
    print_tables(figures)
    results = program.REPOSITORY / "target/bench/http.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def fill(binary: Path, folder: Path, sessions: int) -> None:
    """Draws the farm into a file and imports it."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder.with_suffix(".parquet")
    program.run(program.build(), "sessions", drawn, f"--sessions={sessions}")
    program.run(binary, "import", "--data-dir", folder, "--farm", "Bench", "--format", "parquet", drawn)
    drawn.unlink()
    (folder / "filled").touch()


class NotAnsweredError(Exception):
    """A question that ended without an answer, for instance because it has more rows than the server gives; why."""


def path_of(farm: str, aggregation: str = "", more: str = "") -> str:
    """Where aggregations are started, or where the pages of one are."""
    base = f"/2023-10-12/farms/{farm}/sessions-statistics-aggregation"
    return f"{base}?aggregationId={aggregation}{more}" if aggregation else base


def complete(client: Client, farm: str, question: str) -> tuple[str, dict, int, float]:
    """Starts a question and asks until there is a page: its id, the page, how often was asked, and the milliseconds from sending Start until
    the page was there. To read its JSON takes this client longer than some questions take the server, and is not counted."""
    start = client.signed("POST", path_of(farm), json.dumps(body_of(question)).encode())
    began = time.perf_counter()
    aggregation = client.admitted(start)["aggregationId"]
    asked = 0
    while (passed := time.perf_counter() - began) < DEADLINE_SECONDS:
        answer = client.exchange(client.signed("GET", path_of(farm, aggregation)))
        took_ms = (time.perf_counter() - began) * 1e3
        page = client.checked(*answer)
        asked += 1
        if page["status"] == "COMPLETED":
            return aggregation, page, asked, took_ms
        if page["status"] != "IN_PROGRESS":
            raise NotAnsweredError(f"{page['status']}: {page.get('statusMessage')}")
        time.sleep(passed * PAUSE_SHARE)
    raise NotAnsweredError(f"no answer in {DEADLINE_SECONDS} s")


def first_page(client: Client, farm: str, question: str, repeats: int, pause: float) -> dict:
    """Wall time from sending Start to having the first page. Without a pause a question waits for the answer before it, which is still
    being written down."""
    times_ms = []
    for _ in range(repeats):
        time.sleep(pause)
        try:
            _, _, asked, took_ms = complete(client, farm, question)
        except NotAnsweredError as error:
            return {"question": question, "ended": str(error)}
        times_ms.append(took_ms)
    return {"question": question, "ms": statistics.median(times_ms), "ms_min": min(times_ms), "asked": asked}


def first_after_start(binary: Path, folder: Path, farm: str, question: str, starts: int) -> dict:
    """Wall time from the start of a process to the first page that it gives, with the folder's files in memory; and without, where
    we may make the kernel forget them."""

    def measure() -> float:
        began = time.perf_counter()
        with Server(binary, folder) as server:
            complete(Client(server, binary, folder), farm, question)
            return (time.perf_counter() - began) * 1e3

    def measure_cold() -> float:
        os.sync()
        DROP_CACHES.write_text("3\n")
        return measure()

    may_forget = os.access(DROP_CACHES, os.W_OK)
    cold_ms = statistics.median(measure_cold() for _ in range(starts)) if may_forget else None
    measure()
    return {"question": question, "ms": statistics.median(measure() for _ in range(starts)), "cold_ms": cold_ms}


def requests_per_second(client: Client, server: Server, farm: str, page_size: int) -> dict:
    """Signed Gets for some seconds, and what each cost the server."""
    aggregation, *_ = complete(client, farm, "Q1")
    request = client.signed("GET", path_of(farm, aggregation, f"&maxResults={page_size}"))
    began, cpu_before = time.perf_counter(), server.cpu_seconds()
    count = 0
    while time.perf_counter() - began < SERVED_SECONDS:
        client.exchange_many(request, 50)
        count += 50
    wall, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu_before
    return {"page_size": page_size, "per_second": count / wall, "per_cpu_second": count / cpu}


def pages(client: Client, farm: str, question: str) -> dict:
    """What a page costs in the first and in the last part of a long answer, asked in turn, after all of them were read once."""
    aggregation, page, *_ = complete(client, farm, question)
    tokens = []
    while "nextToken" in page:
        tokens.append(page["nextToken"])
        page = client.get(path_of(farm, aggregation, f"&nextToken={tokens[-1]}"))

    def time_ms(token: str) -> float:
        began = time.perf_counter()
        client.get(path_of(farm, aggregation, f"&nextToken={token}"))
        return (time.perf_counter() - began) * 1e3

    part = min(PAGES, len(tokens))
    times_ms = [(time_ms(first), time_ms(last)) for first, last in zip(tokens[:part], tokens[-part:])]
    first_ms, last_ms = zip(*times_ms)
    return {
        "question": question,
        "pages": len(tokens) + 1,
        "first_ms": statistics.median(first_ms),
        "last_ms": statistics.median(last_ms),
    }


def print_tables(figures: dict) -> None:
    """Prints what was measured as Markdown."""
    print(f"\n{figures['sessions']:,} sessions; the server was ready after {figures['ready_ms']:,.0f} ms.\n")
    print("| | Start to first page, median ms | fastest ms |\n| --- | --- | --- |")
    for row in figures["start_to_first_page"]:
        cells = f"{row['ms']:.2f} | {row['ms_min']:.2f}" if "ms" in row else f"{row['ended']} |"
        print(f"| {row['question']} | {cells} |")
    print("\n| | process start to first page, median ms | with no file in memory, ms |\n| --- | --- | --- |")
    for row in figures["first_after_start"]:
        cold = "not allowed here" if row["cold_ms"] is None else f"{row['cold_ms']:.0f}"
        print(f"| {row['question']} | {row['ms']:.0f} | {cold} |")
    print("\n| signed Get | per second, one connection | per second of the server's processor time |\n| --- | --- | --- |")
    for row in figures["requests"]:
        print(f"| {row['page_size']} rows | {row['per_second']:,.0f} | {row['per_cpu_second']:,.0f} |")
    pages_ = figures["pages"]
    print(f"\n{pages_['question']} has {pages_['pages']:,} pages of 100 rows: a page takes {pages_['first_ms']:.2f} ms at the beginning and "
          f"{pages_['last_ms']:.2f} ms at the end (medians, the client's reading included).")


if __name__ == "__main__":
    sys.exit(main())
