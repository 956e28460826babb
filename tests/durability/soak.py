"""Half an hour of everything at once.

Two senders send, correct and delete; one asks how much, one looks at the page, its files and its questions. Meanwhile the server
is killed, stopped, frozen and started again, its folder is sealed and verified between two lives, and its clock jumps, with its
clients or without them. Every answer is compared with the model as it was acknowledged before the question and begun after it;
every few seconds the senders hold still and the whole farm is compared.
"""

import http.client
import itertools
import random
import signal
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import served
from client import GONE, Client, Failed
from clock import Clock
from farm_model import Delete, FarmModel, Post, difference
from recovery import is_accepted, send, verified
from served import Server
from workload import Shape, stream

MINUTE, HOUR, DAY = 60, 3600, 86_400
SENDERS = 2
# Breaths between requests, so that the machine has two processors' worth of work and not ten.
SENDER_PAUSE_SECONDS, ASKER_PAUSE_SECONDS, VIEWER_PAUSE_SECONDS = 0.1, 0.5, 0.2
TROUBLE_SECONDS = (0.5, 8)
STILL_SECONDS = 8
# For so long after a trouble an answer may tell of it.
SETTLING_SECONDS = 2
FILES_MAX, GROWTH_MIB_MAX = 256, 400
VOLUME_ROW = ("PERSISTENT_VOLUME", None)


def campaign(setting):
    seconds = setting.size(sample=20, full=30 * MINUTE)
    soak = Soak(setting.template(), setting.scratch / "soak", setting.seed)
    begun = time.monotonic()
    try:
        soak.run(seconds)
    finally:
        soak.end()
    # They went on at the same time, which is shown once.
    spent = iter([time.monotonic() - begun])
    for name, tally in soak.tallies.items():
        for wrong in tally.wrong[:10]:
            print(f"VIOLATION in soak, {name}, seed {setting.seed}:\n    {wrong}", flush=True)
        setting.add(f"soak: {name}", tally.done, len(tally.wrong), next(spent, 0))


@dataclass
class Tally:
    """How much was done, and what was wrong."""

    done: int = 0
    wrong: list = field(default_factory=list)

    def note(self, wrong=None):
        self.done += 1
        if wrong:
            self.wrong.append(wrong)


