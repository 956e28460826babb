"""Compares farmtally's answers with those that Open XDMoD publishes for the same Slurm logs.

Open XDMoD's tests hold accounting logs and, for each metric, tables of what it answers about them. Its "wall hours" of
a resource are the runtime of a cluster's jobs, each job split over the days it touches: a SUM by FLEET_ID here. Logs
and tables are under Open XDMoD's licence and stay out of this repository.

Their tables are in UTC, as are the times in the logs: no offset has to be applied anywhere.
"""

import csv
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from asking import ask, question

TABLES = "reference/Jobs/resource/total_wallduration_hours/timeseries-{unit}-reference.csv"
# Fleets of one question.
FLEETS_MAX = 10


@dataclass(frozen=True)
class Table:
    """Published hours by first day of the period and by cluster, as they are printed."""

    unit: str
    cells: dict

    @property
    def clusters(self):
        return sorted({cluster for _, cluster in self.cells})

    @property
    def periods(self):
        return sorted({period for period, _ in self.cells})


@dataclass
class Comparison:
    """What came of comparing one table."""

    unit: str
    equal: int = 0
    different: list = field(default_factory=list)
    clusters: list = field(default_factory=list)
    clusters_left_out: list = field(default_factory=list)


def read_table(expected_folder, unit):
    """Reads the table of a unit, `Day` or `Month`."""
    path = Path(expected_folder) / TABLES.format(unit=unit)
    rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    header = next(row for row in rows if row[:1] == [unit])
    clusters = [re.fullmatch(r"\[(.+)\] Wall Hours: Total", title).group(1) for title in header[1:]]
    cells = {}
    for row in rows:
        if len(row) == len(header):
            cells |= {(row[0], cluster): printed for cluster, printed in zip(clusters, row[1:], strict=True)}
    return Table(unit, cells)


def first_instant(period):
    """`2016-12-22` or `2016-12` as its first instant."""
    return datetime.fromisoformat(period if len(period) == 10 else period + "-01")


def end_instant(period):
    """The first instant after a period."""
    first = first_instant(period)
    if len(period) == 10:
        return first + timedelta(days=1)
    return (first + timedelta(days=31)).replace(day=1)


def hours(client, farm_id, fleets, table):
    """Our hours by period and cluster, exact to the millisecond."""
    found = {}
    fleet_ids = sorted(fleets)
    for begin in range(0, len(fleet_ids), FLEETS_MAX):
        rows = ask(client, question(
            farm_id, fleets=fleet_ids[begin : begin + FLEETS_MAX], group_by=["FLEET_ID"],
            period={"Day": "DAILY", "Month": "MONTHLY"}[table.unit],
            startTime=first_instant(table.periods[0]), endTime=end_instant(table.periods[-1]),
        ))
        for row in rows:
            period = row["aggregationStartTime"].date().isoformat()[: len(table.periods[0])]
            seconds = Fraction(str(row["runtimeInSeconds"]["sum"]))
            found[period, fleets[row["fleetId"]]] = seconds / 3600
    return found


def rounds_to(exact, printed):
    """Whether a number, rounded to the decimals that `printed` has, may be printed so."""
    decimals = len(printed.partition(".")[2])
    return abs(exact - Fraction(printed)) <= Fraction(1, 2 * 10**decimals)


def compare(client, farm_id, expected_folder, unit):
    """Compares every cell of a table whose cluster is a fleet of the farm."""
    table = read_table(expected_folder, unit)
    listed = client.get_paginator("list_fleets").paginate(farmId=farm_id).build_full_result()["fleets"]
    fleets = {fleet["fleetId"]: fleet["displayName"] for fleet in listed}
    ours = hours(client, farm_id, fleets, table)
    comparison = Comparison(unit)
    comparison.clusters = [cluster for cluster in table.clusters if cluster in fleets.values()]
    comparison.clusters_left_out = [cluster for cluster in table.clusters if cluster not in fleets.values()]
    for (period, cluster), printed in table.cells.items():
        if cluster not in comparison.clusters:
            continue
        exact = ours.pop((period, cluster), Fraction(0))
        if rounds_to(exact, printed):
            comparison.equal += 1
        else:
            comparison.different.append(f"{period} {cluster}: published {printed}, ours {float(exact):.6f}")
    comparison.different += [
        f"{period} {cluster}: published nothing, ours {float(exact):.6f}"
        for (period, cluster), exact in ours.items() if cluster in comparison.clusters
    ]
    return comparison
