"""Two programs, one folder: a second server is refused whatever the first one does, frozen or killed, and nobody's records
are lost."""

import signal
import subprocess

import served
from client import Client
from recovery import ACKNOWLEDGED, Story, check, check_served, is_accepted, send
from served import Ended, Server
from workload import SMALL, operations


def campaign(setting):
    owners = Owners(setting)
    rounds = range(setting.size(sample=3, full=200))
    setting.attack("two servers on one folder", owners.second_server, rounds)
    setting.attack("a frozen server and its successor", owners.frozen, rounds)
    setting.attack("servers that start at once", owners.race, rounds)
    setting.attack("imports and keys beside a server", owners.beside, rounds)


class Owners:
    def __init__(self, setting):
        self.template = setting.template()
        self.seed = setting.seed

    def _begin(self, number, place):
        folder = self.template.copy(place)
        return folder, Story(operations(self.seed + number, SMALL)), Server(folder)

    def _client(self, server):
        return Client(server.endpoint, self.template.key, self.template.farm_id)

    def _send(self, client, story, count):
        for operation in story.operations[len(story.outcomes) :][:count]:
            assert is_accepted(operation, send(client, operation)[0])
            story.outcomes.append(ACKNOWLEDGED)

    def _refused(self, folder, pid):
        """What is wrong with how a second server is refused."""
        try:
            Server(folder).kill()
            return "a second server got the folder"
        except Ended as ended:
            wanted = f"in use by process {pid}"
            return None if wanted in str(ended) else f"the second server said `{ended}` and not `{wanted}`"

    def second_server(self, number, place):
        folder, story, server = self._begin(number, place)
        client = self._client(server)
        self._send(client, story, 5)
        wrong = self._refused(folder, server.process.pid)
        self._send(client, story, 5)
        client.close()
        server.kill()
        return wrong or check(folder, self.template.key, self.template.farm_id, story)

    def frozen(self, number, place):
        """A process that is stopped has the folder until it is killed, and goes on where it was if it is not."""
        folder, story, server = self._begin(number, place)
        client = self._client(server)
        self._send(client, story, 5)
        server.process.send_signal(signal.SIGSTOP)
        wrong = self._refused(folder, server.process.pid)
        if number % 2:
            server.process.send_signal(signal.SIGCONT)
            self._send(client, story, 5)
        client.close()
        server.kill()
        return wrong or check(folder, self.template.key, self.template.farm_id, story)

    def race(self, number, place):
        """Of servers that start together on a folder that is not there yet, one gets it."""
        folder = place.with_name("raced")
        subprocess.run(["rm", "-rf", folder], check=True)
        command = [str(served.BINARY), "serve", "--data-dir", str(folder), "--listen", "127.0.0.1:0", "--log", "off"]
        started = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=served.CLEAN) for _ in range(4)
        ]
        lines = [process.stdout.readline() for process in started]
        for process in started:
            process.kill()
            process.wait()
        ready = sum(line.startswith(served.READY.encode()) for line in lines)
        return None if ready == 1 else f"{ready} of {len(started)} servers were ready"

    def beside(self, number, place):
        """An import goes through the server that has the folder, and a key that is made beside it works there."""
        folder, story, server = self._begin(number, place)
        client = self._client(server)
        self._send(client, story, 6)  # The fifth is a deletion, the next is none.
        lines = story.operations[6].lines().decode()
        source = ("--farm", served.FARM, "--format", "jsonl", "--rejects", "/dev/null", "-")
        done = served.run(folder, "import", *source, stdin=lines, check=False)
        # The workload has records that are refused, which an import says with its exit code.
        assert done.returncode == 0 or "names every rejected record" in done.stderr, done
        story.outcomes.append(ACKNOWLEDGED)
        key = served.make_key(folder)
        client.close()
        other = Client(server.endpoint, key, self.template.farm_id)
        self._send(other, story, len(story.operations))
        wrong = check_served(other, story)
        other.close()
        server.kill()
        return wrong or check(folder, self.template.key, self.template.farm_id, story)
