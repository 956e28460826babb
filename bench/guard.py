"""Guards the eight questions against slowing down, by counting instructions with callgrind.

Each is counted twice: asked for the first time, and again when what blocks and groups keep has been made.
The farm is drawn outside of the count: the counter is on only inside of `AskedFarm::answer`. Another compiler than the
recorded one may need other instructions, and so does a processor without AVX2: then nothing is counted, and
that is said.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import program

BASELINE = Path(__file__).with_name("guard-baseline.json")
SESSIONS = 1_000_000
# What a question may need more than is recorded.
GROWTH_MAX = 0.10
QUESTIONS = [f"Q{number}" for number in range(1, 9)]
# How often those that take less when they are asked again are asked before: one of one queue of twenty makes rollups the twenty-first time, and
# pieces are put together the second time. Q1 and Q6 take about as much on a farm of this size.
ASKED_BEFORE = {"Q2": 21, "Q3": 21, "Q4": 2, "Q5": 21, "Q7": 21, "Q8": 2}
ANSWER = "*AskedFarm*::answer*"
EXIT_NO_VALGRIND = 3


def main() -> int:
    """Counts, then records or compares."""
    parser = argparse.ArgumentParser(prog="bench/guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the baseline instead of comparing with it")
    is_recording = parser.parse_args().record
    if not shutil.which("valgrind"):
        print("error: valgrind is not installed\nhint: install the package `valgrind`", file=sys.stderr)
        return EXIT_NO_VALGRIND
    baseline = json.loads(BASELINE.read_text())
    found = {"compiler": compiler(), "kernels": kernels()}
    recorded = {name: baseline.get(name) for name in found}
    if not is_recording and recorded != found:
        print(f"skipped: recorded with {recorded}, and this is {found}")
        print("hint: run `bench/guard --record` with the compiler of rust-toolchain.toml, on a processor with AVX2")
        return 0
    counts = count(program.build(alone=True, files=False))
    if is_recording:
        baseline = {"sessions": SESSIONS, **found, "instructions": counts}
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
        print(f"recorded in {BASELINE.relative_to(program.REPOSITORY)}")
        return 0
    return compare(baseline, counts)


def count(binary: Path) -> dict[str, int]:
    """Instructions of each question, by its name and, asked again, by its name with that. The farm is drawn once, without the counter."""
    with tempfile.TemporaryDirectory() as folder:
        farm = [f"--sessions={SESSIONS}", f"--columns={folder}/farm.columns"]
        subprocess.run([binary, "count", QUESTIONS[0], *farm], check=True, stdout=subprocess.DEVNULL)
        counts = Path(folder) / "counts"
        first = {question: count_one(binary, [question, *farm], counts) for question in QUESTIONS}
        again = {
            f"{question} again": count_one(binary, [question, f"--before={times}", *farm], counts)
            for question, times in ASKED_BEFORE.items()
        }
        return first | again


def count_one(binary: Path, asked: list[str], counts: Path) -> int:
    """Instructions of one question."""
    options = ["--collect-atstart=no", f"--toggle-collect={ANSWER}", f"--callgrind-out-file={counts}"]
    command = ["valgrind", "--tool=callgrind", *options, str(binary), "count", *asked]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"error: valgrind failed\n{result.stderr}")
    found = re.search(r"^totals: (\d+)", counts.read_text(), re.MULTILINE)
    if not found or int(found[1]) == 0:
        sys.exit("error: nothing was counted; is `AskedFarm::answer` still a function of its own?")
    return int(found[1])


def compiler() -> str:
    """The compiler, because another one may need other instructions."""
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def kernels() -> str:
    """Which kernels the engine takes on this processor."""
    return "AVX2" if re.search(r"^flags\b.*\bavx2\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE) else "plain"


def compare(baseline: dict, counts: dict[str, int]) -> int:
    """Prints every question, and tells by the exit code whether one grew too much."""
    has_grown = False
    for name, now in counts.items():
        before = baseline["instructions"][name]
        growth = now / before - 1
        grew = growth > GROWTH_MAX
        has_grown |= grew
        print(f"{name:8} {before:>12,} -> {now:>12,} {growth:+7.1%}{'  TOO MUCH' if grew else ''}")
    if has_grown:
        print(f"error: a question needs over {GROWTH_MAX:.0%} more instructions than recorded", file=sys.stderr)
        print("hint: if that is the price of something better, run `bench/guard --record`", file=sys.stderr)
    return int(has_grown)


if __name__ == "__main__":
    sys.exit(main())
