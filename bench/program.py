"""The programs that are measured: how they are built and run, and what is asked of the system about them."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def build(alone: bool = False, files: bool = True) -> Path:
    """The benchmark's program, with the symbols that a profiler needs and otherwise as farmtally is shipped.

    It is built with the program, so that both use the same dependencies and nothing is compiled a second time; or alone, for who has
    no use for the program, and without what writes files, for who writes none.
    """
    packages = ["--package", "farmtally-bench"] if alone else ["--package", "farmtally", "--package", "farmtally-bench"]
    packages += [] if files else ["--no-default-features"]
    command = ["cargo", "build", "--release", "--locked", "--quiet", *packages]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release/farmtally-bench"


def build_farmtally() -> Path:
    """The program that users run, as they build it."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=REPOSITORY, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release/farmtally"


def run(*command: object) -> None:
    """Runs a command to its end; one that fails ends the measurement."""
    subprocess.run([str(word) for word in command], check=True)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_ports(count: int) -> list[int]:
    """So many ports of this machine that nobody listens on."""
    listeners = [socket.socket() for _ in range(count)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
