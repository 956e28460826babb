"""The disk of `disk.c`: building it, and what a process needs in its environment to have it."""

import shutil
import subprocess
from pathlib import Path

from campaign import complain
from served import REPOSITORY

SOURCE = Path(__file__).with_name("disk.c")
LIBRARIES = REPOSITORY / "target/durability"
LIBRARY = LIBRARIES / "disk.so"
CHANGES = "cwstnud"  # create, write, sync, truncate, rename, unlink, make a folder
CALLS = "or" + CHANGES  # open, read


def build():
    """Compiles the disk if its source is newer."""
    compiled(SOURCE)


def compiled(source):
    """The library that is made of a source, to be loaded in front of the C library. Compiled if the source is newer."""
    library = LIBRARIES / source.with_suffix(".so").name
    if library.exists() and library.stat().st_mtime >= source.stat().st_mtime:
        return library
    compiler = shutil.which("cc") or complain("there is no C compiler `cc`", "install gcc or clang; the build needs one too")
    library.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-lpthread"]
    subprocess.run(command, check=True)
    return library


def disk(folder, fault=None, log=None, report=None, only_while=None):
    """The environment of a process whose files below `folder` are on this disk."""
    named = {
        "LD_PRELOAD": LIBRARY, "DISK_FOLDER": folder, "DISK_FAULT": fault, "DISK_LOG": log, "DISK_REPORT": report,
        "DISK_WHILE": only_while,
    }
    return {name: str(value) for name, value in named.items() if value is not None}


def faults(report):
    """The faults that a disk reported: the letter of the call, its number, the path. And the number of calls counted."""
    found, counted = [], 0
    for line in report.read_text(encoding="utf-8").splitlines() if report.exists() else ():
        call, number, path = line.split(" ", 2)
        if call == "counted":
            counted = int(number)
        else:
            found.append((call, int(number), path))
    return found, counted
