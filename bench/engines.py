"""Engines as processes that answer a line of JSON to each line they are sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
OURS = "farmtally"
# Our engine, which forgets before each answer what it remembers of questions that are asked again.
WITHOUT_ROLLUPS = "farmtally without rollups"
WARM_UP_SECONDS = 1.0


class EngineError(Exception):
    """An engine could not do what it was asked."""


@dataclass(frozen=True)
class Time:
    """What one answer took."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Turn:
    """What a question took whose engine was asked three times, at once one time after the other."""

    first: Time
    """The caches hold what the engines before have used."""
    again: Time
    """They hold what this engine and question use, as far as there is room: the lesser of the two later times, as ClickBench counts."""


class Engine:
    """One engine with the farm loaded, in a process of its own."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            cwd=BENCH,
        )
        self.version = self.reply().get("version", "")

    def ask(self, request: str) -> dict[str, Any]:
        """Sends a request and waits for its reply."""
        assert self.process.stdin
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """The next line of JSON."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise EngineError(f"{self.name} ended with code {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise EngineError(f"{self.name}: {reply['error']}")
        return reply

    def forms(self, question: str) -> list[str]:
        """The ways in which a question can be put; the first one is empty for the engine that has no choice."""
        if self.name in (OURS, WITHOUT_ROLLUPS):
            return [""]
        return [form.replace(" ", ",") for form in self.ask(f"forms {question}")["forms"]]

    def time(self, question: str, form: str) -> Time:
        """Answers a question once."""
        reply = self.ask(f"time {question} {form}".rstrip())
        return Time(reply["cpu_ms"], reply["wall_ms"])

    def turn(self, question: str, form: str) -> Turn:
        """Answers a question three times."""
        first, second, third = (self.time(question, form) for _ in range(3))
        return Turn(first, min(second, third, key=lambda time: time.cpu_ms))

    def warm_up(self, question: str, form: str) -> None:
        """Answers a question for a second, at least once."""
        end = time.monotonic() + WARM_UP_SECONDS
        while True:
            self.time(question, form)
            if time.monotonic() >= end:
                return

    def answer(self, question: str, form: str, file: Path) -> None:
        """Writes the answer to a file, as rows of ten integers."""
        self.ask(f"answer {question} {form} {file}" if form else f"answer {question} {file}")

    def close(self) -> None:
        """Ends the process by ending its input."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def our_engine(program: Path, folder: Path, sessions: int, threads: int, name: str) -> Engine:
    """Our engine, with a farm that it draws itself, and whose columns it keeps for the next time."""
    command = [str(program), "respond", "--sessions", str(sessions), "--threads", str(threads)]
    command.append(f"--columns={folder / 'farm.columns'}")
    if name == WITHOUT_ROLLUPS:
        command.append("--without-rollups")
    return Engine(name, command, {})


def peer(name: str, folder: Path, threads: int) -> Engine:
    """Another engine, with the prepared tables of the same farm."""
    command = [sys.executable, "-W", "ignore", "-m", "peers.worker", name, str(folder), str(threads)]
    return Engine(name, command, {"POLARS_MAX_THREADS": str(threads), "TOKIO_WORKER_THREADS": str(threads)})
