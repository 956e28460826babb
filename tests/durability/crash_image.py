"""A disk rebuilt from the log of `disk.c`: what it holds for certain at a moment, and what a power cut may leave of the rest.

The rules are harsher than those of usual file systems, and are what POSIX promises:

- A write is certain when the file was synced after it. Until then each of its sectors may be there or not, in any order.
- A file that grew may have its new length and not its new bytes: zeros, or whatever was on the disk before.
- A name (created, renamed, removed) is certain when its folder was synced after it, whatever is done to the file.
- After a sync that failed, the writes before it may be lost for ever: a later sync that succeeds does not bring them back.
"""

import hashlib
import random
import struct
from dataclasses import dataclass, field
from pathlib import PurePosixPath

HEADER = struct.Struct("<IBBHqII")
MAGIC = 0x4B534944


@dataclass(frozen=True)
class Event:
    """A line of the log. Paths are relative to the folder; its own is empty."""

    kind: str
    path: str
    number: int = 0
    data: bytes = b""


class Unrecorded(Exception):
    """The program did something to its files that the log cannot tell."""


def read_log(path, folder):
    """The events of a log, in their order."""
    bytes_, offset, events = path.read_bytes(), 0, []
    while offset < len(bytes_):
        magic, kind, _, path_length, number, data_length, _ = HEADER.unpack_from(bytes_, offset)
        assert magic == MAGIC, f"the log is broken at byte {offset}"
        offset += HEADER.size
        name = bytes_[offset : offset + path_length].decode()
        offset += path_length
        data = bytes_[offset : offset + data_length]
        offset += data_length
        if chr(kind) == "!":
            raise Unrecorded(name)
        events.append(Event(chr(kind), name if chr(kind) == "A" else _inside(name, folder), number, data))
        if chr(kind) == "n":
            events[-1] = Event("n", _inside(name, folder), number, _inside(data.decode(), folder).encode())
    return events


def _inside(path, folder):
    # A file whose name is gone is written to for nothing; the system marks it.
    relative = str(PurePosixPath(path).relative_to(folder))
    return "" if relative == "." else relative


@dataclass(eq=False)
class File:
    """Bytes that are certain, and what was done to them since: `(offset, bytes)`, or a length."""

    certain: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)

    def sync(self):
        for change in self.pending:
            _do(self.certain, change)
        self.pending = []


FOLDER = "folder"


def _do(content, change):
    if isinstance(change, int):
        if change < len(content):
            del content[change:]
        else:
            content.extend(bytes(change - len(content)))
        return
    offset, data = change
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk:
    """The folder as the log tells it, event by event."""

    def __init__(self, files=None, lies=False):
        self.names = {path: File(bytearray(content)) for path, content in (files or {}).items()}
        for path in list(self.names):
            self.names |= {str(parent): FOLDER for parent in PurePosixPath(path).parents if str(parent) != "."}
        self.certain_names = dict(self.names)
        self.pending_names = []
        self.lies = lies

    def apply(self, event):
        kind, path = event.kind, event.path
        if kind == "o":
            self._name((None, path, File()))
        elif kind == "d":
            self._name((None, path, FOLDER))
        elif kind == "n":
            self._name((path, event.data.decode(), self.names[path]))
        elif kind == "u":
            self._name((path, None, self.names[path]))
        elif kind in "sx":
            self._sync(path, failed=kind == "x")
        elif kind in "wt" and path in self.names:
            self.names[path].pending.append(event.number if kind == "t" else (event.number, event.data))

    def _name(self, change):
        _rename(self.names, change)
        self.pending_names.append(change)

    def _sync(self, path, failed):
        if self.lies:
            return
        if path == "" or self.names.get(path) is FOLDER:
            if not failed:
                self._sync_folder(path)
        elif path in self.names:
            if failed:
                self.names[path].pending = []
            else:
                self.names[path].sync()

    def _sync_folder(self, path):
        left = []
        for change in self.pending_names:
            if path in (_parent(change[1]), _parent(change[0])):
                _rename(self.certain_names, change)
            else:
                left.append(change)
        self.pending_names = left

    @property
    def is_settled(self):
        """Whether a power cut now can leave one image only."""
        return not self.pending_names and not any(file is not FOLDER and file.pending for file in self.names.values())

    def image(self, rng):
        """The files that a power cut at this moment leaves: {path: bytes}, and the folders with None."""
        names = self._names_left(rng)
        how = Survival(rng)
        return {path: None if file is FOLDER else how.content(file) for path, file in sorted(names.items())}

    def _names_left(self, rng):
        names, fate = dict(self.certain_names), rng.choice(("none", "all", "prefix", "some"))
        changes = self.pending_names
        if fate == "none":
            changes = []
        elif fate == "prefix":
            changes = changes[: rng.randint(0, len(changes))]
        elif fate == "some":
            changes = _some_names(changes, rng)
        for change in changes:
            _rename(names, change)
        return _with_their_folders(names)