class Soak:
    """A server with its troubles, and those who use it."""

    def __init__(self, template, folder, seed):
        self.template = template
        self.folder = template.copy(folder)
        self.rng = random.Random(f"soak {seed}")
        self.clock = Clock(Path(f"{folder}.clock"))
        self.client_offset = 0
        self.is_down = False
        self.troubled_at = float("-inf")
        self.over = threading.Event()
        self.asking = threading.Lock()
        names = ("requests sent", "answers meanwhile", "pages and questions", "kills, stops and freezes", "clock jumps", "ends")
        self.tallies = {name: Tally() for name in names}
        self.server = self._serve()
        self.resident_mib = self._resident_mib()
        self.senders = [Sender(self, number, seed) for number in range(SENDERS)]

    def _serve(self):
        return Server(self.folder, disk=self.clock.environment, flags=("--key-requests-per-second-max", "0"))

    def now(self):
        """What the clients take for the time."""
        return time.time() + self.client_offset

    def client(self):
        return Client(self.server.endpoint, self.template.key, self.template.farm_id, clock=self.now)

    def is_unsettled(self, since):
        """Whether the server was down or its clock moved after `since`, or so shortly before that requests felt it."""
        return self.is_down or self.troubled_at > since - SETTLING_SECONDS

    def run(self, seconds):
        """Lets all of them work for so long, or until something was wrong with a sender or the server."""
        give_up = time.monotonic() + seconds
        works = [sender.run for sender in self.senders] + [Asker(self).run, Viewer(self).run, self._trouble]
        threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        still = time.monotonic() + STILL_SECONDS
        while time.monotonic() < give_up and not self.over.is_set():
            self._measure()
            if time.monotonic() > still:
                self.tallies["answers meanwhile"].note(self._whole_farm())
                still = time.monotonic() + STILL_SECONDS
            time.sleep(0.5)
        self.over.set()
        for thread in threads:
            thread.join(2 * served.PATIENCE_SECONDS)
        self._last_look()

    def _guarded(self, work):
        try:
            work()
        except Exception as error:  # noqa: BLE001 - what ends one of them is what was looked for
            self.tallies["ends"].note(f"{type(error).__name__}: {error}")
            self.over.set()

    def end(self):
        self.over.set()
        self.server.kill()

    # What befalls the server.

    def _trouble(self):
        troubles = [self._die, self._die, self._leave, self._freeze, self._jump, self._jump_together, self._jump_a_little]
        for trouble in itertools.cycle(self.rng.sample(troubles, len(troubles))):
            if self.over.wait(self.rng.uniform(*TROUBLE_SECONDS)):
                break
            trouble()
        self._move_clocks(0, 0)

    def _die(self):
        self._again(self.server.kill)

    def _leave(self):
        code = self._again(self.server.stop)
        if code != 0:
            self.tallies["kills, stops and freezes"].wrong.append(f"a stopped server ended with {code}")

    def _again(self, end):
        self.is_down = True
        code, wrong = end(), None
        if self.rng.random() < 0.3:
            served.seal(self.folder, disk=self.clock.environment)
        if self.rng.random() < 0.2:
            wrong = verified(self.folder)
        self.server = self._serve()
        self.resident_mib = self._resident_mib()
        self.troubled_at, self.is_down = time.monotonic(), False
        self.tallies["kills, stops and freezes"].note(wrong)
        return code

    def _freeze(self):
        self.server.process.send_signal(signal.SIGSTOP)
        self.over.wait(self.rng.uniform(0.2, 3))
        self.server.process.send_signal(signal.SIGCONT)
        self.tallies["kills, stops and freezes"].note()

    def _jump(self):
        """The server's clock alone: signatures are too old or too new for it until an administrator has set it right."""
        self._move_clocks(self.rng.choice([-HOUR, HOUR, -DAY, DAY]), self.client_offset)
        self.troubled_at = float("inf")
        self.over.wait(2)
        self._move_clocks(self.client_offset, self.client_offset)
        self.tallies["clock jumps"].note()

    def _jump_together(self):
        offset = self.rng.choice([0, -30 * DAY, -DAY, -HOUR, HOUR, DAY, 30 * DAY])
        self._move_clocks(offset, offset)
        self.tallies["clock jumps"].note()

    def _jump_a_little(self):
        """Within what signatures allow."""
        self._move_clocks(self.client_offset + self.rng.randrange(-200, 200), self.client_offset)
        self.tallies["clock jumps"].note()

    def _move_clocks(self, server, clients):
        self.troubled_at = float("inf")
        self.clock.move(server)
        self.client_offset = clients
        self.troubled_at = time.monotonic()

    # What is looked at.

    @contextmanager
    def _still(self):
        """While nobody sends."""
        for sender in self.senders:
            sender.turn.acquire()
        try:
            yield
        finally:
            for sender in self.senders:
                sender.turn.release()

    def _expected(self):
        rows = {}
        for sender in self.senders:
            rows |= sender.farm.rows()
        return rows

    def _whole_farm(self):
        """What is wrong with the farm while nobody sends; None as well when the server did not last for the answer."""
        with self._still(), self.asking:
            begun, client = time.monotonic(), self.client()
            try:
                return difference(self._expected(), client.rows())
            except (Failed, *GONE) as error:
                return None if self.is_unsettled(begun) else f"the farm could not be asked: {error!r}"
            finally:
                client.close()

    def _measure(self):
        server = self.server
        try:
            files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
            growth = self._resident_mib() - self.resident_mib
        except (OSError, IndexError):
            return  # It is gone.
        if files > FILES_MAX or growth > GROWTH_MIB_MAX:
            self.tallies["ends"].note(f"the server has {files} open files and grew by {growth:.0f} MiB")
            self.over.set()

    def _resident_mib(self):
        status = Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def _last_look(self):
        """The end of all: the farm, the program's own checks, and everything once more."""
        ends = self.tallies["ends"]
        code = self.server.stop()
        ends.note(None if code == 0 else f"the last server ended with {code}: {self.server.log()}")
        ends.note(verified(self.folder))
        audit = served.run(self.folder, "verify-audit", check=False)
        ends.note(None if audit.returncode == 0 else f"verify-audit exited {audit.returncode}: {audit.stdout} {audit.stderr}")
        self.server = self._serve()
        client = self.client()
        ends.note(difference(self._expected(), client.rows()))
        for sender in self.senders:
            ends.note(sender.all_again(client))
        ends.note(difference(self._expected(), client.rows()))
        client.close()


