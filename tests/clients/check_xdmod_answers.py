"""The program behind scripts/check-xdmod-answers."""

import argparse
import tempfile
from pathlib import Path

import xdmod
from asking import client
from program import Folder, Server


def main():
    parser = argparse.ArgumentParser(prog="scripts/check-xdmod-answers", description=xdmod.__doc__.splitlines()[0])
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a Slurm log of Open XDMoD's tests, gzip or plain")
    parser.add_argument("expected", metavar="EXPECTED_DIR", help="the folder in which `reference/Jobs/resource` is")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="farmtally-xdmod-") as scratch:
        raise SystemExit(check(Folder(Path(scratch) / "data"), arguments))


def check(folder, arguments):
    """Imports, asks, compares and prints; gives the exit code."""
    counted = folder.import_files("xdmod", "slurm", *arguments.logs)
    print(f"imported {counted['stored']} of {counted['read']} rows")
    server = Server(folder)
    try:
        asker = client(server.environment())
        farm_id = asker.list_farms()["farms"][0]["farmId"]
        comparisons = [xdmod.compare(asker, farm_id, arguments.expected, unit) for unit in ("Day", "Month")]
    finally:
        server.stop()
    for comparison in comparisons:
        print_comparison(comparison)
    compared = sum(comparison.equal for comparison in comparisons)
    different = sum(len(comparison.different) for comparison in comparisons)
    print(f"{compared} cells are equal, {different} are different")
    return 0 if compared and not different else 1


def print_comparison(comparison):
    clusters = ", ".join(comparison.clusters) or "no cluster"
    print(f"by {comparison.unit.lower()}: {comparison.equal} cells of {clusters} are equal")
    if comparison.clusters_left_out:
        print(f"  left out, because no log was given: {', '.join(comparison.clusters_left_out)}")
    for difference in comparison.different:
        print(f"  different: {difference}")


if __name__ == "__main__":
    main()