def _parent(path):
    return None if path is None else "" if "/" not in path else path.rsplit("/", 1)[0]


def _rename(names, change):
    old, new, file = change
    if old is not None and names.get(old) is file:
        del names[old]
    if new is not None:
        names[new] = file


def _some_names(changes, rng):
    """Changes of different names are independent; of the changes of one name, the first ones."""
    lost, kept = set(), []
    for change in changes:
        mine = {change[0], change[1]} - {None}
        if mine & lost or rng.random() < 0.5:
            lost |= mine
        else:
            kept.append(change)
    return kept


def _with_their_folders(names):
    return {
        path: file for path, file in names.items()
        if all(str(parent) in names for parent in PurePosixPath(path).parents if str(parent) != ".")
    }


class Survival:
    """How one power cut treats what was not synced."""

    def __init__(self, rng):
        self.rng = rng
        self.fate = rng.choice(("none", "all", "prefix", "some", "some", "most", "few"))
        self.share = {"some": 0.5, "most": 0.9, "few": 0.1}.get(self.fate)
        self.sector = rng.choice((512, 4096))
        self.garbage = rng.random() < 0.25

    def content(self, file):
        content, changes = bytearray(file.certain), file.pending
        if self.fate == "none" or not changes:
            return bytes(content)
        if self.fate == "prefix":
            whole = self.rng.randint(0, len(changes))
            for change in changes[:whole]:
                _do(content, change)
            for change in changes[whole : whole + 1]:
                self._tear(content, change, 0.5)
        else:
            for change in changes:
                if self.fate == "all":
                    _do(content, change)
                else:
                    self._tear(content, change, self.share)
        return bytes(content)

    def _tear(self, content, change, share):
        """Some sectors of a write, and perhaps the length that it gave the file."""
        if isinstance(change, int):
            if self.rng.random() < share:
                _do(content, change)
            return
        offset, data = change
        end = offset + len(data)
        if end > len(content) and self.rng.random() < 0.5:
            missing = end - len(content)
            content.extend(self.rng.randbytes(missing) if self.garbage else bytes(missing))
        at = offset
        while at < end:
            sector_end = min(end, (at // self.sector + 1) * self.sector)
            if self.rng.random() < share:
                _do(content, (at, data[at - offset : sector_end - offset]))
            at = sector_end


def different_images(disk, count, name, seen, known=None):
    """Images that a power cut may leave now, at most so many, each with its number: those that were not seen before with what is
    known. `name` makes them the same ones each time."""
    for number in range(1 if disk.is_settled else count):
        image = disk.image(random.Random(f"{name} {number}"))
        mark = (known, digest(image))
        if mark not in seen:
            seen.add(mark)
            yield number, image


def digest(image):
    """A short text that is the same for the same image only."""
    hashed = hashlib.blake2b(digest_size=16)
    for path, content in image.items():
        hashed.update(f"{path} {-1 if content is None else len(content)} ".encode())
        hashed.update(content or b"")
    return hashed.digest()


def write_image(image, folder):
    """Puts an image where a program can open it."""
    folder.mkdir(mode=0o700)
    for path, content in image.items():
        target = folder / path
        if content is None:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o600)
