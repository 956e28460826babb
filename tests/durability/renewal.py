"""A folder of before version 7, whose catalogue is written anew when it is opened first: killed and cut from power meanwhile.

Whatever is left has to open to the same farm, the same records and the same `verify`, with what an older program had left in
the log.
"""

import random
import shutil
import sqlite3

import served
from campaign import NOT_REACHED, Count, spread
from crash_image import Disk, different_images, read_log, write_image
from disk import CALLS, CHANGES, disk, faults

SAMPLE = served.REPOSITORY / "crates/store/tests/format/v6"
FARM = "feature film"
# Without the key of the sample, which opens nothing; and rows of which half are gone, so that the pages of a file that is written anew are other ones.
IN_THE_FILE = """
    DELETE FROM access_keys;
    WITH RECURSIVE numbers (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM numbers WHERE number < 400)
    INSERT INTO settings SELECT 'note-' || number, randomblob(300) FROM numbers;
    DELETE FROM settings WHERE name LIKE 'note-%' AND random() % 2 = 0;
    PRAGMA wal_checkpoint(TRUNCATE)"""
# In the log alone: other pages of these rows, and a factor of 1.7, in units of 1e-9, where the sample has 1.5.
IN_THE_LOG = """
    UPDATE settings SET value = randomblob(400) WHERE name LIKE 'note-%';
    UPDATE farms SET cost_scale_nanos = 1700000000"""
KILLS = (("kill", CALLS.replace("r", "")), ("late", CHANGES), ("torn", "w"))


def campaign(setting):
    renewal = Renewal(setting)
    rng = random.Random(setting.seed)
    kills = [f"{kind}@{calls}:{number}" for kind, calls in KILLS for number in range(1, renewal.count(calls) + 1)]
    setting.attack("kill -9 (disk) in writing the catalogue anew", renewal.kill, spread(kills, setting.size(20, len(kills)), rng))
    moments = range(1, len(renewal.events) + 1)
    moments = spread(list(moments), setting.size(12, len(moments)), rng)
    setting.attack("power loss in writing the catalogue anew", renewal.cut, [(at, setting.size(4, 64)) for at in moments])


class Renewal:
    def __init__(self, setting):
        self.setting = setting
        self.older = setting.scratch / "older"
        self._make_older()
        place, log = self._copy(setting.scratch / "renewed"), setting.scratch / "renewed.disk"
        self._open(place, disk(place, log=log))
        self.events = read_log(log, place)
        self.expected = self._told(place)
        assert "1.7" in self.expected[0] and "everything agrees" in self.expected[1], self.expected

    def _make_older(self):
        """The sample, with a log as a kill leaves it."""
        made = self.setting.scratch / "made"
        shutil.copytree(SAMPLE, made)
        connection = sqlite3.connect(made / "catalogue.sqlite", isolation_level=None)
        connection.executescript(IN_THE_FILE)
        connection.executescript(IN_THE_LOG)
        shutil.copytree(made, self.older, ignore=shutil.ignore_patterns("*-shm"))
        connection.close()
        assert (self.older / "catalogue.sqlite-wal").stat().st_size > 0

    def _copy(self, place):
        shutil.rmtree(place, ignore_errors=True)
        return shutil.copytree(self.older, place)

    @staticmethod
    def _open(folder, variables=None):
        """A command that does no more than it takes to open the catalogue."""
        return served.run(folder, "farm", "list", disk=variables, check=False)

    def _told(self, folder):
        """All that is in a folder, as it says itself."""
        farms, figures = self._open(folder), served.run(folder, "verify", check=False)
        shutil.rmtree(output := folder.with_name("exported"), ignore_errors=True)
        months = ("--from", "1970-01", "--to", "1970-02", "--format", "jsonl", "--output", str(output))
        exported = served.run(folder, "export", "sessions", "--farm", FARM, *months, check=False)
        files = [path.read_text(encoding="utf-8") for path in sorted(output.glob("*.jsonl"))]
        codes = [done.returncode for done in (farms, figures, exported)]
        said = [done.stderr for done in (farms, figures, exported) if done.returncode]
        return farms.stdout, figures.stdout, files, codes, said

    def _look(self, folder):
        told = self._told(folder)
        return None if told == self.expected else f"it says {told} instead of {self.expected}"

    def count(self, calls):
        """How many of these calls it takes."""
        place, report = self._copy(self.setting.scratch / "counted"), self.setting.scratch / "counted.report"
        report.unlink(missing_ok=True)
        self._open(place, disk(place, f"none@{calls}:1", report=report))
        return faults(report)[1]

    def kill(self, point, place):
        self._copy(place)
        if self._open(place, disk(place, point)).returncode == 0:
            return NOT_REACHED
        return self._look(place)

    def cut(self, point, place):
        """Opens every different image of a moment; stops at the first that is wrong."""
        moment, images = point
        files = {str(path.relative_to(self.older)): path.read_bytes() for path in self.older.rglob("*") if path.is_file()}
        disk_then, seen = Disk(files), set()
        for event in self.events[:moment]:
            disk_then.apply(event)
        for number, image in different_images(disk_then, images, f"{self.setting.seed} {moment}", seen):
            shutil.rmtree(place, ignore_errors=True)
            write_image(image, place)
            if wrong := self._look(place):
                return Count(len(seen), f"moment {moment}, image {number}: {wrong}")
        return Count(len(seen), None)
