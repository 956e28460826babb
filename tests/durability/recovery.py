"""What must be true of a folder after whatever happened to it.

    acknowledged ⊆ stored ⊆ acknowledged ∪ attempted, each once, and after everything is sent again: equal.

The operations of a run are sent one after another, so that this is sharper here: what is stored must be what the
acknowledged operations left, with each operation whose fate is unknown done as a whole or not at all.
"""

import itertools
from dataclasses import dataclass, field

import served
from client import GONE, Client, Failed
from farm_model import Delete, FarmModel, Post, difference
from served import Ended, Server

ACKNOWLEDGED, UNKNOWN = "acknowledged", "unknown"


@dataclass
class Story:
    """What was sent to a farm, and what is known about it."""

    operations: list
    outcomes: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    # What the farm is for certain, once everything was sent again.
    settled: FarmModel | None = None

    @property
    def sent(self):
        return self.operations[: len(self.outcomes)]

    def with_outcomes(self, acknowledged, sent):
        """The story of a run of which so many operations were acknowledged and so many sent."""
        return Story(self.operations, [ACKNOWLEDGED] * acknowledged + [UNKNOWN] * (sent - acknowledged))

    def possible_farms(self):
        """Every farm that may be stored now."""
        if self.settled:
            yield self.settled
            return
        unknown = [index for index, outcome in enumerate(self.outcomes) if outcome == UNKNOWN]
        for done in itertools.product((True, False), repeat=len(unknown)):
            left_out = {index for index, is_done in zip(unknown, done) if not is_done}
            yield FarmModel().after(*(op for index, op in enumerate(self.sent) if index not in left_out))

    def acknowledged_farm(self):
        pairs = zip(self.operations, self.outcomes)
        return FarmModel().after(*(operation for operation, outcome in pairs if outcome == ACKNOWLEDGED))


def send(client, operation):
    """Sends one operation; gives the status and the answer, as a model gives it."""
    if isinstance(operation, Delete):
        status, answer = client.delete(operation.id)
        return status, {204: True, 404: False}.get(status, answer)
    status, answer = client.post(operation.lines())
    if status == 200:
        answer = {name: answer[name] for name in ("received", "stored", "replaced", "unchanged", "refused")}
        answer["refused"] = [refused["line"] for refused in answer["refused"]]
    return status, answer


def is_accepted(operation, status):
    return status == 200 or (isinstance(operation, Delete) and status in (204, 404))


def tell(client, story, until=None, failures_max=2):
    """Sends the operations that come next, until the server is gone or refused some. Notes what became of them."""
    farm = story.acknowledged_farm()
    failures = 0
    for operation in story.operations[len(story.outcomes) : until]:
        try:
            status, answer = send(client, operation)
        except GONE:
            story.outcomes.append(UNKNOWN)
            return None
        if is_accepted(operation, status):
            story.outcomes.append(ACKNOWLEDGED)
            if UNKNOWN not in story.outcomes and answer != (expected := farm.apply(operation)):
                story.problems.append(f"operation {len(story.outcomes)} was answered {answer} instead of {expected}")
        else:
            story.outcomes.append(UNKNOWN)
            failures += 1
            if failures == failures_max:
                return status
    return None


def check(folder, key, farm_id, story, send_again=True, log=None):
    """Opens a folder and compares it with a story. Gives what is wrong, or None."""
    if story.problems:
        return story.problems[0]
    try:
        server = Server(folder, log=log)
    except Ended as ended:
        return f"the folder does not open: {ended}"
    client = Client(server.endpoint, key, farm_id)
    try:
        wrong = check_served(client, story, send_again)
        server.kill()
        return wrong or (verified(folder) if send_again else None)
    except Failed as failed:
        return f"{failed}; the server's log: {server.log()}"
    except GONE as gone:
        return f"the server {'does not answer' if server.is_alive else 'is gone'} ({gone!r}): {server.log()}"
    finally:
        client.close()
        server.kill()


def verified(folder):
    """What `farmtally verify` and `verify-audit` have against a folder, or None. A folder that was only interrupted has nothing
    wrong."""
    for command in ("verify", "verify-audit"):
        done = served.run(folder, command, check=False)
        if done.returncode != 0:
            return f"{command} exited {done.returncode}: {done.stdout} {done.stderr}"
    return None


def check_served(client, story, send_again=True):
    """The same for a server that runs."""
    rows = client.rows()
    farms, differences = [], []
    for possible in story.possible_farms():
        wrong = difference(possible.rows(), rows)
        if wrong is None:
            farms.append(possible)
        else:
            differences.append(wrong)
    if not farms:
        known = {name: story.outcomes.count(name) for name in (ACKNOWLEDGED, UNKNOWN)}
        return f"what is stored is none of what is possible after {known}: {differences[0]}"
    return all_again(client, story, farms) if send_again else None


def all_again(client, story, farms):
    """Sends everything again and compares the answers and the end with the farms that it may be.

    Several may show the same: whether a session was corrected before it was deleted is only seen when it comes again."""
    for operation in _merged(story):
        status, answer = send(client, operation)
        if not is_accepted(operation, status):
            return f"sent again, it was answered {status} {answer}"
        expected = [farm.apply(operation) for farm in farms]
        farms = [farm for farm, its_answer in zip(farms, expected) if its_answer == answer]
        if not farms:
            return f"sent again, it was answered {answer} instead of {' or '.join(map(str, expected))}"
    if UNKNOWN not in story.outcomes[:-1]:
        # Unless something later overtook what was refused, this is where the sender wanted to get.
        farms = [FarmModel().after(*story.operations)]
    rows = client.rows()
    story.settled = next((farm for farm in farms if difference(farm.rows(), rows) is None), farms[0])
    wrong = difference(story.settled.rows(), rows)
    return f"after everything was sent again, {wrong}" if wrong else None


def _merged(story):
    """All operations, in order; posts that follow each other are one. A deletion that was acknowledged is done."""
    records = []
    for index, operation in enumerate(story.operations):
        if isinstance(operation, Post):
            records += operation.records
        elif index >= len(story.outcomes) or story.outcomes[index] == UNKNOWN:
            if records:
                yield Post(tuple(records))
            records = []
            yield operation
    if records:
        yield Post(tuple(records))