class Sender:
    """Sends one request after another, each until it is accepted."""

    def __init__(self, soak, number, seed):
        self.soak = soak
        # Only one sends volumes: they are in one row of an answer.
        shape = Shape(
            requests=10**9, records=6, sessions=10**9, volumes=0 if number else 16, first=number * 10**6,
        )
        self.operations = stream(seed * SENDERS + number, shape)
        self.farm = FarmModel()
        self.turn = threading.Lock()
        # What a row was after which request; requests are counted when they begin and when they are acknowledged.
        self.history = {}
        self.begun = self.acknowledged = 0

    def run(self):
        client = self.soak.client()
        for operation in self.operations:
            with self.turn:
                expected = self._begin(operation)
                client, wrong = self._settle(client, operation, expected)
                self.acknowledged = self.begun
            self.soak.tallies["requests sent"].note(wrong)
            if self.soak.over.wait(SENDER_PAUSE_SECONDS):
                break
        client.close()

    def _begin(self, operation):
        expected = self.farm.apply(operation)
        rows = {}
        ids = {operation.id} if isinstance(operation, Delete) else {record.id for record in operation.records}
        if any(id.startswith("volume-") for id in ids):
            volumes = {id: record for id, record in self.farm.stored.items() if id.startswith("volume-")}
            rows[VOLUME_ROW] = FarmModel(volumes).rows().get(VOLUME_ROW)
        for id in ids:
            job = id.replace("session-", "job-")
            if id != job:
                rows |= dict.fromkeys([("COMPUTE", job), ("LICENSE", job)])
                rows |= FarmModel({id: self.farm.stored[id]} if id in self.farm.stored else {}).rows()
        for key, row in rows.items():
            self.history.setdefault(key, [(0, None)]).append((self.begun + 1, row))
        self.begun += 1
        return expected

    def _settle(self, client, operation, expected):
        """Sends until it is accepted, which ends with the soak if it is not. Gives the client, and what was wrong."""
        is_certain, give_up = True, time.monotonic() + 3 * served.PATIENCE_SECONDS
        while True:
            begun = time.monotonic()
            try:
                status, answer = send(client, operation)
            except GONE:
                is_certain, status, answer = False, None, None
            if is_accepted(operation, status):
                wrong = is_certain and answer != expected
                return client, f"{operation} was answered {answer} instead of {expected}"[:600] if wrong else None
            if time.monotonic() > give_up or (not self.soak.is_unsettled(begun) and status is not None):
                # The farm is not what the model is from here on.
                self.soak.over.set()
                return client, f"{operation} was answered {status} {answer}"[:600]
            time.sleep(0.1)
            client.close()
            client = self.soak.client()

    def may_show(self, key, row, since, until):
        """Whether a snapshot may have shown this row: as the last request acknowledged before left it, or a later one."""
        allowed = None
        for number, value in self.history.get(key, [(0, None)]):
            if number <= since:
                allowed = {value}
            elif number <= until:
                allowed.add(value)
        return row in allowed

    def all_again(self, client):
        """Everything that is stored, sent again, changes nothing. Gives what is wrong."""
        records = [record for record in self.farm.stored.values() if hasattr(record, "json")]
        for first in range(0, len(records), 500):
            post = Post(tuple(records[first : first + 500]))
            status, answer = send(client, post)
            if status != 200 or answer != (expected := self.farm.copy().apply(post)) or answer["unchanged"] != answer["received"]:
                return f"sent again, it was answered {status} {answer}"[:600]
        return None


