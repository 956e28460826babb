"""SIGKILL at every call with which the program touches a file: while it takes records in, and again while it recovers.

Twice over: strace counts system calls in each thread and kills at the N-th, in the kernel, with nothing in the program's
way; the disk of `disk.c` counts over all threads, and can also kill after a call and in the middle of a write.
"""

import random
import shutil
import subprocess
from dataclasses import dataclass

import served
from campaign import NOT_REACHED, complain, spread
from client import GONE, Client, Failed
from disk import CALLS, CHANGES, disk, faults
from recovery import Story, check, tell
from served import Ended, Server
from workload import SMALL, TINY, operations

SYSTEM_CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "openat", "unlink", "ftruncate")
KINDS = ("kill", "late", "torn")


@dataclass(frozen=True)
class Point:
    """A kill: by which tool, at which call, in which phase, of which workload."""

    tool: str
    call: str
    number: int
    phase: str
    workload: int


def campaign(setting):
    require_strace()
    rng = random.Random(setting.seed)
    killer = Killer(setting)
    for phase, title in phases():
        for tool, name in (("strace", "kill -9 (strace)"), ("disk", "kill -9 (disk)")):
            wanted = setting.size(sample=60, full=2_500)
            points = killer.points(tool, phase, wanted if setting.is_full else 0)
            points = points if setting.is_full else spread(points, wanted, rng)
            setting.attack(f"{name} {title}", killer.attack, points)


def phases():
    yield "ingest", "while records arrive"
    yield "restart", "during the restart after one"
    if served.has_command("seal"):
        yield "seal", "while records are sealed"


def require_strace():
    """Fails with what to do when strace is missing or may not trace."""
    if not shutil.which("strace"):
        complain("strace is not installed", "scripts/durability-tools installs it; on Debian: apt-get install strace")
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        complain(
            f"strace may not trace processes here: {tried.stderr.strip()}",
            "allow ptrace, in a container with --cap-add=SYS_PTRACE; without it nothing is known about kill -9",
        )


def strace(call, number=None, log="/dev/null"):
    """What stands before a command to have it killed at a call. The command stays the child of whoever starts it."""
    traced = ["strace", "-D", "-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", "signal=none"]
    return traced if number is None else [*traced, "-e", f"inject={call}:signal=SIGKILL:when={number}"]


class Killer:
    def __init__(self, setting):
        self.setting = setting
        self.template = setting.template()
        self.place = setting.scratch / "counting"
        self.left = {}

    def points(self, tool, phase, count_least):
        """All points of one workload, or of as many as it takes."""
        points, workload = [], self.setting.seed
        while not points or len(points) < count_least:
            points += self._sweep(tool, phase, workload)
            workload += 1
        return points

    def _sweep(self, tool, phase, workload):
        if phase != "ingest":
            self._leave(workload)
        if tool == "strace":
            for call in SYSTEM_CALLS:
                for number in range(1, self._count_traced(call, phase, workload) + 1):
                    yield Point(tool, call, number, phase, workload)
        else:
            for kind in KINDS:
                calls = {"kill": CALLS.replace("r", ""), "late": CHANGES, "torn": "w"}[kind]
                for number in range(1, self._count(calls, phase, workload) + 1):
                    yield Point(tool, f"{kind}@{calls}", number, phase, workload)

    def _count(self, calls, phase, workload):
        report = self.setting.scratch / "report"
        report.unlink(missing_ok=True)
        self._run(self.place, phase, workload, disk(self.place, f"none@{calls}:1", report=report))
        return faults(report)[1]

    def _count_traced(self, call, phase, workload):
        log = self.setting.scratch / "trace"
        self._run(self.place, phase, workload, prefix=strace(call, log=log))
        threads = {}
        for line in log.read_text(errors="replace").splitlines():
            if f" {call}(" in line:
                threads[line.split()[0]] = threads.get(line.split()[0], 0) + 1
        return max(threads.values(), default=0)

    def _leave(self, workload):
        """Leaves a folder behind that was killed at some call, for restarts."""
        if workload in self.left:
            return
        rng = random.Random(workload)
        folder = self.setting.scratch / f"left-{workload}"
        fault = f"{rng.choice(KINDS)}@w:{rng.randint(20, 90)}"
        story, _ = self._run(folder, "ingest", workload, disk(folder, fault))
        self.left[workload] = (folder, story)

    def _run(self, folder, phase, workload, disk_variables=None, prefix=()):
        """Starts a server, does what belongs to the phase, and ends it in good order if it lives that long."""
        if phase == "ingest":
            self.template.copy(folder)
            story = Story(operations(workload, SMALL if self.setting.is_full else TINY))
        else:
            left, before = self.left[workload]
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(left, folder)
            story = Story(before.operations, list(before.outcomes))
        if phase == "seal":
            return story, served.seal(folder, disk_variables, prefix, check=False).returncode == 0
        try:
            server = Server(folder, disk_variables, prefix)
        except Ended:
            return story, False
        client = Client(server.endpoint, self.template.key, self.template.farm_id)
        try:
            if phase == "ingest":
                tell(client, story)
            else:
                client.rows()
        except (*GONE, Failed):
            pass
        client.close()
        return story, server.stop() == 0

    def attack(self, point, place):
        disk_variables, prefix = None, ()
        if point.tool == "strace":
            prefix = strace(point.call, point.number)
        else:
            disk_variables = disk(place, f"{point.call}:{point.number}")
        story, is_untouched = self._run(place, point.phase, point.workload, disk_variables, prefix)
        if is_untouched:
            return NOT_REACHED
        wrong = None
        if point.phase == "seal":
            wrong = check(place, self.template.key, self.template.farm_id, story, send_again=False)
            served.seal(place)
        return wrong or check(place, self.template.key, self.template.farm_id, story)
