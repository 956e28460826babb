"""The clock of `clock.c`: what a process needs in its environment to have it, and how it is moved."""

import mmap
import struct
import time
from pathlib import Path

import disk

SOURCE = Path(__file__).with_name("clock.c")
SECONDS = struct.Struct("=q")


class Clock:
    """A wall clock that is right until it is moved."""

    def __init__(self, path):
        path.write_bytes(SECONDS.pack(0))
        with path.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), SECONDS.size)
        self.environment = {"LD_PRELOAD": str(disk.compiled(SOURCE)), "CLOCK_OFFSET": str(path)}

    def move(self, offset_seconds):
        """Makes it so much faster than the machine's."""
        self._offset[:] = SECONDS.pack(offset_seconds)

    def now(self):
        return time.time() + SECONDS.unpack(self._offset[:])[0]
