"""The disk of `disk.c` sees calls of the C library. Here strace watches the same process: whatever changes a file below the
folder in the kernel must be in the log as well, or the other campaigns would attack less than they say.
"""

import re
import shutil
import time
from collections import Counter

import served
from client import Client
from crash_image import read_log
from disk import disk
from kill import require_strace
from recovery import is_accepted, send
from served import Server
from workload import SMALL, operations

CHANGING = {
    "w": ("write", "pwrite64", "writev", "pwritev", "pwritev2"), "s": ("fsync", "fdatasync"),
    "t": ("ftruncate", "truncate", "fallocate"), "n": ("rename", "renameat", "renameat2"),
    "u": ("unlink", "unlinkat", "rmdir"), "d": ("mkdir", "mkdirat"),
}
# Ways to change or to sync files that a log could not tell.
UNSEEN = ("io_uring_setup", "io_submit", "sendfile", "splice", "copy_file_range", "sync_file_range", "syncfs", "sync", "msync", "link", "linkat", "symlink")


def campaign(setting):
    require_strace()
    begin = time.monotonic()
    place, log, trace = setting.scratch / "watched", setting.scratch / "watched.disk", setting.scratch / "watched.trace"
    place.mkdir()
    names = ",".join([name for names in CHANGING.values() for name in names] + list(UNSEEN)).replace(",", ",?")
    prefix = ["strace", "-D", "-f", "-y", "-qq", "-s", "0", "-A", "-o", str(trace), "-e", f"trace=?{names}", "-e", "signal=none"]
    variables = disk(place, log=log)
    farm_id = served.run(place / "data", "farm", "create", served.FARM, disk=variables, prefix=prefix).stdout.strip()
    key = served.key_of(served.run(place / "data", "key", "create", "--role", "admin", disk=variables, prefix=prefix).stdout)
    server = Server(place / "data", variables, prefix)
    client = Client(server.endpoint, key, farm_id)
    for operation in operations(setting.seed, SMALL):
        assert is_accepted(operation, send(client, operation)[0])
    client.rows()
    client.close()
    server.stop()
    wrong = compare(_traced(trace, place), _logged(log, place))
    for line in wrong:
        print(f"VIOLATION: {line}")
    setting.add("strace sees no call that the disk does not", sum(_logged(log, place).values()), len(wrong), time.monotonic() - begin)
    shutil.rmtree(place)


def compare(traced, logged):
    return [
        f"strace saw {traced[kind]} calls of the kind {kind}, the disk saw {logged[kind]}"
        for kind in sorted({*traced, *logged}) if traced[kind] != logged[kind]
    ]


def _logged(log, place):
    return Counter(event.kind for event in read_log(log, place) if event.kind in CHANGING)


def _traced(trace, place):
    """Successful calls on files below the folder, by kind. A call that another thread interrupted is on two lines."""
    kinds = {name: kind for kind, names in CHANGING.items() for name in names} | {name: "unseen" for name in UNSEEN}
    counts, begun = Counter(), {}
    for line in trace.read_text(errors="replace").splitlines():
        thread, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
            text = begun.pop(thread, "") + resumed[1]
        call = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", text)
        if call and int(call[3]) >= 0 and call[1] in kinds and (f"{place}/" in call[2] or f"{place}>" in call[2]):
            counts[kinds[call[1]]] += 1
    return counts
