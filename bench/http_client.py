"""A thin signed client and the server that it asks."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import re
import socket
import subprocess
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import program

READY = "farmtally is serving on "
LINK = re.compile(r"http://\S+/\?token=\S+")
CONTENT_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@functools.cache
def exported_by(binary: Path, folder: Path) -> dict[str, str]:
    """The key and the region that `farmtally env` prints for a shell; asked once, so that no measurement contains it again."""
    shown = subprocess.run([str(binary), "env", "--data-dir", str(folder)], check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"export (\w+)='?([^'\n]*)'?", shown))


class Server:
    """`farmtally serve` over a folder."""

    def __init__(self, binary: Path, folder: Path, *flags: str) -> None:
        command = [str(binary), "serve", "--data-dir", str(folder), "--listen", "127.0.0.1:0",
                   "--key-requests-per-second-max", "0", *flags]
        # A file and no pipe: nobody reads on, and a full pipe would stop the server.
        self.told = tempfile.NamedTemporaryFile("w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.told, text=True
        )
        line = self.process.stdout.readline()
        if not line.startswith(READY):
            raise RuntimeError(f"the server printed {line!r} when it should be ready")
        self.endpoint = line.removeprefix(READY).strip()

    @property
    def link(self) -> str:
        """The link of the page, with its token."""
        return LINK.search(Path(self.told.name).read_text())[0]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def cpu_seconds(self) -> float:
        """Processor time of the server so far, in user and system mode."""
        return program.cpu_seconds(self.process.pid)


class Client:
    """One connection that stays open, and the key of the folder's owner."""

    def __init__(self, server: Server, binary: Path, folder: Path) -> None:
        url = urlsplit(server.endpoint)
        self.host = url.netloc
        self.socket = socket.create_connection((url.hostname, url.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        # Kept, because to have room found for each answer takes longer than some answers take.
        self.room = memoryview(bytearray(1 << 20))
        exported = exported_by(binary, folder)
        self.key_id, self.secret = exported["AWS_ACCESS_KEY_ID"], exported["AWS_SECRET_ACCESS_KEY"]
        self.region = exported["AWS_REGION"]

    def get(self, target: str) -> dict:
        """The JSON of a signed Get."""
        return self.json(self.signed("GET", target))

    def post(self, target: str, body: dict) -> dict:
        """The JSON of a signed Post."""
        return self.admitted(self.signed("POST", target, json.dumps(body).encode()))

    def admitted(self, request: bytes) -> dict:
        """The JSON that answers a request; one that is throttled is sent again."""
        while True:
            head, answer = self.exchange(request)
            if b" 429 " not in head.split(b"\r\n", 1)[0]:
                return self.checked(head, answer)
            time.sleep(0.01)

    def json(self, request: bytes) -> dict:
        """The JSON that answers a request."""
        return self.checked(*self.exchange(request))

    @staticmethod
    def checked(head: bytes, answer: bytes) -> dict:
        """The answer, unless it is an error."""
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{head.decode()}\n{answer.decode()}")
        return json.loads(answer)

    def signed(self, method: str, target: str, body: bytes = b"") -> bytes:
        """A request with its Signature Version 4, ready to be sent as often as wanted for five minutes."""
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        path, _, query = target.partition("?")
        query = "&".join(sorted(query.split("&"))) if query else ""
        hashed = hashlib.sha256(body).hexdigest()
        canonical = f"{method}\n{path}\n{query}\nhost:{self.host}\nx-amz-date:{now}\n\nhost;x-amz-date\n{hashed}"
        scope = f"{now[:8]}/{self.region}/deadline/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
        )
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\nX-Amz-Date: {now}\r\n"
            f"Authorization: {authorization}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Sends a request and reads its answer: head and body."""
        self.socket.sendall(request)
        return self.read_answer()

    def exchange_many(self, request: bytes, times: int) -> None:
        """Sends a request so many times, each after the answer to the one before."""
        for _ in range(times):
            head, _ = self.exchange(request)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())

    def read_answer(self) -> tuple[bytes, bytes]:
        """Head and body of the next answer on the connection."""
        while b"\r\n\r\n" not in self.received:
            self.receive()
        head, _, rest = self.received.partition(b"\r\n\r\n")
        length = int(CONTENT_LENGTH.search(head)[1])
        while len(rest) < length:
            self.received = b""
            self.receive()
            rest += self.received
        self.received = rest[length:]
        return head, rest[:length]

    def receive(self) -> None:
        """Reads what has arrived."""
        count = self.socket.recv_into(self.room)
        if not count:
            raise RuntimeError("the server closed the connection")
        self.received += self.room[:count]
