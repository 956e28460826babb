"""SIGKILL while a large import writes segments, and calls that fail meanwhile: a batch is there as a whole or not at all.

An import of so many records goes straight into segments. After each kill the same import is done again, twice: the first says
how much had been stored, the second that nothing is missing and nothing is there twice.
"""

import json
import random
import re

import served
from campaign import NOT_REACHED, spread
from disk import CALLS, CHANGES, disk, faults
from recovery import verified

# A little more than what goes straight.
SESSIONS = 66_000
MONTHS = 3
# What happens, at which calls, and whether at all later ones too.
KILLS = (("kill", CALLS.replace("r", ""), ""), ("late", CHANGES, ""), ("torn", "w", ""))
FAILURES = (("ENOSPC", "cw", ""), ("EIO", "cwsn", ""), ("ENOSPC", "cw", "+"), ("EIO", "cws", "+"))
RECONCILED = re.compile(r"reconciled: (\d+) read = (\d+) stored \+ 0 replaced \+ (\d+) unchanged \+ 0 rejected")


def campaign(setting):
    rng = random.Random(setting.seed)
    importer = Importer(setting)
    for name, kinds, sizes in (("kill -9 (disk)", KILLS, (10, 400)), ("failing calls", FAILURES, (6, 300))):
        points = spread(importer.points(kinds), setting.size(*sizes), rng)
        setting.attack(f"{name} in a large import", importer.attack, points)


class Importer:
    def __init__(self, setting):
        self.setting = setting
        self.template = setting.template()
        self.source = setting.scratch / "import.jsonl"
        self.source.write_text("".join(line(number) for number in range(SESSIONS)))

    def points(self, kinds):
        """A point for each call of each kind that an import makes."""
        place, report = self.setting.scratch / "counting-import", self.setting.scratch / "report-import"
        for kind, calls, more in kinds:
            self.template.copy(place)
            report.unlink(missing_ok=True)
            # A fault that never comes counts the calls.
            done = self.run(place, disk(place, f"none@{calls}:1", report=report))
            assert done.returncode == 0, done.stderr
            for number in range(1, faults(report)[1] + 1):
                yield f"{kind}@{calls}:{number}{more}"

    def run(self, place, disk_variables=None):
        source = ("--farm", served.FARM, "--batch", str(SESSIONS), str(self.source))
        return served.run(place, "import", *source, disk=disk_variables, check=False)

    def attack(self, point, place):
        self.template.copy(place)
        done = self.run(place, disk(place, point))
        is_told = done.returncode == 0
        if is_told and point.startswith(tuple(kind for kind, _, _ in KILLS)):
            return NOT_REACHED
        if (wrong := verified(place)) is not None:
            return f"after the fault, {wrong}"
        first, second = self.run(place), self.run(place)
        for again in (first, second):
            if again.returncode != 0 or not RECONCILED.search(again.stdout):
                return f"sent again, the import exited {again.returncode}: {again.stdout} {again.stderr}"
        read, stored, unchanged = map(int, RECONCILED.search(first.stdout).groups())
        if read != SESSIONS or unchanged not in (0, SESSIONS) or (is_told and stored):
            return f"{unchanged} of {SESSIONS} records were there, told {is_told}"
        if "= 0 stored" not in second.stdout:
            return f"records were missing after everything was sent again: {second.stdout}"
        return verified(place)


def line(number):
    """A session of one of some months, a few of which still run."""
    month, day = number % MONTHS + 1, number % 28 + 1
    session = {
        "sessionId": f"session-{number:032x}", "queueName": "comp", "fleetName": "gpu", "jobName": f"sh{number % 97:03}",
        "userId": f"user {number % 7}", "startedAt": f"2025-{month:02}-{day:02}T08:00:00Z",
        "endedAt": f"2025-{month:02}-{day:02}T09:00:{number % 60:02}.{number % 1000:03}Z",
        "usage": [{"usageType": "COMPUTE", "costInUsd": f"{number / 1000:.3f}"}],
    }
    if number % 1000 == 0:
        del session["endedAt"], session["usage"]
    return json.dumps(session) + "\n"
