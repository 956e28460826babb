"""A run whose writes are all known, with the moments at which its operations were acknowledged."""

import shutil
from dataclasses import dataclass, field

import served
from client import GONE, Client
from crash_image import read_log
from disk import disk
from recovery import Story, check, is_accepted, send
from served import Ended, Server

# The data folder's name inside the recorded one, which is its parent, so that its own making is recorded too.
DATA = "data"
# Before one of so many operations something is asked, which the disk need not have before that operation comes.
QUESTION_EACH = 3


@dataclass
class Run:
    """What happened to the disk, and how much of it was known outside by when."""

    events: list
    operations: list
    key: tuple = None
    farm_id: str = None
    farm_known: int = 0
    key_known: int = 0
    # The number of events before the acknowledgement of each operation.
    acknowledged: list = field(default_factory=list)
    # What was on the disk before.
    files: dict | None = None
    # In a recovery: what was known before it, and nothing comes to be known.
    always: tuple | None = None

    def known(self, moment):
        """Operations that were acknowledged by then, and operations that were sent by then."""
        if self.always:
            return self.always
        done = sum(1 for at in self.acknowledged if at <= moment)
        return done, min(done + 1, len(self.operations))


def record(place, operations, faults=()):
    """Records a run from an empty place until every operation is acknowledged.

    Each server has one of the faults, and is killed when it met it; the next one gets the same operation again. The
    last two have none: one is stopped half-way, one is killed at the end. Between them records are sealed.
    """
    log = place.with_name(f"{place.name}.disk")
    shutil.rmtree(place, ignore_errors=True)
    log.unlink(missing_ok=True)
    place.mkdir()
    run = Run([], operations)
    run.farm_id = served.make_farm(place / DATA, disk(place, log=log))
    run.farm_known = len(read_log(log, place))
    run.key = served.make_key(place / DATA, disk(place, log=log))
    run.key_known = len(read_log(log, place))
    for fault in faults:
        _send_until_it_fails(run, place, disk(place, fault, log), log)
        _seal(place, disk(place, fault, log))
    half = len(run.acknowledged) + (len(operations) - len(run.acknowledged)) // 2
    for end, how in ((half, "stop"), (len(operations), "kill")):
        _send_until_it_fails(run, place, disk(place, log=log), log, end, how)
        _seal(place, disk(place, log=log))
    assert len(run.acknowledged) == len(operations), "a server without faults refused an operation"
    run.events = read_log(log, place)
    return run


def _send_until_it_fails(run, place, variables, log, end=None, how="kill"):
    before = len(read_log(log, place))
    try:
        server = Server(place / DATA, variables)
    except Ended:
        return
    client, numbers = Client(server.endpoint, run.key, run.farm_id), []
    try:
        for number, operation in enumerate(run.operations[len(run.acknowledged) : end]):
            if number % QUESTION_EACH == 1:
                client.start()
            status, _ = send(client, operation)
            if not is_accepted(operation, status):
                break
            numbers.append(client.answers)
        client.rows()
    except (*GONE, Exception) as error:
        if not isinstance(error, GONE) and how == "stop":
            raise
    client.close()
    server.stop() if how == "stop" else server.kill()
    events = read_log(log, place)
    answers = [at for at, event in enumerate(events[before:], before + 1) if event.kind == "A"]
    run.acknowledged += [answers[number - 1] for number in numbers]


def _seal(place, variables):
    if served.has_command("seal"):
        served.seal(place / DATA, variables, check="DISK_FAULT" not in variables)


def open_young(run, moment, folder):
    """A folder whose farm or key was being made: making them again must do, and then everything else."""
    try:
        if moment >= run.farm_known and run.farm_id not in served.run(folder, "farm", "list").stdout:
            return "the farm is gone"
        farm_id, key = served.make_farm(folder), served.make_key(folder)
    except AssertionError as error:
        return str(error)
    return check(folder, key, farm_id, Story(run.operations))
