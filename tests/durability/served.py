"""The program under attack: its commands, and a server that may be killed, or may end by itself, at any moment."""

import functools
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FARMTALLY_BINARY", REPOSITORY / "target/release/farmtally"))
READY = "farmtally is serving on "
PATIENCE_SECONDS = 60
FARM = "render"

CLEAN = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


class Ended(Exception):
    """A server that ended before it was ready; what it said."""


def run(folder, *arguments, disk=None, stdin=None, check=True, prefix=()):
    """Runs a command on a folder to its end."""
    command = [*prefix, str(BINARY), *arguments, "--data-dir", str(folder)]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=CLEAN | (disk or {})
    )
    if check and done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` exited {done.returncode}: {done.stderr}")
    return done


@functools.cache
def has_command(name):
    return subprocess.run([BINARY, name, "--help"], capture_output=True, env=CLEAN).returncode == 0


def seal(folder, disk=None, prefix=(), check=True):
    """Writes everything that has ended as Parquet files, as a server does when there is enough."""
    return run(folder, "seal", disk=disk, prefix=prefix, check=check)


def make_farm(folder, disk=None):
    """Makes the farm and prints its id."""
    return run(folder, "farm", "create", FARM, disk=disk).stdout.strip()


def make_key(folder, disk=None):
    return key_of(run(folder, "key", "create", "--role", "admin", disk=disk).stdout)


def key_of(exports):
    """Id and secret out of the lines for a shell."""
    pairs = (line.removeprefix("export ").split("=", 1) for line in exports.splitlines() if "=" in line)
    values = {name: value.strip("'\"") for name, value in pairs}
    return values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]


class Server:
    """`farmtally serve`, from its ready line to its end."""

    def __init__(self, folder, disk=None, prefix=(), flags=(), before=None, log=None):
        self.log_path = Path(log or f"{folder}.log")
        command = [*prefix, str(BINARY), "serve", "--data-dir", str(folder), "--listen", "127.0.0.1:0", "--log", "error"]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=CLEAN | (disk or {}), preexec_fn=before,
            )
        self.endpoint = self._read_endpoint()

    def _read_endpoint(self):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0]:
                self.kill()
                raise AssertionError(f"the server was neither ready nor gone after {PATIENCE_SECONDS} s: {self.log()}")
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                code = self.process.wait()
                self.process.stdout.close()
                raise Ended(f"exit {code}: {self.log()}")
            line += part
        return line.decode().removeprefix(READY).strip()

    def log(self):
        text = self.log_path.read_text(encoding="utf-8", errors="replace")
        return " | ".join(line for line in text.splitlines() if not line.startswith(("Overview", "Made an admin")))[-1500:]

    @property
    def is_alive(self):
        return self.process.poll() is None

    def kill(self):
        return self._end(signal.SIGKILL)

    def stop(self):
        return self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end in {PATIENCE_SECONDS} s: {self.log()}") from None
        finally:
            self.process.stdout.close()


class Template:
    """A folder with a farm and a key and no records, to be copied: making one takes longer than attacking it."""

    def __init__(self, path):
        self.path = Path(path)
        self.farm_id = make_farm(self.path)
        self.key = make_key(self.path)

    def copy(self, path):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.path, path)
        os.chmod(path, 0o700)
        return path
