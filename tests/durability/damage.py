"""Bit rot, and files that are not the ones that were written: each must end in an error with a message, or in the very
answer that was there before. An answer that differs, or rows that are gone without a word, is a violation.

Two things cannot be told from what is right. A folder of which everything is older is a backup that was restored: it has to give
the older answer as a whole. And damage at the very end of the log of a killed server looks like what a power cut leaves: a few of
the last changes may be gone, and all before them have to be there.
"""

import random
import shutil
from dataclasses import dataclass

import served
from campaign import spread
from client import GONE, Client, Failed
from farm_model import FarmModel, difference
from recovery import is_accepted, send
from served import Ended, Server, Template
from workload import LARGE, SMALL, operations

LOG = "catalogue.sqlite-wal"
# Changes at its end that damage there may take away.
LAST = 3
# What a running server has, and what is written anew by each.
FLEETING = ("lock", "endpoint")


@dataclass(frozen=True)
class Point:
    """What is done to which file of which folder."""

    store: str
    file: str
    how: str
    at: int = 0
    bit: int = 0


def campaign(setting):
    rot = Rot(setting)
    rng = random.Random(setting.seed)
    bytes_ = [Point("small", file, "flip", at, rng.randrange(8)) for file, size in rot.files("small") for at in range(size)]
    setting.attack("a flipped bit in any byte, small store", rot.attack, spread(bytes_, setting.size(400, len(bytes_)), rng))
    kinds = ("flip", "flip", "flip", "zeros", "garbage")
    sizes = rot.files("large")
    points = [
        Point("large", *_anywhere(sizes, rng), rng.choice(kinds), rng.randrange(1 << 40), rng.randrange(8))
        for _ in range(setting.size(200, 100_000))
    ]
    setting.attack("random damage, larger store", rot.attack, points)
    in_log = [Point("killed", LOG, "flip", rng.randrange(1 << 40), rng.randrange(8)) for _ in range(setting.size(100, 20_000))]
    setting.attack("a flipped bit in the log of a killed server", rot.attack, in_log)
    cuts = [Point("small", file, "cut", size * part // 16) for file, size in rot.files("small") for part in range(16)]
    others = [
        Point("small", file, how, at)
        for file, _ in rot.files("small") for how, count in (("missing", 1), ("older", 1), ("foreign", 1), ("swapped", 3))
        for at in range(count)
    ]
    setting.attack("files cut, missing, older, foreign, swapped", rot.attack, cuts + others)


def _anywhere(sizes, rng):
    """A file; large ones more often."""
    return rng.choices([file for file, _ in sizes], weights=[size for _, size in sizes], k=1)


class Rot:
    def __init__(self, setting):
        self.setting = setting
        self.template = setting.template()
        self.expected, self.older = {}, None
        for name, shape in (("small", SMALL), ("large", LARGE)):
            made = operations(setting.seed, shape)
            self._fill(self.template, self._store(name), made)
            self.expected[name] = FarmModel().after(*made).rows()
        half = operations(setting.seed, SMALL)[: SMALL.requests // 2]
        self._fill(self.template, self._store("older"), half)
        self.older = FarmModel().after(*half).rows()
        other = Template(setting.scratch / "other")
        self._fill(other, self._store("foreign"), operations(setting.seed + 1, SMALL))
        made = operations(setting.seed, SMALL)
        self._fill_and_kill(self.template, self._store("killed"), made)
        self.expected["killed"] = FarmModel().after(*made).rows()
        self.without_last = [FarmModel().after(*made[:-count]).rows() for count in range(1, LAST + 1)]

    def _store(self, name):
        return self.setting.scratch / f"store-{name}"

    @staticmethod
    def _fill(template, folder, made):
        template.copy(folder)
        # In several lives, so that there are several segments, some records that are not sealed, and an end of everything.
        parts = [made[at : at + -(-len(made) // 3)] for at in range(0, len(made), -(-len(made) // 3))]
        for part in parts:
            server = Server(folder)
            client = _send_all(server, template, part)
            client.rows()
            client.close()
            server.stop()
            # A cut of it would take changes away in silence, as after a kill.
            if (folder / LOG).exists():
                raise AssertionError(f"a server that ended by itself left {LOG}: {server.log()}")
            if served.has_command("seal") and part is not parts[-1]:
                served.seal(folder)

    @staticmethod
    def _fill_and_kill(template, folder, made):
        template.copy(folder)
        server = Server(folder)
        _send_all(server, template, made).close()
        server.kill()

    def files(self, store):
        """The lasting files of a folder, and their sizes."""
        folder = self._store(store)
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in FLEETING)
        return [(str(path.relative_to(folder)), path.stat().st_size) for path in paths]

    def attack(self, point, place):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._store(point.store), place)
        self._damage(point, place)
        wrong = self._look(place, self.expected[point.store])
        others = self.without_last if point.store == "killed" else [self.older] if point.how == "older" else []
        is_right = wrong is None or any(self._look(place, other) is None for other in others)
        return None if is_right else wrong

    def _damage(self, point, place):
        target = place / point.file
        if point.how == "missing":
            target.unlink()
        elif point.how in ("older", "foreign"):
            other = self._store(point.how) / point.file
            # A file that has no other version is exchanged for one of its kind, or stays.
            candidates = [other] if other.exists() else sorted(other.parent.glob(f"*{other.suffix}"))
            if candidates:
                shutil.copyfile(candidates[0], target)
        elif point.how == "swapped":
            files = [file for file, _ in self.files(point.store) if file != point.file]
            if files:
                other = place / files[point.at % len(files)]
                mine, its = target.read_bytes(), other.read_bytes()
                target.write_bytes(its)
                other.write_bytes(mine)
        else:
            self._change(point, target)

    def _change(self, point, target):
        size = target.stat().st_size
        at = point.at % size if size else 0
        with target.open("r+b") as file:
            if point.how == "cut":
                file.truncate(point.at)
            elif point.how == "flip" and size:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << point.bit]))
            elif size:
                at = at // 512 * 512
                length = min(512, size - at)
                file.seek(at)
                file.write(bytes(length) if point.how == "zeros" else random.Random(point.at).randbytes(length))

    def _look(self, place, expected):
        try:
            server = Server(place)
        except Ended as ended:
            text = str(ended)
            return None if "error: " in text and "panicked" not in text else f"it ended without a clear message: {text}"
        client = Client(server.endpoint, self.template.key, self.template.farm_id)
        try:
            wrong = difference(expected, client.rows(may_be_young=False))
            return wrong and f"SILENT: {wrong}"
        except Failed as failed:
            return None if "FAILED" not in str(failed) or _names_something(str(failed)) else f"nothing is named: {failed}"
        except GONE as gone:
            return f"the server broke off ({gone!r}): {server.log()}"
        finally:
            client.close()
            server.kill()


def _send_all(server, template, made):
    client = Client(server.endpoint, template.key, template.farm_id)
    for operation in made:
        assert is_accepted(operation, send(client, operation)[0])
    return client


def _names_something(message):
    parts = ("batch", "catalogue", "segment", ".", "row", "manifest", "columns", "carried records")
    return any(word in message for word in parts)
