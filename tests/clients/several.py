"""Servers of one store, over a PostgreSQL and one place for segments, and what they are given and asked."""

import concurrent.futures
import http.client
import json
import re
import shutil
import threading
import time

import botocore.exceptions

import asking
import ingest
import sample
from postgres import Postgres
from program import BINARY, Folder, Server

FARM = "studio"
FARM_ID = re.compile("farm-[0-9a-f]{32}")
# What a client meets while a server or the database is down.
TROUBLE = (OSError, http.client.HTTPException, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)


class Studio:
    """The servers, their database and their segments: in a folder, or where `segments` says. `origin` is a folder that moves in;
    `program` is what the servers run, until they are updated."""

    def __init__(self, path, count, segments=None, origin=None, program=BINARY):
        self.path, self.database, self.program = path, Postgres("farmtally", fsync=True), program
        self.segments = segments or path / "segments"
        if not segments:
            self.segments.mkdir()
        self.folders, self.servers = [], []
        if origin:
            self.move_in(origin)
        for number in range(count):
            folder = Folder(path / f"server{number}")
            if number:
                folder.path.mkdir(mode=0o700)
                shutil.copy(self.folders[0].path / "master.key", folder.path)
            self.folders.append(folder)
            self.servers.append(self._serve(folder))
        self.variables = self.folders[0].environment()
        self.clients = [self._client(number) for number in range(count)]
        self.key = self.variables["AWS_ACCESS_KEY_ID"], self.variables["AWS_SECRET_ACCESS_KEY"]
        told = self.folders[0].run("farm", *(["list"] if origin else ["create", FARM])).stdout
        self.farm_id = FARM_ID.search(told)[0]

    def move_in(self, origin):
        """Moves a folder's records to where the servers will share them."""
        places = "--to-catalogue", self.database.socket_url, "--to-segments", self.segments
        return origin.run("migrate", self.path / "server0", *places).stdout

    def move_out(self, path):
        """Stops the servers and makes a folder of what they shared; gives it."""
        self.stop_servers()
        self.folders[0].run("migrate", path)
        return Folder(path)

    def _serve(self, folder):
        places = "--catalogue", self.database.socket_url, "--segments", self.segments
        return Server(folder, *places, program=self.program)

    def client(self, number, tries=1):
        """A client of a server. Those that try once are there already, because making one changes the environment, which all
        threads have in common."""
        return self.clients[number] if tries == 1 else self._client(number, tries)

    def _client(self, number, tries=1):
        endpoint = {"AWS_ENDPOINT_URL_DEADLINE": self.servers[number].endpoint}
        return asking.client(self.variables | endpoint, **asking.attempts(tries), read_timeout=30)

    def post(self, number, sessions):
        lines = "".join(json.dumps(session) + "\n" for session in sessions)
        return ingest.post_sessions(self.servers[number].endpoint, self.farm_id, lines, self.key)

    def restart(self, number):
        self.servers[number].kill()
        self._start(number)

    def update(self, number, program):
        """Ends a server as a service manager does, and starts it with another program."""
        assert self.servers[number].stop() == 0, self.servers[number].log()
        self.program = program
        self._start(number)

    def _start(self, number):
        self.servers[number] = self._serve(self.folders[number])
        self.clients[number] = self._client(number)

    def stop_servers(self):
        while self.servers:
            server = self.servers.pop()
            assert server.stop() == 0, server.log()
            assert "panicked" not in server.log(), server.log()

    def stop(self):
        self.stop_servers()
        self.database.end()


class Traffic:
    """Clients that store and ask at three servers without a break for as long as a block runs. No Start may leave out what was
    acknowledged before it, and nothing may fail but for a server or a database that is down."""

    def __init__(self, studio, choice):
        self.studio, self.choice = studio, choice
        assert studio.post(0, [session(1)])[0] == 200
        self.acknowledged, self.unknown = {1}, []
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.numbers = iter(range(2, 10**9))

    def __enter__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(6)
        self.work = [self.pool.submit(act, number) for act in (self._store, self._ask) for number in range(3)]
        return self

    def __exit__(self, *_):
        self.is_over.set()
        with self.pool:
            for one in self.work:
                one.result(timeout=120)

    def _store(self, server):
        while not self.is_over.is_set():
            with self.lock:
                batch = [next(self.numbers) for _ in range(5)]
            while not self.is_over.is_set():
                try:
                    at = self.choice.choice((server, 0, 1, 2))
                    status, receipt = self.studio.post(at, [session(number) for number in batch])
                except TROUBLE:
                    time.sleep(0.05)
                    continue
                if status == 200:
                    with self.lock:
                        self.acknowledged.update(batch)
                    break
                assert status in (429, 500, 503), receipt
                time.sleep(0.05)
            else:
                with self.lock:
                    self.unknown.extend(batch)

    def _ask(self, server):
        while not self.is_over.is_set():
            with self.lock:
                before = len(self.acknowledged)
            try:
                counted, _ = total(self.studio.client(server), self.studio.farm_id)
            except TROUBLE as trouble:
                # What is lost is the answer, never with another reason than that something is down.
                if isinstance(trouble, botocore.exceptions.ClientError):
                    assert trouble.response["Error"]["Code"] == "InternalServerErrorException", trouble
                time.sleep(0.05)
                continue
            assert counted >= before, "a Start left out what was acknowledged before it"

    def check(self):
        """When it is over: sends again what nobody knows about, and sees that every server counts every session once."""
        for number in self.unknown:
            while True:
                try:
                    status, _ = self.studio.post(0, [session(number)])
                except TROUBLE:
                    continue
                if status == 200:
                    break
        self.acknowledged.update(self.unknown)
        expected = len(self.acknowledged), sum(self.acknowledged)
        counted = [total(self.studio.client(number, tries=5), self.studio.farm_id) for number in range(3)]
        assert counted == [expected] * 3
        assert self.studio.database.do("SELECT count(*) FROM aggregations WHERE status = 'IN_PROGRESS'") == ["0"]


def session(number):
    """A session of an hour that costs `number` ten-thousandths of a dollar."""
    return sample.session(
        1000 + number, sample.COMP, sample.CPU, sample.LIGHT, "alice", None, "24T10:00:00", "24T11:00:00",
        f"{number / 10000:.4f}",
    )


def total(client, farm_id):
    """What a server says that all sessions cost, in ten-thousandths, and how many there are."""
    while True:
        try:
            _, answer = asking.start(client, asking.question(farm_id, [sample.COMP]))
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            time.sleep(0.05)
            continue
        if answer["status"] == "COMPLETED":
            rows = answer["statistics"]
            return sum(row["count"] for row in rows), round(sum(row["costInUsd"]["sum"] for row in rows) * 10000)
        assert answer["status"] == "TIMEOUT", answer
