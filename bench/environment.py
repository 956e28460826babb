"""The Python environment of the comparison: made once under target/, with every package pinned.

Each package is installed by itself, so that one that has no build for this machine costs one column of the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def enter(folder: Path) -> None:
    """Runs this program again inside the environment, unless it is there already."""
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    install(folder)
    python = str(folder / "bin/python")
    os.execv(python, [python, *sys.argv])


def install(folder: Path) -> None:
    """Makes the environment unless it has been made for these requirements."""
    stamp = folder / "requirements.installed"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for line in REQUIREMENTS.read_text().splitlines():
        if line and not line.startswith("#") and subprocess.run([*pip, line], check=False).returncode != 0:
            print(f"warning: `{line}` cannot be installed here; going on without it", file=sys.stderr)
    stamp.write_text(REQUIREMENTS.read_text())
