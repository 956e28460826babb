"""One engine in a process of its own: a request per line of input, a line of JSON per reply.

Requests are `time QUESTION FORM`, `answer QUESTION FORM FILE` and `forms QUESTION`; a form is sent with commas for
blanks. A process of its own keeps one engine's idle threads, allocator and caches out of another's figures.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from peers.peer import Peer
from peers.question import QUESTIONS

ENGINES = {
    "DuckDB": ("peers.duckdb_peer", "DuckDb"),
    "ClickHouse": ("peers.clickhouse_peer", "ClickHouse"),
    "Polars": ("peers.polars_peer", "Polars"),
    "DataFusion": ("peers.datafusion_peer", "DataFusion"),
}


def load(engine: str, folder: Path, threads: int) -> Peer:
    """The engine with the farm in it."""
    module, name = ENGINES[engine]
    return getattr(import_module(module), name)(folder, threads)


def timed(peer: Peer, question: Any, form: str) -> dict[str, float]:
    """CPU time of all threads of this process, and wall time, around one answer."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    result = peer.run(question, form)
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    del result
    return {"cpu_ms": cpu / 1e6, "wall_ms": wall / 1e6}


def reply(peer: Peer, request: str) -> dict[str, Any]:
    """The reply to one request."""
    verb, name, *rest = request.split()
    question = next(question for question in QUESTIONS if question.name == name)
    if verb == "forms":
        return {"forms": peer.forms(question)}
    form = rest[0].replace(",", " ")
    if verb == "time":
        return timed(peer, question, form)
    rows = peer.integers(question, form)
    rows.astype("<i8").tofile(rest[1])
    return {"rows": len(rows)}


def main() -> None:
    """Answers until the input ends."""
    engine, folder, threads = sys.argv[1:]
    # Engines print hints and warnings; replies keep the standard output for themselves.
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        peer = load(engine, Path(folder), int(threads))
        print(json.dumps({"ready": True, "version": peer.version}), file=output)
    except Exception as error:  # noqa: BLE001 - whatever an engine throws becomes its reply
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=output)
        return
    for request in sys.stdin:
        try:
            answer = reply(peer, request)
        except Exception as error:  # noqa: BLE001
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=output)


if __name__ == "__main__":
    main()
