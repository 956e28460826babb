"""Power cuts: the disk as it may be after one, at every moment of a run, and of the recovery from an earlier one.

A run is recorded once: commands that make the farm and its key, servers that take records in until they are stopped, or
killed, or fail to sync. From the record come as many images as are wanted, each opened by the program and compared with
what had been acknowledged at that moment. An image whose recovery is recorded in turn gives images of a power cut there.
"""

import random
import shutil
from dataclasses import dataclass

from campaign import Count
from client import GONE, Client, Failed
from crash_image import Disk, different_images, read_log, write_image
from disk import disk
from recorded_run import DATA, Run, open_young, record
from recovery import Story, check
from served import Ended, Server
from workload import LARGE, SMALL, operations

IMAGES_SAMPLED, IMAGES_FULL = 4, 16
MOMENTS_OF_A_POINT = 12


@dataclass(frozen=True)
class Moments:
    """Some moments of a run, and how many images are made of each."""

    run: int
    moments: tuple
    images: int
    seed: int
    lies: bool = False

    def __str__(self):
        return f"run {self.run}, moments {self.moments[0]} to {self.moments[-1]}"


def campaign(setting):
    cutter = Cutter(setting)
    wanted = setting.size(sample=500, full=50_000)
    cutter.attack("power loss at any moment", SMALL, wanted, lambda rng: ())
    cutter.attack("power loss after kill -9 and a restart", SMALL, wanted // 2, kills)
    cutter.attack("power loss after a failed sync and a restart", SMALL, wanted // 2, failed_syncs)
    cutter.attack("power loss while the log is moved", LARGE, wanted // 8, lambda rng: ())
    cutter.attack_recoveries("power loss during recovery from one", wanted // 4)
    cutter.find_liar("power loss on a disk that lies is found")


def kills(rng):
    return [f"{rng.choice(('kill', 'late', 'torn'))}@{rng.choice(('w', 'w', 's', 'wstnu'))}:{rng.randint(2, 40)}" for _ in range(6)]


def failed_syncs(rng):
    return [f"EIO@s:{rng.randint(1, 12)}" for _ in range(4)]


class Cutter:
    def __init__(self, setting):
        self.setting = setting
        self.runs = []

    def attack(self, name, shape, wanted, faults):
        """In full, some images of every moment of as many runs as it takes; in a sample, of moments here and there."""
        points, images, rng = [], 0, random.Random(f"{self.setting.seed} {name}")
        for workload in range(self.setting.seed, self.setting.seed + 10_000):
            run = record(self.setting.scratch / "recorded", operations(workload, shape), faults(rng))
            self.runs.append(run)
            points += self._points(run, wanted, rng)
            images = sum(point.images * len(point.moments) for point in points)
            if images >= wanted:
                break
        self.setting.attack(name, self.attack_moments, points)

    def _points(self, run, wanted, rng):
        moments = [at for at, event in enumerate(run.events, 1) if event.kind != "A"]
        if self.setting.is_full:
            images = IMAGES_FULL
        else:
            images = IMAGES_SAMPLED
            moments = sorted(rng.sample(moments, min(len(moments), wanted // (2 * images) + 1)))
        return self._in_parts(moments, images, rng)

    def _in_parts(self, moments, images, rng):
        parts = range(0, len(moments), MOMENTS_OF_A_POINT)
        run = len(self.runs) - 1
        return [Moments(run, tuple(moments[at : at + MOMENTS_OF_A_POINT]), images, rng.getrandbits(32)) for at in parts]

    def attack_moments(self, point, place):
        """Opens every different image; stops at the first that is wrong."""
        run, seen = self.runs[point.run], set()
        disk_now, at = Disk(run.files, point.lies), 0
        for moment in point.moments:
            for event in run.events[at:moment]:
                disk_now.apply(event)
            at = moment
            images = different_images(disk_now, point.images, f"{point.seed} {moment}", seen, run.known(moment))
            for number, image in images:
                wrong = self._open(run, moment, image, place, send_again=len(seen) % 4 == 1)
                if wrong:
                    return Count(len(seen), f"moment {moment}, image {number} of {point.seed}: {wrong}")
        return Count(len(seen), None)

    @staticmethod
    def _open(run, moment, image, place, send_again):
        shutil.rmtree(place, ignore_errors=True)
        write_image(image, place)
        if moment < run.key_known:
            return open_young(run, moment, place / DATA)
        story = Story(run.operations).with_outcomes(*run.known(moment))
        return check(place / DATA, run.key, run.farm_id, story, send_again)

    def attack_recoveries(self, name, wanted):
        """Cuts the power at some moments, records how the program recovers, and cuts it again there."""
        rng = random.Random(f"{self.setting.seed} recoveries")
        points, images = [], 0
        sources = [run for run in self.runs if sum(len(event.data) for event in run.events) < 1 << 22]
        while images < wanted:
            run = rng.choice(sources)
            recovery = self._record_recovery(run, rng.randint(run.key_known, len(run.events)), rng)
            if recovery is None or not recovery.events:
                continue
            self.runs.append(recovery)
            moments = list(range(1, len(recovery.events) + 1))
            if not self.setting.is_full:
                moments = sorted(rng.sample(moments, min(len(moments), MOMENTS_OF_A_POINT)))
            made = self._in_parts(moments, IMAGES_FULL // 2 if self.setting.is_full else 2, rng)
            images += sum(point.images * len(point.moments) for point in made)
            points += made
        self.setting.attack(name, self.attack_moments, points)

    def _record_recovery(self, run, moment, rng):
        """The run from an image of the moment to a server that answered and was stopped."""
        disk_then = Disk(run.files)
        for event in run.events[:moment]:
            disk_then.apply(event)
        image = disk_then.image(rng)
        place, log = self.setting.scratch / "recovered", self.setting.scratch / "recovered.disk"
        shutil.rmtree(place, ignore_errors=True)
        log.unlink(missing_ok=True)
        write_image(image, place)
        try:
            server = Server(place / DATA, disk(place, log=log))
        except Ended:
            return None  # That is a point of the campaigns before.
        client = Client(server.endpoint, run.key, run.farm_id)
        try:
            client.rows()
        except (*GONE, Failed):
            return None
        finally:
            client.close()
            server.stop()
        files = {path: content for path, content in image.items() if content is not None}
        return Run(read_log(log, place), run.operations, run.key, run.farm_id, files=files, always=run.known(moment))

    def find_liar(self, name):
        """The campaign itself under test: when no sync has an effect, it has to find losses."""
        run = self.runs[0]
        half = len(run.events) // 2
        points = [Moments(0, tuple(range(half, len(run.events), 7)), 4, self.setting.seed, lies=True)]

        def must_be_found(point, place):
            wrong = self.attack_moments(point, place).wrong
            return None if wrong else "nothing was lost although no sync was believed"

        self.setting.attack(name, must_be_found, points)
