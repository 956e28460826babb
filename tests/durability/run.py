"""Runs the durability campaigns and prints a table of figures. Called by `scripts/durability`, which has the usage."""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import disk
from campaign import HEAD, Setting, complain, table
from served import BINARY

CAMPAIGNS = ("completeness", "kill", "answers", "imports", "renewal", "power_loss", "faults", "full_disk", "damage", "owners", "soak")


def main():
    arguments = parse()
    if not BINARY.is_file():
        complain(f"{BINARY} is not there", "run `cargo build --release --locked`, or set FARMTALLY_BINARY")
    disk.build()
    scratch = Path(tempfile.mkdtemp(prefix="farmtally-durability-", dir=memory_folder())).resolve()
    setting = Setting(scratch, arguments.seed, arguments.full, arguments.jobs, arguments.scale)
    print(f"seed {arguments.seed}, {'full' if arguments.full else 'sample'}, {arguments.jobs} at once, in {scratch}\n\n{HEAD}")
    try:
        for name in arguments.only or CAMPAIGNS:
            importlib.import_module(name).campaign(setting)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    violations = sum(one.violations for one in setting.figures)
    print(f"\n{table(setting.figures)}\n\n{sum(one.points for one in setting.figures)} points passed, {violations} violations")
    return 1 if violations else 0


def parse():
    parser = argparse.ArgumentParser(prog="scripts/durability", description=__doc__)
    parser.add_argument("--full", action="store_true", help="every point: hours on two processors")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another campaign; the same one repeats it")
    parser.add_argument("--only", action="append", choices=CAMPAIGNS, help="this campaign; can be given several times")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="points that are attacked at once")
    parser.add_argument("--scale", type=float, default=1.0, help="so many times the points of a sample or of the whole")
    return parser.parse_args()


def memory_folder():
    """A file system in memory, where there is one: what is lost on a power cut is decided here and not by a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main())
