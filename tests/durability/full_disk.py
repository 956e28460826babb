"""Disks without room, and processes with limits: a real small file system, one that becomes read-only, RLIMIT_FSIZE, and
readers that went away.

A record is refused in a way that can be tried again, what was answered can be read again, nothing acknowledged is lost,
and when there is room the same process goes on by itself.
"""

import contextlib
import resource
import subprocess
from dataclasses import dataclass

import served
from campaign import complain
from client import GONE, Client, Failed
from recovery import ACKNOWLEDGED, UNKNOWN, Story, check, check_served, is_accepted, send
from served import Ended, Server
from workload import Shape, operations

SHAPE = Shape(requests=24, records=10, text=700)
STEP_KIB = 12
REFUSALS_MAX = 3


@dataclass(frozen=True)
class Size:
    """Room for a folder, beyond what the empty one takes."""

    kib: int
    workload: int


def campaign(setting):
    require_mounts(setting.scratch)
    attacks = FullDisk(setting)
    count = setting.size(sample=14, full=300)
    sizes = [Size(kib, setting.seed + kib) for kib in range(8, 8 + STEP_KIB * 60, STEP_KIB)]
    chosen = [sizes[at * len(sizes) // count] for at in range(count)] if count < len(sizes) else sizes * (count // len(sizes))
    # Room for one batch, and for the start of an aggregation, but not for its end.
    chosen.append(Size(116, setting.seed + 116))
    setting.attack("full disk (tmpfs), then room again", attacks.on_small_disk, chosen)
    setting.attack("limit of the file size (RLIMIT_FSIZE)", attacks.under_limit, chosen)
    setting.attack("read-only disk, then writable again", attacks.read_only, chosen[:2])
    setting.attack("readers that went away (SIGPIPE)", attacks.without_readers, ("stdout", "stderr", "http"))


def require_mounts(scratch):
    place = scratch / "mounted"
    place.mkdir()
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, text=True)
    if tried.returncode != 0:
        complain(
            f"a small file system cannot be mounted here: {tried.stderr.strip()}",
            "run this as root, or where `unshare -Urm` is allowed; without it nothing is known about full disks",
        )
    subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def mounted(place, kib):
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


class FullDisk:
    def __init__(self, setting):
        self.template = setting.template()
        self.kib = sum(-(-path.stat().st_size // 4096) * 4 for path in self.template.path.iterdir()) + 8

    def on_small_disk(self, size, place):
        log = place.with_name("log")
        with mounted(place, self.kib + size.kib):
            folder = self.template.copy(place / "data")
            story = Story(operations(size.workload, SHAPE))
            try:
                server = Server(folder, log=log)
            except Ended as ended:
                if "error: " not in str(ended):
                    return f"no clear message on a full disk: {ended}"
                remount(place, "size=64m")
                return check(folder, self.template.key, self.template.farm_id, story, log=log)
            return self._fill(server, story, lambda: remount(place, "size=64m")) or check(
                folder, self.template.key, self.template.farm_id, story, log=log
            )

    def under_limit(self, size, place):
        """The limit is lifted for the running process, as an operator would with `prlimit`."""
        folder = self.template.copy(place)
        story = Story(operations(size.workload, SHAPE))
        limit = (100 + size.kib) * 1024

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        try:
            server = Server(folder, before=limited)
        except Ended as ended:
            if "error: " not in str(ended):
                return f"no clear message below a limit: {ended}"
            return check(folder, self.template.key, self.template.farm_id, story)
        no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

        def lift():
            if server.is_alive:
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, no_limit)

        return self._fill(server, story, lift) or check(folder, self.template.key, self.template.farm_id, story)

    def _fill(self, server, story, make_room):
        """Sends until the disk refuses, looks, makes room, and goes on with the same process."""
        client = Client(server.endpoint, self.template.key, self.template.farm_id)
        try:
            refusals, answer_id, rows = 0, None, None
            # What does not end on a full disk ends when there is room.
            patience, client.patience_seconds = client.patience_seconds, 3
            for operation in story.operations:
                status, answer = send(client, operation)
                accepted = is_accepted(operation, status)
                story.outcomes.append(ACKNOWLEDGED if accepted else UNKNOWN)
                refusals += not accepted
                if not accepted and status not in (429, 500, 503):
                    return f"refused with {status} {answer}"
                if answer_id is None and accepted:
                    with contextlib.suppress(Failed):
                        rows, answer_id = client.rows(), client.last_rows
                if refusals == REFUSALS_MAX:
                    break
            if answer_id and client.rows_of(answer_id) != rows:
                return "an answer changed on a full disk"
            make_room()
            client.patience_seconds = patience
            return check_served(client, story)
        except (*GONE, Failed) as error:
            return f"{error!r}, alive: {server.is_alive}: {server.log()}"
        finally:
            client.close()
            server.kill()

    def read_only(self, size, place):
        log = place.with_name("log")
        with mounted(place, 65_536):
            folder = self.template.copy(place / "data")
            story = Story(operations(size.workload, SHAPE))
            server = Server(folder, log=log)
            client = Client(server.endpoint, self.template.key, self.template.farm_id)
            for operation in story.operations[:10]:
                send(client, operation)
                story.outcomes.append(ACKNOWLEDGED)
            client.close()
            server.kill()
            remount(place, "ro")
            try:
                Server(folder, log=log).kill()
                return "a server started on a read-only disk"
            except Ended as ended:
                if "error: " not in str(ended) or str(folder) not in str(ended) and "readonly" not in str(ended):
                    return f"no clear message on a read-only disk: {ended}"
            listed = served.run(folder, "farm", "list", check=False)
            if listed.returncode not in (0, 1) or "panicked" in listed.stderr:
                return f"`farm list` on a read-only disk: {listed}"
            remount(place, "rw")
            return check(folder, self.template.key, self.template.farm_id, story, log=log)

    def without_readers(self, which, place):
        """Whoever reads what the server prints, or asked it something, may go away."""
        folder = self.template.copy(place)
        story = Story(operations(1, SHAPE))
        pipe = subprocess.PIPE
        command = [str(served.BINARY), "serve", "--data-dir", str(folder), "--listen", "127.0.0.1:0", "--log", "trace"]
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, env=served.CLEAN)
        endpoint = process.stdout.readline().decode().removeprefix(served.READY).strip()
        if which == "stdout":
            process.stdout.close()
        process.stderr.close()
        try:
            if which == "http":
                self._leave_early(endpoint)
            client = Client(endpoint, self.template.key, self.template.farm_id)
            wrong = check_served(client, story)
            client.close()
            return wrong
        except (*GONE, Failed) as error:
            return f"{error!r}, exit code {process.poll()}"
        finally:
            process.kill()
            process.wait()

    def _leave_early(self, endpoint):
        """Asks and closes at once, so that the answer has nobody to go to."""
        for _ in range(20):
            client = Client(endpoint, self.template.key, self.template.farm_id)
            path = f"/api/v1/farms/{self.template.farm_id}/sessions"
            client.connection.request("POST", path, body=b"{}\n" * 20_000, headers=client._headers("POST", path, "", b"{}\n" * 20_000))
            client.connection.sock.close()
            client.close()
