"""The farmtally program as a person runs it: commands, a server, and the environment that `farmtally env` prints.

A server is a real process on a port that the system chose. Nothing in here knows how farmtally works inside.
"""

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path

from patience import PATIENCE_SECONDS

REPOSITORY = Path(__file__).resolve().parents[2]
READY = "farmtally is serving on "

# What a developer has set for other things must not reach the tests: profiles, endpoints, regions, proxies.
FOREIGN_VARIABLES = ("AWS_", "BOTO", "FARMTALLY_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NODE_OPTIONS")


def clean_environment():
    """This process's environment without anything that configures an AWS client, in the home folder too."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN_VARIABLES)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def environment(variables):
    """Gives this process `variables` as its whole environment for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# Read once: a test that sets its environment to a user's must not lose the program.
BINARY = Path(os.environ.get("FARMTALLY_BINARY", REPOSITORY / "target/release/farmtally")).absolute()


def run(*arguments, stdin=None, check=True):
    """Runs `farmtally <arguments>` to its end."""
    if not BINARY.is_file():
        raise FileNotFoundError(f"{BINARY} is not there; run `cargo build --release --locked` or set FARMTALLY_BINARY")
    command = [str(BINARY), *map(str, arguments)]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=clean_environment()
    )
    if check and done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Folder:
    """A data folder and the commands that work on it."""

    def __init__(self, path):
        self.path = Path(path)

    @property
    def catalogue(self):
        return self.path / "catalogue.sqlite"

    def run(self, *arguments, **options):
        return run(*arguments, "--data-dir", self.path, **options)

    def import_lines(self, farm, lines, *flags):
        """Imports JSON Lines, given as their text; gives the numbers of the summary."""
        return summary(self.run("import", "--farm", farm, "--format", "jsonl", *flags, "-", stdin=lines).stdout)

    def import_files(self, farm, file_format, *files):
        """Imports files; gives the numbers of the summary."""
        return summary(self.run("import", "--farm", farm, "--format", file_format, *files).stdout)

    def key(self, role, *flags):
        """Makes a key; gives its id and its secret."""
        variables = evaluated(self.run("key", "create", "--role", role, *flags).stdout)
        return variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]

    def environment(self, *flags):
        """What a shell has after `eval "$(farmtally env --data-dir DIR)"` with nothing else configured."""
        return evaluated(self.run("env", *flags).stdout)


def summary(text):
    """The `name: number` lines of a summary."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): int(value) for name, value in pairs if value.strip().isdigit()}


def evaluated(exports):
    """A clean environment in which a shell evaluated `exports`."""
    script = 'eval "$EXPORTS" && unset EXPORTS && env -0'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS,
        env=clean_environment() | {"EXPORTS": exports},
    )
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


class Server:
    """`farmtally serve` over a folder, from its ready line to its end."""

    def __init__(self, folder, *flags, program=BINARY):
        self.folder = folder
        self.log_path = folder.path.with_name(folder.path.name + ".log")
        command = [program, "serve", "--data-dir", folder.path, "--listen", "127.0.0.1:0", *flags]
        with self.log_path.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                env=clean_environment(),
            )
        self.endpoint = self._read_endpoint()

    def _read_endpoint(self):
        timer = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line.startswith(READY):
            self.kill()
            raise AssertionError(f"the server printed {line!r} when it should be ready; its log:\n{self.log()}")
        return line.removeprefix(READY).strip()

    def environment(self):
        return self.folder.environment()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """Asks the server to end, as a service manager does; gives its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """Ends the server as a power cut does."""
        return self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end in {PATIENCE_SECONDS} s; its log:\n{self.log()}") from None
        finally:
            if not self.process.stdout.closed:
                self.rest_of_stdout = self.process.stdout.read()
                self.process.stdout.close()
        return code
