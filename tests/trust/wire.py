"""Bytes out and answers in, over plain sockets: nothing between a campaign and the server."""

import json
import socket
from dataclasses import dataclass, field

# Longer than any timeout of the server: what takes as long as this hangs.
PATIENCE_SECONDS = 30


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self):
        return self.headers.get("x-amzn-errortype", "")

    def problem(self):
        """What is wrong with the answer as an answer of ours, or nothing."""
        if self.status >= 500:
            return f"status {self.status}"
        if self.status < 400 or not self.body or self.headers.get("content-type", "").startswith(("text/html", "text/plain")):
            return None
        try:
            return None if json.loads(self.body).get("message") else "an error without a message"
        except ValueError:
            return f"an error that is not JSON: {self.body[:80]!r}"


class Connection:
    """A connection that is kept for as long as the server keeps it."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        part = self.socket.recv(65536)
        self.received += part
        return bool(part)

    def answer(self, method="GET"):
        """The next answer, or None when the server closed the connection before one. Raises when it hangs."""
        while b"\r\n\r\n" not in self.received:
            if not self._more():
                return None
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        answer = Answer(int(lines[0].split()[1]), headers)
        if answer.status == 100:
            return self.answer(method)
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        while len(self.received) < length:
            if not self._more():
                return answer
        answer.body, self.received = self.received[:length], self.received[length:]
        return answer

    def close(self):
        self.socket.close()


def ask(address, data, method="GET"):
    """One request on a connection of its own."""
    connection = Connection(address)
    try:
        connection.send(data)
        return connection.answer(method)
    finally:
        connection.close()


def pipelined(address, requests, batch=64):
    """The answer of each request, in order. Those of a batch share a connection for as long as the server keeps it."""
    pending = list(requests)
    while pending:
        answers = _answers_of_batch(address, pending[:batch])
        if not answers:
            # The first one ended the connection with others behind it, which takes its answer along: alone, then.
            answers = [ask(address, pending[0])]
            if answers[0] is None:
                raise AssertionError(f"no answer to {pending[0][:200]!r}")
        yield from answers
        pending = pending[len(answers):]


def _answers_of_batch(address, requests):
    """The answers that came before the connection ended."""
    answers = []
    connection = Connection(address)
    try:
        connection.send(b"".join(requests))
        while len(answers) < len(requests):
            answer = connection.answer()
            if answer is None:
                break
            answers.append(answer)
            if answer.headers.get("connection") == "close":
                break
    except (ConnectionResetError, BrokenPipeError):
        pass
    finally:
        connection.close()
    return answers
