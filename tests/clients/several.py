"""Servers of one store, over a PostgreSQL and one place for segments, and what they are given and asked."""

import json
import re
import shutil
import time

import botocore.exceptions

import asking
import ingest
import sample
from postgres import Postgres
from program import Folder, Server

FARM = "studio"
FARM_ID = re.compile("farm-[0-9a-f]{32}")


class Studio:
    """The servers, their database and their segments: in a folder, or where `segments` says. `origin` is a folder that moves in."""

    def __init__(self, path, count, segments=None, origin=None):
        self.path, self.database = path, Postgres("farmtally", fsync=True)
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
        return Server(folder, "--catalogue", self.database.socket_url, "--segments", self.segments)

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
