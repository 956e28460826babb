"""The published comparison: eight questions, our engine and four others, in one interleaved run.

Each engine first tries all of its forms of a question and keeps the fastest. Its answer is then compared with ours, row
by row in integers. Each engine then answers for a second, and only after that the engines are timed in turn, A B C D A B C
D, so that a neighbour's load falls on all of them. In its turn an engine is asked three times: the first time the caches hold what the others have used, and the
lesser of the two later times is hot, as in ClickBench. Our engine is timed with rollups, which answer most questions that are asked again, and without.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import environment
import program

OUTPUT = program.REPOSITORY / "target/bench"
environment.enter(program.REPOSITORY / "target/bench-env")

import numpy as np  # noqa: E402 - numpy exists only inside the environment

import equality  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
from engines import OURS, WITHOUT_ROLLUPS, Engine, EngineError, Turn, our_engine, peer  # noqa: E402
from peers.prepare import export  # noqa: E402
from peers.question import QUESTIONS  # noqa: E402
from peers.worker import ENGINES  # noqa: E402

# A form that takes so many times the least at its first try is not tried again.
HOPELESS = 1.5


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=7)
    names = [question.name for question in QUESTIONS]
    parser.add_argument("--forms", type=figures_of, help="results.json of an earlier run, whose fastest forms are taken")
    parser.add_argument("--questions", nargs="+", choices=names, default=names)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES),
                        help="which of the others; of a large farm not all fit into memory at once")
    return parser.parse_args()


def start_engines(binary: Path, folder: Path, threads: int, arguments: argparse.Namespace) -> list[Engine]:
    """Ours first, with rollups and without, then every other engine that is wanted and can be had."""
    ours = (OURS, WITHOUT_ROLLUPS)
    engines = [our_engine(binary, folder, arguments.sessions, threads, name) for name in ours]
    for name in arguments.engines:
        say(f"loading {name}")
        try:
            engines.append(peer(name, folder, threads))
        except EngineError as error:
            say(f"warning: going on without {name}: {error}")
    if len(engines) == len(ours):
        for engine in engines:
            engine.close()
        sys.exit("error: none of the other engines could load the farm, so there is nothing to compare with")
    return engines


def fastest_form(engine: Engine, question: str) -> str:
    """The form that takes the least CPU time; the promising ones are tried twice."""
    forms = engine.forms(question)
    if len(forms) == 1:
        return forms[0]
    first = {form: engine.time(question, form).cpu_ms for form in forms}
    promising = [form for form in forms if first[form] < HOPELESS * min(first.values())]
    return min(promising, key=lambda form: min(first[form], engine.time(question, form).cpu_ms))


def answer(engine: Engine, question: str, form: str, folder: Path) -> np.ndarray:
    """The rows of an answer."""
    file = folder / f"answer-{engine.name.replace(' ', '-')}.i64"
    engine.answer(question, form, file)
    rows = equality.read(file)
    file.unlink()
    return rows


def check_answers(engines: list[Engine], question: str, forms: dict[str, str], folder: Path) -> np.ndarray:
    """Compares every answer with ours, and gives ours."""
    ours = answer(engines[0], question, forms[engines[0].name], folder)
    for engine in engines[1:]:
        other = answer(engine, question, forms[engine.name], folder)
        equality.check(question, (engines[0].name, ours), (engine.name, other))
    return ours


def time_in_turn(engines: list[Engine], question: str, forms: dict[str, str], repeats: int) -> dict[str, list[Turn]]:
    """The times of each engine, taken in turn. What an engine makes for questions that are asked again is there by then."""
    for engine in engines:
        engine.warm_up(question, forms[engine.name])
    turns: dict[str, list[Turn]] = {engine.name: [] for engine in engines}
    for _ in range(repeats):
        for engine in engines:
            turns[engine.name].append(engine.turn(question, forms[engine.name]))
    return turns


def figures_of(results: str) -> list[dict]:
    """The figures of an earlier run. They are read before this one writes its own, perhaps to the same file."""
    return json.loads(Path(results).read_text())["figures"]


def known_forms(figures: list[dict] | None, question: str, threads: int) -> dict[str, str]:
    """The fastest forms of an earlier run, by engine. An engine that has none there tries all of its forms."""
    if figures is None:
        return {}
    same = [figure for figure in figures if (figure["question"], figure["threads"]) == (question, threads)]
    return {name: form.replace(" ", ",") for figure in same for name, form in figure["forms"].items()}


def measure(
    engines: list[Engine], folder: Path, question: str, threads: int, arguments: argparse.Namespace
) -> report.Figure:
    """The figures of one question at one number of threads."""
    say(f"{question}, {threads} thread{'s' if threads > 1 else ''}")
    known = known_forms(arguments.forms, question, threads)
    forms = {engine.name: known.get(engine.name) or fastest_form(engine, question) for engine in engines}
    ours = check_answers(engines, question, forms, folder)
    turns = time_in_turn(engines, question, forms, arguments.repeats)
    # What our blocks keep of a question that is asked again and again changes no bit of its answer.
    again = answer(engines[0], question, forms[engines[0].name], folder)
    equality.check(question, (engines[0].name, ours), (f"{engines[0].name} after its turns", again))
    bytes_touched = engines[0].ask(f"bytes {question}")["bytes"]
    shown = {name: form.replace(",", " ") for name, form in forms.items()}
    return report.Figure(question, threads, len(ours), bytes_touched, shown, turns)


def read_bandwidth(binary: Path, threads: int) -> float:
    """Bytes per second that so many threads read together."""
    command = [binary, "bandwidth", "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["bytes_per_second"]


def say(text: str) -> None:
    """Tells what is going on; the standard output is for the table."""
    print(text, file=sys.stderr)


def measure_at(binary: Path, folder: Path, arguments: argparse.Namespace, threads: int, run: report.Run) -> None:
    """Adds the figures of one number of threads to the run."""
    run.bytes_per_second[threads] = read_bandwidth(binary, threads)
    engines = start_engines(binary, folder, threads, arguments)
    run.versions.update({engine.name: engine.version for engine in engines if engine.version})
    try:
        for question in arguments.questions:
            run.figures.append(measure(engines, folder, question, threads, arguments))
            # A later question may take more memory than there is.
            write(run)
    except (equality.Mismatch, EngineError) as error:
        sys.exit(f"error: {error}")
    finally:
        for engine in engines:
            engine.close()


def write(run: report.Run) -> None:
    """Writes table, figures and plot."""
    (OUTPUT / "results.md").write_text(report.markdown(run))
    (OUTPUT / "results.json").write_text(json.dumps(report.to_json(run), indent=2) + "\n")
    (OUTPUT / "results.svg").write_text(plot.svg(run))


def main() -> None:
    """Builds, loads, compares, times and reports."""
    arguments = parse_arguments()
    binary = program.build()
    folder = export(binary, OUTPUT, arguments.sessions)
    run = report.Run(arguments.sessions, arguments.repeats, processor(), {}, {}, [])
    for threads in arguments.threads:
        measure_at(binary, folder, arguments, threads, run)
    print(report.markdown(run))
    say(f"written to {OUTPUT}/results.md, results.json and results.svg")


def processor() -> str:
    """The processor and how many of it there are."""
    return f"{os.cpu_count()} x {platform.processor() or platform.machine()}"


if __name__ == "__main__":
    main()
