"""Builds the benchmark's own program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def build() -> Path:
    """The release program, with the symbols that a profiler needs and otherwise as it is shipped."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target/bench/build"))
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "CARGO_PROFILE_RELEASE_STRIP": "none"}
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "farmtally-bench"]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return target / "release/farmtally-bench"
