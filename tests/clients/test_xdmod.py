"""The comparison with Open XDMoD, on a log and a table made by hand.

Two clusters: `lune` runs a job over two midnights, from the 30th at 18:00 to the 1st at 06:00, and one of 90 minutes on
the 31st; `mars` runs a job of two nodes for 20 minutes. A job that never started and a job's step do not count.
"""

import pytest

import xdmod

FIELDS = (
    "{id}|{id}|{cluster}|main|normal|acct|staff|100|ada|1000|{start}|{start}|{start}|{end}|-|0:0|{state}|{nodes}|8|8|4Gn|"
    "cpu=8|cpu=8,node=1|1-00:00:00|{where}|{name}"
)
JOBS = [
    ("11", "lune", "2016-12-30T18:00:00", "2017-01-01T06:00:00", "COMPLETED", "1", "n01", "long"),
    ("12", "lune", "2016-12-31T10:00:00", "2016-12-31T11:30:00", "CANCELLED by 1000", "1", "n02", "a|name|with|bars"),
    ("12.0", "lune", "2016-12-31T10:00:00", "2016-12-31T11:30:00", "COMPLETED", "1", "n02", "step"),
    ("13", "lune", "Unknown", "Unknown", "PENDING", "1", "None assigned", "never"),
    ("14", "mars", "2016-12-31T00:00:00", "2016-12-31T00:20:00", "FAILED", "2", "m[01-02]", "pair"),
]

DAYS = """title
"Wall Hours: Total: by Resource"
parameters

start,end
2016-12-30,2017-01-01
---------
Day,"[lune] Wall Hours: Total","[mars] Wall Hours: Total","[pluto] Wall Hours: Total"
2016-12-30,6.0000,0,5.0000
2016-12-31,25.5000,0.3333,0
2017-01-01,6.0000,0,0
---------
"""
MONTHS = DAYS.split("2016-12-30,6", maxsplit=1)[0].replace("Day,", "Month,") + """\
2016-12,31.5000,0.3333,5.0000
2017-01,6.0000,0,0
---------
"""


def log_text():
    names = ("id", "cluster", "start", "end", "state", "nodes", "where", "name")
    return "".join(FIELDS.format(**dict(zip(names, job, strict=True))) + "\n" for job in JOBS)


def write_tables(folder, days, months):
    for unit, text in (("Day", days), ("Month", months)):
        path = folder / xdmod.TABLES.format(unit=unit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def slurm_site(throwaway, tmp_path):
    log = tmp_path / "slurm.log"
    log.write_text(log_text(), encoding="utf-8")
    site = throwaway(farms={})
    assert site.server.stop() == 0
    assert site.folder.import_files("clusters", "slurm", log)["stored"] == 3
    site.begin()
    return site


def compared(site, folder, unit):
    client = site.client()
    return xdmod.compare(client, client.list_farms()["farms"][0]["farmId"], folder, unit)


def test_wall_hours_of_clusters_are_what_the_tables_say(slurm_site, tmp_path):
    write_tables(tmp_path, DAYS, MONTHS)
    days, months = (compared(slurm_site, tmp_path, unit) for unit in ("Day", "Month"))
    assert (days.equal, days.different) == (6, [])
    assert (months.equal, months.different) == (4, [])
    assert (days.clusters, days.clusters_left_out) == (["lune", "mars"], ["pluto"])


def test_a_cell_that_differs_is_named(slurm_site, tmp_path):
    write_tables(tmp_path, DAYS.replace("25.5000", "25.5001"), MONTHS)
    days = compared(slurm_site, tmp_path, "Day")
    assert (days.equal, days.different) == (5, ["2016-12-31 lune: published 25.5001, ours 25.500000"])
