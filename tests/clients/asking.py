"""Clients, and the question as scripts ask it: start, poll, read every page."""

import time

import boto3
from botocore.config import Config

import sample
import wire_shapes
from program import PATIENCE_SECONDS, environment


def client(variables, region=None, **config):
    """A boto3 client that is configured by environment variables and whose every answer is checked.

    `config` is what a test needs beyond that.
    """
    with environment(variables):
        made = boto3.session.Session(region_name=region).client("deadline", config=Config(**config))
    wire_shapes.check_every_answer(made)
    return made


def attempts(number):
    """The configuration of a client that tries so many times in all."""
    return {"retries": {"total_max_attempts": number, "mode": "standard"}}


def question(farm_id, queues=(), fleets=(), group_by=("QUEUE_ID",), statistics=("SUM",), **further):
    """The parameters of a Start."""
    resources = {"fleetIds": list(fleets)} if fleets else {"queueIds": list(queues)}
    return {
        "farmId": farm_id, "resourceIds": resources, "groupBy": list(group_by), "statistics": list(statistics),
        **sample.WINDOW, **further,
    }


def poll(deadline, farm_id, aggregation_id, **parameters):
    """Gets until the aggregation has ended; gives the last answer, a first page."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = deadline.get_sessions_statistics_aggregation(
            farmId=farm_id, aggregationId=aggregation_id, **parameters
        )
        if answer["status"] != "IN_PROGRESS":
            return answer
        assert time.monotonic() < give_up, f"aggregation {aggregation_id} did not end in {PATIENCE_SECONDS} s"


def start(deadline, parameters):
    """Starts an aggregation and waits until it has ended; gives its id and its first page."""
    aggregation_id = deadline.start_sessions_statistics_aggregation(**parameters)["aggregationId"]
    return aggregation_id, poll(deadline, parameters["farmId"], aggregation_id)


def pages(deadline, farm_id, aggregation_id, **pagination):
    """The paginator's iterator over a finished aggregation."""
    paginator = deadline.get_paginator("get_sessions_statistics_aggregation")
    return paginator.paginate(farmId=farm_id, aggregationId=aggregation_id, PaginationConfig=pagination)


def ask(deadline, parameters):
    """All rows of a question."""
    aggregation_id, first = start(deadline, parameters)
    assert first["status"] == "COMPLETED", first
    return pages(deadline, parameters["farmId"], aggregation_id).build_full_result()["statistics"]
