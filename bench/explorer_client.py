"""The explorer as the server sees it: a cookie, and several connections that stay open."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

from http_client import Server

CONTENT_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
ELAPSED = re.compile(rb'"elapsedMicros":(\d+)')
COOKIE = re.compile(r"set-cookie: ([^;\r\n]+)", re.IGNORECASE)
# As many as browsers open to one server.
CONNECTIONS = 6


class Page:
    """Asks as the page does."""

    def __init__(self, server: Server) -> None:
        link = urlsplit(server.link)
        self.host = link.netloc
        self.connections = [Connection(link.hostname, link.port) for _ in range(CONNECTIONS)]
        head, _ = self.connections[0].exchange(f"GET {link.path}?{link.query} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        self.cookie = COOKIE.search(head.decode())[1]
        self.farm = self.answer(self.connections[0].exchange(self.request("GET", "/api/v1/farms")))["farms"][0]["farmId"]

    def request(self, method: str, target: str, body: bytes = b"") -> bytes:
        """A request of the page, as bytes."""
        return (
            f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\nSec-Fetch-Site: same-origin\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def prepared(self, what: str, question: dict | str) -> bytes:
        """The request of a question, or of a list of sessions."""
        if what == "sessions":
            return self.request("GET", f"/api/v1/farms/{self.farm}/sessions?{question}")
        return self.request("POST", f"/api/v1/farms/{self.farm}/query?format=json", json.dumps(question).encode())

    def ask(self, question: dict) -> dict:
        """The answer to one question."""
        return self.answer(self.connections[0].exchange(self.prepared("query", question)))

    def list_sessions(self, query: str) -> dict:
        """A page of the list of sessions."""
        return self.answer(self.connections[0].exchange(self.prepared("sessions", query)))

    def click(self, requests: list[tuple[str, dict | str]]) -> list[bytes]:
        """Sends all at once and reads all answers; their bodies."""
        used = list(zip(self.connections, requests, strict=False))
        for connection, request in used:
            connection.socket.sendall(self.prepared(*request))
        return [self.checked(*connection.read_answer()) for connection, _ in used]

    @staticmethod
    def engine_ms(bodies: list[bytes]) -> float:
        """How long the slowest of the answers says that it took to find, before it was written and sent."""
        return max((int(micros) / 1e3 for body in bodies for micros in ELAPSED.findall(body)), default=0.0)

    @staticmethod
    def checked(head: bytes, body: bytes) -> bytes:
        """The body of an answer, unless it is an error."""
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.decode()}\n{body.decode()}")
        return body

    @classmethod
    def answer(cls, answered: tuple[bytes, bytes]) -> dict:
        """An answer's document."""
        return json.loads(cls.checked(*answered))


class Connection:
    """A connection that is kept."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=1 << 20)

    def exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Sends a request and reads its answer: head and body."""
        self.socket.sendall(request)
        return self.read_answer()

    def read_answer(self) -> tuple[bytes, bytes]:
        """Head and body of the next answer."""
        lines = []
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            lines.append(line)
        head = b"".join(lines)
        length = CONTENT_LENGTH.search(head)
        return head, self.reader.read(int(length[1])) if length else b"".join(self.chunks(head))

    def chunks(self, head: bytes):
        """The chunks of a body that came without its length."""
        if b"chunked" not in head.lower():
            return
        while length := int(self.reader.readline(), 16):
            yield self.reader.read(length)
            self.reader.readline()
        self.reader.readline()
