"""Runs rust/tests/, the published AWS SDK for Rust, against the same servers."""

import re
import subprocess
from pathlib import Path

from program import REPOSITORY

TESTS = sum(
    len(re.findall(r"^#\[tokio::test", path.read_text(encoding="utf-8"), re.MULTILINE))
    for path in (Path(__file__).parent / "rust/tests").rglob("*.rs")
)


# The whole workspace is named so that its dependencies are built once, with the features that all of it needs.
COMMAND = "cargo test --workspace --locked --test sdk -- --ignored"


def test_the_sdk_for_rust(scenario):
    # One after the other, because a farm runs one aggregation at a time and the tests share the farms.
    done = subprocess.run(
        [*COMMAND.split(), "--test-threads=1"],
        cwd=REPOSITORY, env=scenario | {"RUST_BACKTRACE": "0"}, capture_output=True, text=True, timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"test result: ok. {TESTS} passed; 0 failed" in done.stdout, done.stdout
