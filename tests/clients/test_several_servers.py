"""Three servers over one catalogue and one folder of segments, which are killed, frozen and thawed, and whose database
crashes: nothing is lost, doubled or wrong, and every aggregation ends.

`SEVERAL_RACES` and `SEVERAL_ROUNDS` make more of it; `scripts/several-servers --full` does.
"""

import concurrent.futures
import os
import random
import signal
import time

import botocore.exceptions
import pytest

import asking
import sample
from several import Studio, Traffic, session

RACES = int(os.environ.get("SEVERAL_RACES", "10"))
ROUNDS = int(os.environ.get("SEVERAL_ROUNDS", "1"))
SEED = int(os.environ.get("SEVERAL_SEED", "1"))
STARTS_AT_ONCE = 32
# Longer than a server that gives no sign of life is believed to live.
FROZEN_SECONDS = 17


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = Studio(tmp_path_factory.mktemp("several"), 3)
    yield opened
    opened.stop()


def test_of_many_starts_on_all_servers_one_wins(studio):
    for number in range(3):
        assert studio.post(number, [session(1)])[0] == 200
    clients = [studio.client(number) for number in range(3)]

    def start(attempt):
        client = clients[attempt % 3]
        try:
            question = asking.question(studio.farm_id, [sample.COMP])
            return client.start_sessions_statistics_aggregation(**question)["aggregationId"]
        except botocore.exceptions.ConnectionClosedError:
            # A connection that was kept, and that the server ended because nobody had used it for a while.
            return start(attempt)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ThrottlingException", error
            return None

    with concurrent.futures.ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
        for _ in range(RACES):
            begun = [one for one in pool.map(start, range(STARTS_AT_ONCE)) if one]
            assert len(begun) == len(set(begun)) >= 1
            # Those that won one after the other all have the same answer, wherever they are asked.
            for aggregation_id, client in zip(begun, [*clients, *clients]):
                answer = asking.poll(client, studio.farm_id, aggregation_id)
                assert answer["status"] == "COMPLETED" and answer["statistics"][0]["count"] == 1, answer
    in_progress = studio.database.do("SELECT count(*) FROM aggregations WHERE status = 'IN_PROGRESS'")
    assert in_progress == ["0"]


def test_nothing_is_lost_or_doubled_while_servers_and_database_fail(studio):
    choice = random.Random(SEED)
    traffic = Traffic(studio, choice)
    with traffic:
        for _ in range(ROUNDS):
            studio.restart(choice.randrange(3))
            time.sleep(choice.random())
            studio.database.crash()
            time.sleep(choice.random())
            frozen = studio.servers[choice.randrange(3)].process
            frozen.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_SECONDS)
            frozen.send_signal(signal.SIGCONT)
            time.sleep(1)
    traffic.check()


def test_the_aggregation_of_a_frozen_server_times_out_and_a_thawed_one_changes_nothing(studio):
    # A question that takes a moment is caught by freezing its server at once, however long that takes to happen.
    for _ in range(20):
        client = studio.client(0)
        aggregation_id = client.start_sessions_statistics_aggregation(
            **asking.question(studio.farm_id, [sample.COMP])
        )["aggregationId"]
        studio.servers[0].process.send_signal(signal.SIGSTOP)
        other = studio.client(1)
        status = other.get_sessions_statistics_aggregation(farmId=studio.farm_id, aggregationId=aggregation_id)["status"]
        if status == "IN_PROGRESS":
            break
        studio.servers[0].process.send_signal(signal.SIGCONT)
    else:
        pytest.skip("the server was never frozen in the middle of an aggregation")
    ended = asking.poll(other, studio.farm_id, aggregation_id)
    assert ended["status"] == "TIMEOUT" and "start it again" in ended["statusMessage"], ended
    studio.servers[0].process.send_signal(signal.SIGCONT)
    time.sleep(1)
    again = studio.client(0, tries=5).get_sessions_statistics_aggregation(
        farmId=studio.farm_id, aggregationId=aggregation_id
    )
    assert (again["status"], again["statistics"]) == ("TIMEOUT", [])


def test_a_key_that_one_server_disables_ends_on_all(studio):
    key = studio.folders[1].key("reader")
    variables = studio.variables | {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}
    for server in studio.servers:
        client = asking.client(variables | {"AWS_ENDPOINT_URL_DEADLINE": server.endpoint}, **asking.attempts(1))
        client.get_farm(farmId=studio.farm_id)
    studio.folders[2].run("key", "disable", key[0])
    give_up = time.monotonic() + 10
    for server in studio.servers:
        client = asking.client(variables | {"AWS_ENDPOINT_URL_DEADLINE": server.endpoint}, **asking.attempts(1))
        while True:
            try:
                client.get_farm(farmId=studio.farm_id)
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "UnrecognizedClientException", error
                break
            assert time.monotonic() < give_up, "the key still works"
            time.sleep(0.1)
