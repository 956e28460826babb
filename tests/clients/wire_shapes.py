"""What the installed service model says an answer looks like, checked on the bytes that arrived.

A client hides much: it drops nulls, reads numbers where the model has strings, and ignores what it does not know. So
the check hangs on the bytes before the client has read them.
"""

import json
import re
from collections import Counter

# How often an answer was checked, by operation and outcome.
checked = Counter()

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z")
# Statistics begin and end at whole seconds, and are printed as AWS's are.
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

# Errors that come before an operation is known: refusals of a signature, and of an operation that is not served.
UNMODELLED_ERRORS = {
    "UnknownOperationException",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
}


# The model forgets ValidationException among the errors of this operation, whose parameters have patterns.
WITHOUT_VALIDATION = {"ListQueueFleetAssociations"}


class ShapeError(AssertionError):
    """An answer that is not what the model says."""


def check_every_answer(client):
    """From now on every answer that the client receives is checked."""

    def before_parse(operation_model, response_dict, **_):
        check_answer(operation_model, response_dict)

    client.meta.events.register("before-parse.deadline", before_parse)


def check_answer(operation, response):
    """Checks status, headers and body of an answer against its operation."""
    headers = {name.lower(): value for name, value in response["headers"].items()}
    status, body = response["status_code"], response["body"]
    require("x-amzn-requestid" in headers, "headers", "have no x-amzn-RequestId")
    if status == 204:
        require(operation.http["responseCode"] == 204 and body == b"", operation.name, f"came with 204 and {body!r}")
        checked[operation.name, "204"] += 1
        return
    require(headers.get("content-type") == "application/json", "content-type", f"is {headers.get('content-type')!r}")
    document = json.loads(body, parse_constant=refuse_constant)
    if status == operation.http["responseCode"]:
        checked[operation.name, "200"] += 1
        check(operation.output_shape, document, operation.name)
        return
    error = headers.get("x-amzn-errortype", "")
    checked[operation.name, error] += 1
    if error == "ValidationException" and operation.name in WITHOUT_VALIDATION:
        operation = operation.service_model.operation_model("GetFarm")
    shape = next((shape for shape in operation.error_shapes if shape.name == error), None)
    if shape is None:
        require(error in UNMODELLED_ERRORS, error, f"is no error of {operation.name}")
        require(isinstance(document.get("message"), str), error, "has no message")
        return
    require(status == shape.metadata["error"]["httpStatusCode"], error, f"came with status {status}")
    check_headers(shape, headers, error)
    check(shape, document, error)


def check_headers(shape, headers, place):
    """Members that travel as headers: here, the whole number of seconds after which to come again."""
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header":
            value = headers.get(member.serialization["name"].lower())
            require(value is not None and value.isdigit(), f"{place}.{name}", f"came as {value!r}")


def check(shape, value, place):
    """Checks a JSON value against a shape; `place` is where it stands."""
    {
        "structure": check_structure, "list": check_list, "map": check_map, "string": check_string,
        "integer": check_integer, "double": check_number, "float": check_number, "timestamp": check_timestamp,
    }[shape.type_name](shape, value, place)


def check_structure(shape, value, place):
    require(isinstance(value, dict), place, f"is {value!r} and not an object")
    members = {
        member.serialization.get("name", name): member
        for name, member in shape.members.items() if "location" not in member.serialization
    }
    for name in shape.required_members:
        require(name in value or name not in members, place, f"lacks {name}")
    for name, member in value.items():
        require(name in members, place, f"has {name}, which {shape.name} does not")
        check(members[name], member, f"{place}.{name}")


def check_list(shape, value, place):
    require(isinstance(value, list), place, f"is {value!r} and not a list")
    check_bounds(shape, len(value), place)
    for index, element in enumerate(value):
        check(shape.member, element, f"{place}[{index}]")


def check_map(shape, value, place):
    require(isinstance(value, dict), place, f"is {value!r} and not an object")
    for key, member in value.items():
        check(shape.value, member, f"{place}.{key}")


def check_string(shape, value, place):
    require(isinstance(value, str), place, f"is {value!r} and not a string")
    check_bounds(shape, len(value), place)
    choices = shape.metadata.get("enum")
    require(not choices or value in choices, place, f"is {value!r}, none of {choices}")
    pattern = shape.metadata.get("pattern")
    require(not pattern or re.fullmatch(pattern, value), place, f"is {value!r}, which does not match {pattern}")


def check_integer(shape, value, place):
    require(isinstance(value, int) and not isinstance(value, bool), place, f"is {value!r} and not an integer")
    require(-(2**31) <= value < 2**31, place, f"is {value}, more than 32 bits")
    check_bounds(shape, value, place)


def check_number(shape, value, place):
    require(isinstance(value, int | float) and not isinstance(value, bool), place, f"is {value!r} and not a number")
    check_bounds(shape, value, place)


def check_timestamp(shape, value, place):
    wanted = shape.serialization.get("timestampFormat")
    require(wanted == "iso8601", place, f"is a timestamp of the format {wanted} in the model")
    form = WHOLE_SECONDS if place.startswith("GetSessionsStatisticsAggregation") else INSTANT
    is_instant = isinstance(value, str) and form.fullmatch(value)
    require(is_instant, place, f"is {value!r} and not such as 2025-11-24T22:00:00Z")


def check_bounds(shape, size, place):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    require(least is None or size >= least, place, f"is {size}, less than {least}")
    require(most is None or size <= most, place, f"is {size}, more than {most}")


def refuse_constant(text):
    raise ShapeError(f"the body holds {text}, which JSON does not have")


def require(condition, place, sentence):
    if not condition:
        raise ShapeError(f"{place} {sentence}")
