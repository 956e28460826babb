"""A PostgreSQL of a test's own: a folder, a socket in it, a port with TLS, and never run as root."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import trustme

from patience import PATIENCE_SECONDS

USER = "postgres"
PASSWORD = "correct horse"
# Read once: threads change the environment.
PATH = os.environ["PATH"]


def programs():
    """The folder of PostgreSQL's own programs, which a Debian keeps off the PATH."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name)):
        if (folder / "initdb").is_file():
            return folder
    found = shutil.which("initdb")
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed; `scripts/test-environment` installs it")
    return Path(found).resolve().parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    """A running server with one database. By its socket everybody gets in; by its port only who has TLS and the password."""

    def __init__(self, database, fsync=False):
        # Not below pytest's own folder: PostgreSQL refuses to run as root, its user has to pass through the folders above, and
        # every pytest that begins takes that away from the others'.
        self.folder, self.database, self.bin = Path(tempfile.mkdtemp(prefix="farmtally-postgres-")), database, programs()
        self.data, self.port = self.folder / "data", free_port()
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        self._do("initdb", "--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync", "-D", self.data)
        self._make_certificates()
        rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        self._write(self.data / "pg_hba.conf", rules)
        self.options = (
            f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c ssl=on -c fsync={'on' if fsync else 'off'}"
        )
        self._begin()
        self._do("createdb", "--host", self.folder, "--port", self.port, "--username", USER, database)
        self.do(f"ALTER USER {USER} PASSWORD '{PASSWORD}'")

    def _make_certificates(self):
        """An authority, and a certificate of its for `localhost` and not for 127.0.0.1."""
        self.authority = self.folder / "authority.pem"
        authority = trustme.CA()
        server = authority.issue_cert("localhost")
        self._write(self.authority, authority.cert_pem.bytes().decode())
        self._write(self.data / "server.crt", "".join(part.bytes().decode() for part in server.cert_chain_pems))
        self._write(self.data / "server.key", server.private_key_pem.bytes().decode())
        (self.data / "server.key").chmod(0o600)

    def _write(self, path, text):
        path.write_text(text, encoding="utf-8")
        if os.geteuid() == 0:
            shutil.chown(path, USER)

    def _do(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=self.folder,
            user=USER if os.geteuid() == 0 else None, stdin=subprocess.DEVNULL,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def address(self):
        """What `farmtally import` is given on this machine."""
        return f"host={self.folder} port={self.port} user={USER} dbname={self.database}"

    def url(self, host="localhost", **parameters):
        """What it is given on another machine."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgres://{USER}@{host}:{self.port}/{self.database}?{query}"

    def do(self, statements):
        """Runs statements in one transaction; gives the rows of the last, a text each."""
        return self._do(
            "psql", "--host", self.folder, "--port", self.port, "--username", USER, "--no-psqlrc", "--quiet", "--tuples-only",
            "--no-align", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--command", statements, self.database,
        ).splitlines()

    @property
    def socket_url(self):
        """What `farmtally serve --catalogue` is given on this machine."""
        return f"postgres://{USER}@{quote(str(self.folder), safe='')}:{self.port}/{self.database}"

    def crash(self):
        """Ends it as a crash does, and starts it again."""
        self.stop()
        self._begin()

    def _begin(self):
        self._do("pg_ctl", "-D", self.data, "-w", "-o", self.options, "-l", self.folder / "log", "start")

    def stop(self):
        self._do("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def end(self):
        """Ends it and removes its folder."""
        self.stop()
        shutil.rmtree(self.folder)
