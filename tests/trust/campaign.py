"""Campaigns against the built program: who gets in, what falls over, and what a stranger's text does.

    scripts/trust            a sample of each, in under a minute and a half
    scripts/trust --full     the numbers that SECURITY.md names
    scripts/trust --jobs     only the grouping by very many jobs
    scripts/trust --groups   only the grouping by very many jobs and users

Prints a table. Exits with 1 when anything was wrong.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import socket
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "clients")]

import groups  # noqa: E402
import hostile  # noqa: E402
import names  # noqa: E402
import signing  # noqa: E402
import wire  # noqa: E402
from program import Folder, Server  # noqa: E402

VISIBLE = "".join(chr(code) for code in range(33, 127))
P99_MS_MAX, GROWTH_MIB_MAX = 50, 400
# Ten minutes of import and 4 GB of disk.
GROUPS = 50_000_000
JOBS, USERS = 1_000_000, 100


class Site:
    """A server with a farm, and the key of its owner."""

    def __init__(self, path, sessions, *flags):
        self.folder = Folder(path)
        # An import opens every farm of a folder, and one with many millions of jobs takes a minute.
        if sessions or not (self.folder.path / "catalogue.sqlite").is_file():
            counted = self.folder.import_lines("trust", "\n".join(json.dumps(session) for session in sessions))
            assert counted["stored"] == len(sessions), counted
        self.server = Server(self.folder, "--key-requests-per-second-max", "0", *flags)
        self.key = self.folder.key("admin")
        self.host = self.server.endpoint.split("//")[1]
        self.address = tuple_of(self.host)
        self.farm = self.farms()["trust"]

    def farms(self):
        """The id of each farm by its name."""
        lines = (line.split("\t") for line in self.folder.run("farm", "list").stdout.splitlines())
        return {name: farm_id for farm_id, name, *_ in lines}

    def signed(self, method, target, body=b"", key=None):
        return signing.request(method, target, signing.sign(key or self.key, method, target, self.host, body), body)

    def ask(self, method, target, body=b"", key=None):
        return wire.ask(self.address, self.signed(method, target, body, key), method)

    @property
    def aggregations(self):
        return aggregations_of(self.farm)

    def start(self, farm=None, **changes):
        """Starts an aggregation and waits for its end; gives its id and the last answer."""
        farm = farm or self.farm
        question = {
            "resourceIds": {"queueIds": [self.queue(farm)]}, "startTime": "2025-11-01T00:00:00Z",
            "endTime": "2025-12-01T00:00:00Z", "groupBy": ["JOB_ID"], "statistics": ["SUM"], **changes,
        }
        answer = self.ask("POST", aggregations_of(farm), json.dumps(question).encode())
        assert answer.status == 200, answer
        aggregation_id = json.loads(answer.body)["aggregationId"]
        while True:
            page = self.page(farm, aggregation_id, 1)
            if page["status"] != "IN_PROGRESS":
                return aggregation_id, page
            time.sleep(0.02)

    def page(self, farm, aggregation_id, size, token=""):
        """A page of an aggregation, or how far it is."""
        query = f"?aggregationId={aggregation_id}&maxResults={size}" + (f"&nextToken={token}" if token else "")
        answer = self.ask("GET", aggregations_of(farm) + query)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def queue(self, farm):
        answer = self.ask("GET", f"/2023-10-12/farms/{farm}/queues")
        return json.loads(answer.body)["queues"][0]["queueId"]

    def resident_mib(self):
        return self._memory_mib("VmRSS:")

    def peak_mib(self):
        """The most that the server has had in memory."""
        return self._memory_mib("VmHWM:")

    def _memory_mib(self, name):
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.split(name)[1].split()[0]) / 1024

    def lives(self):
        return self.server.process.poll() is None and wire.ask(self.address, b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").status == 200


def aggregations_of(farm):
    return f"/2023-10-12/farms/{farm}/sessions-statistics-aggregation"


def tuple_of(host):
    name, _, port = host.rpartition(":")
    return name.strip("[]"), int(port)


def session(number, **changes):
    return {
        "sessionId": f"session-{number:032x}", "queueName": "comp", "fleetName": "spot", "jobName": f"shot {number}",
        "userId": "alice", "startedAt": "2025-11-24T22:00:00Z", "endedAt": "2025-11-24T22:01:00Z",
        "usage": [{"usageType": "COMPUTE", "costInUsd": "0.01"}], **changes,
    }


class Failed(AssertionError):
    pass


def require(condition, message):
    if not condition:
        raise Failed(message)


# Each campaign gets a site and how much to do, and gives what it did and what came of it.


def hostile_requests(site, count, seed):
    source = hostile.Hostile(seed, site.host, site.key)
    requests = [source.next() for _ in range(count)]
    # Many at once: half of them are waiting for the server to lose its patience.
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda one: answer_to(site, *one), requests))
    statuses = {}
    for number, answer in enumerate(answers):
        problem = answer if isinstance(answer, str) else answer and answer.problem()
        require(not problem, f"request {number} of seed {seed}: {problem} to {requests[number][1][:300]!r}")
        if answer:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
    require(site.lives(), "the server is not ready afterwards")
    told = ", ".join(f"{times} x {status}" for status, times in sorted(statuses.items()))
    return f"{count} requests", f"no 5xx, no error but JSON, no hang ({told}; {answers.count(None)} closed without an answer)"


def answer_to(site, method, data):
    """The answer, None when the connection was closed without one, or what went wrong."""
    try:
        return wire.ask(site.address, data, method)
    except (ConnectionResetError, BrokenPipeError):
        return None
    except TimeoutError:
        return "no answer and no end"


def mutated_signatures(site, count, seed):
    chosen = random.Random(seed)
    body = b'{"a":1}'
    calls = [("GET", "/2023-10-12/farms?maxResults=7", b""), ("GET", f"/2023-10-12/farms/{site.farm}", b""), ("POST", f"/api/v1/farms/{site.farm}/sessions", body)]
    for method, target, body in calls:
        require(site.ask(method, target, body).status == 200, f"{method} {target} is refused as it is")

    def mutations():
        for _ in range(count):
            method, target, body = chosen.choice(calls)
            yield mutation(chosen, site, method, target, body)

    accepted, statuses = 0, {}
    for answer in wire.pipelined(site.address, mutations()):
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        accepted += answer.status < 400
    require(accepted == 0, f"{accepted} of {count} changed requests of seed {seed} were accepted: {statuses}")
    require(set(statuses) <= {400, 403, 404, 421}, f"unexpected answers: {statuses}")
    return f"{count} changed requests", f"none accepted ({statuses})"


def mutation(chosen, site, method, target, body):
    """A signed request in which one character that means something is another one."""
    headers = dict(signing.sign(site.key, method, target, site.host, body, [("content-type", "application/json")]))
    what = chosen.choice(["target", "body", "method", *headers])
    if what == "target":
        target = changed(chosen, target, keep="/")
    elif what == "body" and body:
        body = changed(chosen, body.decode()).encode()
    elif what == "method":
        method = {"GET": "HEAD", "POST": "PUT"}[method]
        # A HEAD has no body to be read, and is refused or not found like any other.
        method = "DELETE" if method == "HEAD" else method
    elif what in headers:
        headers[what] = changed(chosen, headers[what], keep=" ,=")
    else:
        headers["authorization"] = changed(chosen, headers["authorization"], keep=" ,=")
    return signing.request(method, target, headers.items(), body)


def changed(chosen, text, keep=""):
    while True:
        index = chosen.randrange(len(text))
        other = chosen.choice(VISIBLE)
        if text[index] in keep or other == text[index] or other in "#%&+ ":
            continue
        return text[:index] + other + text[index + 1:]


def mutated_tokens(site, count, seed):
    chosen = random.Random(seed)
    aggregation_id, page = site.start()
    require(page["status"] == "COMPLETED" and "nextToken" in page, f"no token in {page}")
    token = page["nextToken"]
    other_id, _ = site.start()
    target = f"{site.aggregations}?aggregationId={aggregation_id}&nextToken="
    require(site.ask("GET", target + token).status == 200, "the token itself is refused")

    def requests():
        yield site.signed("GET", f"{site.aggregations}?aggregationId={other_id}&nextToken={token}")
        for _ in range(count - 1):
            yield site.signed("GET", target + changed_token(chosen, token))

    statuses = {}
    for answer in wire.pipelined(site.address, requests()):
        statuses[(answer.status, answer.error)] = statuses.get((answer.status, answer.error), 0) + 1
    require(set(statuses) == {(400, "ValidationException")}, f"seed {seed}: {statuses}")
    return f"{count} changed tokens", "all 400 ValidationException"


def changed_token(chosen, token):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    kind = chosen.randrange(4)
    while True:
        index = chosen.randrange(len(token))
        if kind == 0:
            other = token[:index]
        elif kind == 1:
            other = token[:index] + chosen.choice(alphabet) + token[index:]
        elif kind == 2:
            other = "".join(chosen.choice(alphabet) for _ in token)
        else:
            other = token[:index] + chosen.choice(alphabet) + token[index + 1:]
        if other and other != token:
            return other


def many_connections(site, count, seed):
    """`count` idle connections and a tenth as many that drip a byte now and then, held while signed requests come."""
    dripping = count // 10
    raise_open_files(count + dripping + 200)
    before = site.resident_mib()
    held, stop = [], threading.Event()

    def open_all():
        for number in range(count + dripping):
            held.append(connected(site.address))
            if number >= count:
                held[-1].sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-drip: ")

    def keep():
        """Opens again what the server closes, so that there are always as many, and drips."""
        while not stop.is_set():
            for index, one in enumerate(held):
                if stop.is_set():
                    return
                if is_closed(one):
                    one.close()
                    with contextlib.suppress(OSError):
                        held[index] = connected(site.address)
                elif index >= count:
                    with contextlib.suppress(OSError):
                        one.sendall(b"a")
            stop.wait(0.2)

    open_all()
    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    times, growth = [], 0
    try:
        for _ in range(max(200, count // 10)):
            begun = time.perf_counter()
            answer = site.ask("GET", "/2023-10-12/farms")
            times.append((time.perf_counter() - begun) * 1000)
            require(answer.status == 200, f"refused meanwhile: {answer}")
            growth = max(growth, site.resident_mib() - before)
            time.sleep(0.005)
    finally:
        stop.set()
        keeper.join()
        for one in held:
            one.close()
    p99 = statistics.quantiles(times, n=100)[98]
    # A sample runs on machines that are busy with other tests.
    require(p99 < (P99_MS_MAX if count >= 10_000 else 10 * P99_MS_MAX), f"p99 of {len(times)} signed requests is {p99:.1f} ms beside {count} idle connections")
    require(growth < GROWTH_MIB_MAX, f"memory grew by {growth:.0f} MiB")
    return f"{count} idle, {dripping} dripping", f"p99 {p99:.1f} ms of {len(times)} new signed requests; memory +{growth:.0f} MiB"


def connected(address):
    one = socket.create_connection(address, timeout=wire.PATIENCE_SECONDS)
    one.setblocking(False)
    return one


def is_closed(one):
    try:
        return one.recv(1024) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def raise_open_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    require(hard >= count, f"this system opens at most {hard} files for a process; {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def slow_bodies(site, count, seed):
    """Bodies that never end: closed by the server in its own time, and others served meanwhile."""
    held = []
    for _ in range(count):
        one = socket.create_connection(site.address, timeout=wire.PATIENCE_SECONDS)
        one.sendall(b"POST " + site.aggregations.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        held.append(one)
    begun = time.monotonic()
    require(site.ask("GET", "/2023-10-12/farms").status == 200, "refused meanwhile")
    for one in held:
        while one.recv(65536):
            pass
        one.close()
    seconds = time.monotonic() - begun
    require(seconds < 17, f"the last was closed after {seconds:.0f} s")
    return f"{count} bodies that never end", f"all closed after {seconds:.1f} s, others served meanwhile"


def distinct_groups(path, count, users):
    """A row for the farm, and one for each ceiling under which it is asked."""
    path.mkdir(exist_ok=True)
    folder, serve = Folder(path), lambda *flags: Site(path, [], *flags)
    rows = [("groups", lambda: groups.prepare(folder, count, users))]
    asked = lambda ceiling: lambda: groups.ask(serve, ceiling, count, require)  # noqa: E731
    return rows + [("  under", asked(ceiling)) for ceiling in groups.CEILINGS]


def hostile_names(path, count, seed):
    return names.campaign(path, count, seed, Site, session, require)


def run(name, work):
    begun = time.monotonic()
    try:
        did, outcome = work()
        failed = False
    except Exception as error:  # noqa: BLE001 - a campaign that breaks is one that failed
        did, outcome, failed = "", f"FAILED: {type(error).__name__} {error}", True
    print(f"{name:<18} {did:<34} {time.monotonic() - begun:6.1f} s  {outcome}", flush=True)
    return failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument("--seed", type=int, default=int(os.environ.get("FARMTALLY_SEED", "1")))
    arguments.add_argument("--jobs", type=int, metavar="N", help="only the grouping by N distinct jobs")
    arguments.add_argument("--groups", type=int, metavar="N", help="only the grouping by N pairs of job and user")
    arguments.add_argument("--folder", type=Path, metavar="DIR", help="where the farm of either is kept for the next run")
    asked = arguments.parse_args()
    print(f"seed {asked.seed}, {'full' if asked.full else 'sample'}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch) / "groups"
        if asked.jobs:
            sys.exit(any([run(*row) for row in distinct_groups(folder, asked.jobs, 1)]))
        if asked.groups:
            sys.exit(any([run(*row) for row in distinct_groups(folder, asked.groups, USERS)]))
        sys.exit(any(run_all(Path(scratch), asked.full, asked.seed)))


def run_all(scratch, full, seed):
    """Runs every campaign; says of each whether it failed."""
    site = Site(scratch / "site", [session(number) for number in range(200)])
    size = lambda sample, whole: whole if full else sample  # noqa: E731
    campaigns = [
        ("hostile requests", lambda: hostile_requests(site, size(1_000, 10_000), seed)),
        ("signatures", lambda: mutated_signatures(site, size(3_000, 100_000), seed)),
        ("page tokens", lambda: mutated_tokens(site, size(3_000, 100_000), seed)),
        ("connections", lambda: many_connections(site, size(1_000, 10_000), seed)),
        ("slow bodies", lambda: slow_bodies(site, size(20, 300), seed)),
        ("names", lambda: hostile_names(scratch / "names", size(200, 200), seed)),
        *distinct_groups(scratch / "jobs", size(60_000, JOBS), 1),
    ]
    if full:
        campaigns += distinct_groups(scratch / "groups", GROUPS, USERS)
    failed = [run(name, work) for name, work in campaigns]
    code = site.server.stop()
    failed.append(run("shutdown", lambda: (require(code == 0, f"exit code {code}"), ("", "exit code 0"))[1]))
    return failed


if __name__ == "__main__":
    main()
