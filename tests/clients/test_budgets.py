"""Budgets against a receiver on this machine: signatures, refusals, retries, and that each threshold is reported once."""

import hashlib
import hmac
import json
import socket
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import sample
from program import Folder, Server

SECRET = "0123456789abcdef0123456789abcdef"
DATES = ("--from", "2025-11-01", "--to", "2025-12-01")
# What the farm `north` cost in November 2025, its volume included.
SPENT = "8.24"


class Receiver:
    """Answers POSTs with the statuses that it was given, then with 200, and keeps what it got."""

    def __init__(self, statuses):
        statuses, got = list(statuses), []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                got.append((dict((name.lower(), value) for name, value in self.headers.items()), body))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.got = got
        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_port}/hook"

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def receive():
    receivers = []

    def start(*statuses):
        receivers.append(Receiver(statuses))
        return receivers[-1]

    yield start
    for receiver in receivers:
        receiver.stop()


@pytest.fixture
def north(tmp_path):
    folder = Folder(tmp_path / "data")
    folder.import_lines("north", sample.json_lines(sample.NORTH))
    (tmp_path / "secret").write_text(SECRET + "\n")
    return folder


def set_budget(folder, name, limit, *flags):
    folder.run("budget", "set", "--farm", "north", name, "--limit", limit, *flags)


def check(folder, *flags):
    return folder.run("budget", "check", "--farm", "north", "--webhook-wait", 0, *flags, check=False)


def test_the_sums_are_those_of_the_farm_a_queue_a_user_and_job_names(north):
    for name, spent, flags in [
        ("farm", SPENT, ()),
        ("queue", "4.15", ("--queue", "comp")),
        ("user", "3.61", ("--user", "bob")),
        ("jobs", "4.15", ("--job-name", "sh010*")),
        ("other jobs", "3.61", ("--job-name", "sh020 *")),
        ("user's jobs", "0.01", ("--user", "bob", "--job-name", "*é?ume*")),
        ("nobody", "0", ("--user", "nobody")),
        ("other month", "0", ("--from", "2025-12-01", "--to", "2026-01-01")),
    ]:
        dates = () if "--from" in flags else DATES
        set_budget(north, name, "100", *dates, *flags)
        done = check(north, name, "--format", "json")
        [budget] = json.loads(done.stdout)["budgets"]
        assert (budget["spentInUsd"], done.returncode) == (spent, 0), (name, done)
        if name != "other month":
            assert budget["projectedInUsd"] == spent, "the period is over"
    [budget] = json.loads(check(north, "queue", "--format", "json").stdout)["budgets"]
    assert budget["scope"] == "queue comp" and budget["queueId"].startswith("queue-")
    assert "\tqueue comp\t" in north.run("budget", "list", "--farm", "north").stdout
    north.run("farm", "set", "north", "--cost-scale-factor", "0.5")
    [budget] = json.loads(check(north, "farm", "--format", "json").stdout)["budgets"]
    assert budget["spentInUsd"] == "4.12"


def test_exit_codes_say_whether_a_threshold_was_passed(north):
    set_budget(north, "all", "10", *DATES)
    assert check(north).returncode == 6, "82.4 percent of it were spent"
    assert check(north, "--fail-at", 100).returncode == 0
    assert check(north, "--fail-at", 82).returncode == 6
    assert check(north, "nothing").returncode == 1
    set_budget(north, "all", "10", *DATES, "--threshold", "90,100")
    assert check(north).returncode == 0
    north.run("budget", "remove", "--farm", "north", "all")
    assert check(north).returncode == 0
    assert north.run("budget", "list", "--farm", "north").stdout == ""


def test_each_threshold_is_reported_once_and_signed(north, receive, tmp_path):
    receiver = receive()
    set_budget(
        north, "all", "10", *DATES, "--webhook", receiver.url, "--webhook-secret-file", tmp_path / "secret"
    )
    for _ in range(2):
        assert check(north).returncode == 6
    assert [json.loads(body)["thresholdInPercent"] for _, body in receiver.got] == [50, 80]
    for headers, body in receiver.got:
        signed = headers["x-farmtally-timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["x-farmtally-signature"] == f"sha256={expected}"
        age = datetime.now(timezone.utc).timestamp() - int(headers["x-farmtally-timestamp"])
        assert abs(age) < 60
        assert headers["x-farmtally-delivery"] == json.loads(body)["id"]
        assert (json.loads(body)["spentInUsd"], json.loads(body)["limitInUsd"]) == (SPENT, "10")
    # More was spent: the one threshold that is new.
    late = sample.session(9, sample.COMP, sample.CPU, sample.LIGHT, "alice", None, "26T00:00:00", "26T01:00:00", "5")
    north.import_lines("north", json.dumps(late))
    assert check(north).returncode == 6
    assert [json.loads(body)["thresholdInPercent"] for _, body in receiver.got] == [50, 80, 100]
    assert SECRET.encode() not in north.catalogue.read_bytes()


def test_a_receiver_that_fails_is_tried_again_and_one_that_refuses_is_not(north, receive):
    failing = receive(500, 503, 429)
    set_budget(north, "all", "16", *DATES, "--webhook", failing.url)
    assert check(north).returncode == 6
    assert len(failing.got) == 4 and len({headers["x-farmtally-delivery"] for headers, _ in failing.got}) == 1
    assert "x-farmtally-signature" not in failing.got[0][0]
    refusing = receive(*[400] * 2)
    set_budget(north, "all", "16", *DATES, "--webhook", refusing.url)
    done = check(north)
    assert (done.returncode, len(refusing.got)) == (6, 1)
    assert "it answered 400" in done.stderr and "the next check tries again" in done.stderr
    # Nothing was passed that counts, and yet not all was done.
    assert check(north, "--fail-at", 100).returncode == 1
    assert check(north, "--fail-at", 100).returncode == 0, "the third attempt was taken"
    assert check(north).returncode == 6
    assert len(refusing.got) == 3
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        set_budget(north, "all", "16", *DATES, "--webhook", f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        done = check(north, "--webhook-retries", 1)
    assert done.returncode == 6 and "did not take the report" in done.stderr


def test_slack_gets_a_text(north, receive):
    receiver = receive()
    set_budget(north, "a <b> & c", "16", *DATES, "--webhook", receiver.url, "--webhook-form", "slack")
    assert check(north).returncode == 6
    [(headers, body)] = receiver.got
    message = json.loads(body)
    assert list(message) == ["text"] and headers["content-type"] == "application/json"
    assert "*a &lt;b&gt; &amp; c* of north (farm) passed 50 %: $8.24 of $16 spent" in message["text"]


def test_a_budget_can_be_checked_beside_a_server(north):
    server = Server(north)
    try:
        set_budget(north, "all", "10", *DATES)
        done = check(north)
        assert (done.returncode, SPENT in done.stdout) == (6, True), done
    finally:
        assert server.stop() == 0