class Asker:
    """Asks for every session by itself while records come."""

    def __init__(self, soak):
        self.soak = soak

    def run(self):
        while not self.soak.over.wait(ASKER_PAUSE_SECONDS):
            with self.soak.asking:
                self._ask()

    def _ask(self):
        senders, begun = self.soak.senders, time.monotonic()
        since = [sender.acknowledged for sender in senders]
        client = self.soak.client()
        try:
            rows = client.rows()
        except (Failed, *GONE) as error:
            if not self.soak.is_unsettled(begun):
                self.soak.tallies["answers meanwhile"].note(f"an aggregation went wrong: {error!r}")
            return
        finally:
            client.close()
        until = [sender.begun for sender in senders]
        self.soak.tallies["answers meanwhile"].note(self._wrong(rows, since, until))

    def _wrong(self, rows, since, until):
        known = {key: number for number, sender in enumerate(self.soak.senders) for key in list(sender.history)}
        for key in {*rows, *known}:
            if key not in known:
                return f"{key} was never sent"
            number = known[key]
            if not self.soak.senders[number].may_show(key, rows.get(key), since[number], until[number]):
                return f"{key} is {rows.get(key)}, which it was neither before the question nor while it was answered"
        return None


class Viewer:
    """Signs in as a browser does, looks at the page and its files, and asks as it does."""

    def __init__(self, soak):
        self.soak = soak
        farm = f"/api/v1/farms/{soak.template.farm_id}"
        self.views = [
            "/livez", "/readyz", "/", "/api/v1/openapi.json", "/api/docs", "/api/v1/farms", f"{farm}/query?by=user&in=2025-11-24&top=9",
            f"{farm}/query?by=jobName&in=2025-11-24&top=9&stat=p95", f"{farm}/sessions?in=2025-11-24&limit=50",
            f"{farm}/values?dimension=user&limit=20",
        ]

    def run(self):
        while not self.soak.over.is_set():
            begun = time.monotonic()
            try:
                self._tour()
            except GONE as gone:
                if not self.soak.is_unsettled(begun):
                    self.soak.tallies["pages and questions"].note(f"a page was not answered: {gone!r}")

    def _tour(self):
        begun = time.monotonic()
        host, (key_id, secret) = urlsplit(self.soak.server.endpoint).netloc, self.soak.template.key
        with closing(http.client.HTTPConnection(host, timeout=served.PATIENCE_SECONDS)) as browser:
            form = urlencode({"accessKeyId": key_id, "secretAccessKey": secret})
            reply = self._see(browser, begun, 303, "POST", "/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
            cookie = (reply.headers["Set-Cookie"] or "").split(";")[0]
            for view in self.views:
                self._see(browser, begun, 200, "GET", view, None, {"Cookie": cookie})
                if self.soak.over.wait(VIEWER_PAUSE_SECONDS):
                    return

    def _see(self, browser, begun, wanted, method, target, body, headers):
        browser.request(method, target, body, headers)
        reply = browser.getresponse()
        text = reply.read()
        # A browser's session ends when its time has come, which a jump of the clock brings.
        wrong = reply.status != wanted and not self.soak.is_unsettled(begun)
        self.soak.tallies["pages and questions"].note(f"{target} was answered {reply.status} {text[:300]}" if wrong else None)
        return reply
