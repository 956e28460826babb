"""An S3 of a test's own: moto's server, and before it a door that fails as often as a test wants."""

import http.client
import random
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from postgres import free_port
from patience import PATIENCE_SECONDS

BUCKET = "films"
# Of the requests: how many are answered with an error, how many break off, and how many wait.
SHARES = {"errors": 0.15, "breaks": 0.05, "waits": 0.1}
WAIT_SECONDS = 0.3


class ObjectStore:
    """A bucket. Everything goes by the door."""

    def __init__(self, path):
        self.port = free_port()
        self.log = (path / "s3.log").open("w")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.door = Door(self.port)
        self._until_it_answers()
        status, _, _ = exchange(self.port, "PUT", f"/{BUCKET}", b"", {})
        assert status == 200, status

    def _until_it_answers(self):
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return exchange(self.port, "GET", "/moto-api/", b"", {})
            except OSError:
                assert time.monotonic() < give_up and self.process.poll() is None, "moto's server does not answer"
                time.sleep(0.05)

    @property
    def address(self):
        """What `--segments` is given."""
        return f"s3://AKIDEXAMPLE:hu%2Fsh@{BUCKET}/tally?endpoint=http://127.0.0.1:{self.door.server_port}&region=us-west-2"

    def names(self):
        """The names of all objects."""
        _, _, body = exchange(self.port, "GET", f"/{BUCKET}?list-type=2", b"", {})
        return [part.split("</Key>")[0] for part in body.decode().split("<Key>")[1:]]

    def stop(self):
        self.door.shutdown()
        self.door.server_close()
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_SECONDS)
        self.log.close()


class Door(ThreadingHTTPServer):
    """Hands requests on to a port, or fails. `shares` may be changed at any time."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Handing)
        self.port, self.shares, self.choice = port, {}, random.Random(1)
        self.failed, self.refused = 0, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def draw(self):
        """What becomes of a request: "errors", "breaks", "waits", or None."""
        drawn = self.choice.random()
        for fate, share in self.shares.items():
            if drawn < share:
                self.failed += fate != "waits"
                return fate
            drawn -= share
        return None


class Handing(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nobody reads it."""

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        for name in ("authorization", "x-amz-date", "x-amz-content-sha256"):
            if name not in self.headers:
                self.server.refused.append((self.command, self.path, name))
        fate = self.server.draw()
        if fate == "errors":
            return self.answer(500, b"<Error><Code>InternalError</Code></Error>")
        if fate == "waits":
            time.sleep(WAIT_SECONDS)
        status, headers, answer = exchange(self.server.port, self.command, self.path, body, dict(self.headers))
        if fate == "breaks":
            self.close_connection = True
            self.answer(status, answer, cut=True)
            return None
        return self.answer(status, answer)

    def answer(self, status, body, cut=False):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + cut))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_PUT = do_DELETE = hand_on


def exchange(port, method, path, body, headers):
    """One request on a connection of its own; gives status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()
