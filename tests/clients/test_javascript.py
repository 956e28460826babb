"""Runs javascript/test.mjs, the published AWS SDK for JavaScript, against the same servers."""

import re
import subprocess
import sys
from pathlib import Path

NODE = Path(sys.executable).with_name("node")
JAVASCRIPT = Path(__file__).parent / "javascript"
TESTS = len(re.findall(r'^test\("', (JAVASCRIPT / "test.mjs").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_sdk_for_javascript(scenario):
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", "test.mjs"],
        cwd=JAVASCRIPT, env=scenario, capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"# pass {TESTS}\n" in done.stdout, done.stdout
