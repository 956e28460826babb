"""A real farmtally server for a test: its own folder, a free port, a key, and a farm.

It is the program itself, not an imitation: what passes here passes against `farmtally serve`. Only the standard library is
needed; `FarmtallyServer.client` needs boto3.

    with FarmtallyServer() as server:
        server.import_sessions([...])
        deadline = server.client()
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

__all__ = ["CommandFailed", "Credentials", "FarmtallyServer", "ProgramNotFound", "find_program"]

READY = "farmtally is serving on "
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 20

# What is set for other things must not reach the program.
FOREIGN = ("AWS_", "FARMTALLY_")


class ProgramNotFound(Exception):
    """There is no `farmtally` to start."""


class CommandFailed(Exception):
    """The program ended with an error; its text is the program's own."""


class Credentials:
    """An access key. `repr` hides the secret, so that it does not get into logs of tests."""

    def __init__(self, access_key_id, secret_access_key):
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key

    def __repr__(self):
        return f"Credentials({self.access_key_id!r}, hidden)"


def find_program():
    """The path of the program: what FARMTALLY_BINARY names, or else `farmtally` on the PATH.

    Raises ProgramNotFound if there is none.
    """
    named = os.environ.get("FARMTALLY_BINARY")
    if named:
        if not (os.path.isfile(named) and os.access(named, os.X_OK)):
            raise ProgramNotFound(f"FARMTALLY_BINARY is `{named}`, which is no program")
        return os.path.abspath(named)
    found = shutil.which("farmtally")
    if not found:
        raise ProgramNotFound(
            "there is no `farmtally` on the PATH; install it with `cargo install --locked --path crates/cli` in a clone "
            "of its repository, or set FARMTALLY_BINARY to the program"
        )
    return found


class FarmtallyServer:
    """`farmtally serve` with a farm in a folder of its own, from `start` to `stop`; a context manager does both.

    endpoint     base URL, such as http://127.0.0.1:40123
    farm_id      id of the farm
    credentials  the folder's admin key
    region       what clients sign for
    environment  what a shell has after `eval "$(farmtally env)"`, as a dictionary of variables
    folder       the data folder, a `pathlib.Path`
    """

    def __init__(self, farm="Test Farm", sample=False, folder=None, flags=()):
        """
        farm    name of the farm that is made; ignored with `sample`
        sample  the farm of `farmtally demo`: 60,000 sessions of the last 90 days, made in a few seconds
        folder  where to keep the data, which stays; without it a temporary folder that goes away with `stop`
        flags   more flags for `farmtally serve`
        """
        self._farm = farm
        self._sample = sample
        self._flags = [str(flag) for flag in flags]
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="farmtally-")
        self.folder = Path(folder or self._temporary.name).absolute() / "data"
        self._process = self._program = None
        self.endpoint = self.farm_id = self.credentials = self.region = None
        self.environment = {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Makes the farm if it is not there, and serves it; returns the server itself."""
        if self._process is not None:
            return self
        self._program = find_program()
        try:
            if self._sample:
                self.farm_id = self._make_sample()
            else:
                self.farm_id = self.run("farm", "create", self._farm).strip()
            self.endpoint = self._serve()
            self._learn()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Ends the server in good order, and removes the folder if it was temporary."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._temporary is not None:
            self._temporary.cleanup()

    def run(self, *arguments, stdin=None):
        """Runs a command of the program on the folder and returns what it printed; raises CommandFailed."""
        command = [self._program, *map(str, arguments), "--data-dir", str(self.folder)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=_clean_environment())
        if done.returncode != 0:
            raise CommandFailed(f"`farmtally {' '.join(map(str, arguments))}` exited {done.returncode}\n{done.stderr.strip()}")
        return done.stdout

    def import_sessions(self, records):
        """Stores sessions and volumes, each a dictionary in the schema of `docs/sessions.md`. Returns how many are new.

        Raises CommandFailed, and says why, if any of them is refused; the others are stored.
        """
        lines = "".join(json.dumps(record) + "\n" for record in records)
        rejects = self.folder.parent / "rejects.jsonl"
        arguments = ["import", "--farm", self.farm_id, "--format", "jsonl", "--strict", "--rejects", rejects, "-"]
        try:
            printed = self.run(*arguments, stdin=lines)
        except CommandFailed as failure:
            refused = rejects.read_text(encoding="utf-8") if rejects.exists() else ""
            raise CommandFailed(f"{failure}\n{refused}".strip()) from None
        counts = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
        return int(counts["stored"])

    def client(self, service="deadline", **arguments):
        """A boto3 client of this server. `arguments` go to `boto3.Session.client`; give more configuration as `config`."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise ImportError("`FarmtallyServer.client` needs boto3: `pip install boto3`") from error
        # Clients put `management.` before the host name, and there is no such host here.
        config = Config(inject_host_prefix=False)
        if "config" in arguments:
            config = config.merge(arguments.pop("config"))
        session = boto3.session.Session(
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
            region_name=self.region,
        )
        return session.client(service, endpoint_url=self.endpoint, config=config, **arguments)

    def log(self):
        """What the server wrote into its log."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def _log_path(self):
        return self.folder.parent / "server.log"

    def _make_sample(self):
        """`demo` makes the farm before it prints its first line. Gives the farm's id."""
        _end(self._popen("demo", "--listen", "127.0.0.1:0")[0])
        farms = (line.split("\t") for line in self.run("farm", "list").splitlines())
        return next(farm_id for farm_id, name, _ in farms if name == "Demo Farm")

    def _serve(self):
        self._process, line = self._popen("serve", "--listen", "127.0.0.1:0", *self._flags)
        if not line.startswith(READY):
            raise CommandFailed(f"the server printed {line!r} when it should be ready; its log:\n{self.log()}")
        return line[len(READY):].strip()

    def _popen(self, *arguments):
        """Starts a command that goes on; returns it with the first line that it printed."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [self._program, *arguments, "--data-dir", str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=_clean_environment(),
            )
        # One that hangs ends instead, and then the line is empty.
        timer = threading.Timer(START_SECONDS_MAX, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            _end(process)
            raise CommandFailed(f"`farmtally {arguments[0]}` ended with {process.returncode}\n{self.log().strip()}")
        return process, line

    def _learn(self):
        """Reads key and region as anybody would."""
        exports = shlex.split(self.run("env"))
        self.environment = dict(word.split("=", 1) for word in exports if word != "export")
        self.region = self.environment["AWS_REGION"]
        self.credentials = Credentials(
            self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
        )


def _clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def _end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
