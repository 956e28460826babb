"""The rules of the installed service model, asked of the server.

Nothing in here states a bound: each comes from the model, so that a newer model that moves one shows up here. A value
at a bound must be accepted, which a 404 is as well, and the value beyond it refused as not valid.
"""

import re
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

import wire_shapes
from asking import ask, poll, question
from program import REPOSITORY
from sample import COMP

MODEL = Session().get_service_model("deadline")
START = MODEL.operation_model("StartSessionsStatisticsAggregation")
GET = MODEL.operation_model("GetSessionsStatisticsAggregation")
# What is not served is listed on the page about the API, and a test below holds the page to it.
NOT_SERVED_HEADING = "## What there is not"
COVERAGE = (REPOSITORY / "docs/api-coverage.md").read_text(encoding="utf-8")
NOT_SERVED = set(re.findall(r"`(\w+)`", COVERAGE.split(NOT_SERVED_HEADING)[1])) & set(MODEL.operation_names)
SERVED = [name for name in MODEL.operation_names if name not in NOT_SERVED]
UNKNOWN_AGGREGATION = "ee" * 16


@pytest.fixture(scope="module")
def careless(site):
    """A client without checks of its own, which would keep some values from the server."""
    return site.client(parameter_validation=False)


def member(operation, *path):
    """The shape of a request's member; a number in the path is a list's element."""
    shape = operation.input_shape
    for step in path:
        shape = shape.member if step == 0 else shape.members[step]
    return shape


def outcome(deadline, operation, parameters):
    """`accepted`, or the fields that are not valid."""
    try:
        if operation is START:
            answer = deadline.start_sessions_statistics_aggregation(**parameters)
            poll(deadline, parameters["farmId"], answer["aggregationId"])
        else:
            deadline.get_sessions_statistics_aggregation(**parameters)
    except deadline.exceptions.ResourceNotFoundException:
        return "accepted"
    except deadline.exceptions.ValidationException as error:
        return [problem["name"] for problem in error.response["fieldList"]]
    return "accepted"


def accepts(deadline, operation, parameters):
    found = outcome(deadline, operation, parameters)
    assert found == "accepted", f"{parameters} is within the model, and refused: {found}"


def refuses(deadline, operation, parameters, field):
    found = outcome(deadline, operation, parameters)
    assert found == [field], f"{parameters} is outside the model: {found}"


def ids(kind, count):
    return [f"{kind}-{number:032x}" for number in range(count)]


@pytest.mark.parametrize("union", ["queueIds", "fleetIds"])
def test_as_many_resources_are_accepted_as_the_model_allows(careless, north, union):
    bounds = member(START, "resourceIds", union).metadata
    kind = union.removesuffix("Ids")

    def asked(count):
        return question(north) | {"resourceIds": {union: ids(kind, count)}}

    accepts(careless, START, asked(bounds["min"]))
    accepts(careless, START, asked(bounds["max"]))
    refuses(careless, START, asked(bounds["max"] + 1), f"resourceIds.{union}")
    refuses(careless, START, asked(bounds["min"] - 1), f"resourceIds.{union}")


@pytest.mark.parametrize("name", ["groupBy", "statistics"])
def test_as_many_elements_are_accepted_as_the_model_allows(careless, north, name):
    bounds = member(START, name).metadata
    choices = member(START, name, 0).metadata["enum"]
    accepts(careless, START, question(north, [COMP]) | {name: choices[: bounds["min"]]})
    accepts(careless, START, question(north, [COMP]) | {name: choices[: bounds["max"]]})
    beyond = (choices * 2)[: bounds["max"] + 1]
    refuses(careless, START, question(north, [COMP]) | {name: beyond}, name)
    refuses(careless, START, question(north, [COMP]) | {name: []}, name)


@pytest.mark.parametrize(
    ("name", "path"), [("groupBy", ("groupBy", 0)), ("statistics", ("statistics", 0)), ("period", ("period",))]
)
def test_every_value_of_an_enum_is_accepted_and_no_other(deadline, north, name, path):
    in_a_list = len(path) == 2

    def asked(text):
        return question(north, [COMP]) | {name: [text] if in_a_list else text}

    choices = member(START, *path).metadata["enum"]
    for choice in choices:
        accepts(deadline, START, asked(choice))
    for other in [choices[0].lower(), choices[0] + "S", choices[0] + " ", "", "É"]:
        refuses(deadline, START, asked(other), f"{name}[0]" if in_a_list else name)


def test_every_usage_type_and_status_that_we_send_is_in_the_model(deadline, north):
    """The shape check does that for every answer; here it is made sure that each of them was sent."""
    fleets = [fleet["fleetId"] for fleet in deadline.list_fleets(farmId=north)["fleets"]]
    rows = ask(deadline, question(north, fleets=fleets, group_by=["USAGE_TYPE"]))
    statistics = GET.output_shape.members["statistics"].member
    assert [row["usageType"] for row in rows] == sorted(statistics.members["usageType"].metadata["enum"])


def texts_near(pattern, good):
    """Texts that differ little from a good one, apart from those that the pattern happens to match."""
    shorter, longer = [good[:-1], good[1:], ""], [good + "0", " " + good, good + " ", good + "\n", "é" + good]
    near = [*shorter, *longer, good.upper(), good.capitalize()]
    return [text for text in near if not re.fullmatch(pattern, text)]


@pytest.mark.parametrize(
    ("operation", "field", "path", "good", "build"),
    [
        (START, "farmId", ("farmId",), "farm-" + "0f" * 16, lambda text: {"farmId": text}),
        (START, "resourceIds.queueIds[0]", ("resourceIds", "queueIds", 0), "queue-" + "9a" * 16,
         lambda text: {"resourceIds": {"queueIds": [text]}}),
        (START, "resourceIds.fleetIds[0]", ("resourceIds", "fleetIds", 0), "fleet-" + "9a" * 16,
         lambda text: {"resourceIds": {"fleetIds": [text]}}),
        (GET, "farmId", ("farmId",), "farm-" + "0f" * 16, lambda text: {"farmId": text}),
        (GET, "aggregationId", ("aggregationId",), "0f" * 16, lambda text: {"aggregationId": text}),
    ],
)
def test_an_id_is_accepted_when_it_matches_the_pattern(deadline, north, operation, field, path, good, build):
    usual = question(north, [COMP]) if operation is START else {"farmId": north, "aggregationId": UNKNOWN_AGGREGATION}
    pattern = member(operation, *path).metadata["pattern"]
    assert re.fullmatch(pattern, good)
    accepts(deadline, operation, usual | build(good))
    for text in texts_near(pattern, good):
        refuses(deadline, operation, usual | build(text), field)


def test_every_timezone_that_matches_the_pattern_of_the_model_is_accepted_and_no_other(careless, north):
    shape = member(START, "timezone")
    pattern, lengths = shape.metadata["pattern"], range(shape.metadata["min"], shape.metadata["max"] + 1)
    minutes = (0, 15, 30, 45)
    everything = [f"UTC{sign}{hour:02}:{minute:02}" for sign in "+-" for hour in range(25) for minute in minutes]
    matching = [text for text in everything if re.fullmatch(pattern, text) and len(text) in lengths]
    assert len(matching) == 80, "the model has another pattern"
    for text in [*everything, "UTC", "UTC+8", "Z", "utc+00:00", "UTC 00:00", "+00:00", "Europe/Oslo", "UTC+00:00 ", ""]:
        # A window on whole hours of this zone.
        minute = text[-2:] if text.endswith(":30") else "00"
        window = {"startTime": f"2025-11-24T00:{minute}:00Z", "endTime": f"2025-11-24T02:{minute}:00Z"}
        asked = question(north, [COMP], timezone=text) | window
        if text in matching:
            accepts(careless, START, asked)
        else:
            refuses(careless, START, asked, "timezone")


def test_max_results_has_the_bounds_of_the_model(careless, north):
    bounds = member(GET, "maxResults").metadata
    usual = {"farmId": north, "aggregationId": UNKNOWN_AGGREGATION}
    for size in (bounds["min"], bounds["max"]):
        accepts(careless, GET, usual | {"maxResults": size})
    for size in (bounds["min"] - 1, bounds["max"] + 1, 2**31, -1):
        refuses(careless, GET, usual | {"maxResults": size}, "maxResults")


def test_a_token_has_the_bounds_of_the_model(deadline, north):
    bounds = member(GET, "nextToken").metadata
    usual = {"farmId": north, "aggregationId": UNKNOWN_AGGREGATION}
    accepts(deadline, GET, usual | {"nextToken": "x" * bounds["min"]})
    with pytest.raises(deadline.exceptions.ValidationException) as longest:
        deadline.get_sessions_statistics_aggregation(**usual, nextToken="x" * bounds["max"])
    with pytest.raises(deadline.exceptions.ValidationException) as too_long:
        deadline.get_sessions_statistics_aggregation(**usual, nextToken="x" * (bounds["max"] + 1))
    assert f"0 to {bounds['max']}" in too_long.value.response["message"]
    assert f"0 to {bounds['max']}" not in longest.value.response["message"], "a token of this length is looked at"


def test_what_the_model_requires_is_required(careless, north):
    whole = question(north, [COMP])
    for name in START.input_shape.required_members:
        if name != "farmId":  # Part of the path.
            refuses(careless, START, {key: value for key, value in whole.items() if key != name}, name)
    refuses(careless, GET, {"farmId": north}, "aggregationId")
    refuses(careless, START, whole | {"resourceIds": {}}, "resourceIds")
    refuses(careless, START, whole | {"resourceIds": {"queueIds": [COMP], "fleetIds": ids("fleet", 1)}}, "resourceIds")


def least(shape):
    """The smallest value that a shape allows, so that a client sends it."""
    if shape.type_name == "structure":
        members = shape.required_members or list(shape.members)[:1]
        return {name: least(shape.members[name]) for name in members}
    return {
        "list": lambda: [least(shape.member)] * shape.metadata.get("min", 0),
        "map": dict,
        "string": lambda: (shape.enum or ["x" * max(shape.metadata.get("min", 1), 1)])[0],
        "integer": lambda: 1,
        "long": lambda: 1,
        "float": lambda: 1.0,
        "double": lambda: 1.0,
        "boolean": lambda: True,
        "timestamp": lambda: "2025-11-24T00:00:00Z",
        "blob": lambda: b"x",
    }[shape.type_name]()


def test_every_other_operation_says_that_it_is_not_served(site):
    caller = site.client(parameter_validation=False)
    assert len(NOT_SERVED) > 50
    for name in sorted(NOT_SERVED):
        with pytest.raises(ClientError) as raised:
            caller._make_api_call(name, least(MODEL.operation_model(name).input_shape))
        error = raised.value.response["Error"]
        assert (name, error["Code"]) == (name, "UnknownOperationException")
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_every_operation_that_the_page_does_not_leave_out_is_served(site):
    caller = site.client(parameter_validation=False)
    for name in SERVED:
        if name == "CreateFarm":  # The least that is asked for is enough for a new farm.
            continue
        try:
            caller._make_api_call(name, least(MODEL.operation_model(name).input_shape))
        except ClientError as error:
            assert error.response["Error"]["Code"] != "UnknownOperationException", name


def test_the_request_shapes_of_the_program_are_those_of_the_installed_model():
    written = subprocess.run(
        [sys.executable, REPOSITORY / "scripts/write-request-shapes"], capture_output=True, text=True, check=True
    ).stdout
    kept = (REPOSITORY / "crates/wire/src/shapes/model.rs").read_text(encoding="utf-8")
    assert written == kept, "run scripts/write-request-shapes"


# A text for each pattern that a request has to match on its way to another rule.
GOOD = {
    "FarmId": "farm-" + "0" * 32, "QueueId": "queue-" + "0" * 32, "FleetId": "fleet-" + "0" * 32,
    "JobId": "job-" + "0" * 32, "SessionId": "session-" + "0" * 32, "WorkerId": "worker-" + "0" * 32,
    "StorageProfileId": "sp-" + "0" * 32, "IamRoleArn": "arn:aws:iam::123456789012:role/x",
    "AmountCapabilityName": "amount.x", "AttributeCapabilityName": "attr.x", "AttributeCapabilityValue": "x",
    "S3Prefix": "x", "WindowsUserPasswordArnString":
        "arn:aws:secretsmanager:us-west-2:123456789012:secret:x",
}


def whole(shape):
    """A value with everything that is required, and nothing else."""
    if shape.type_name == "structure":
        names = list(shape.members)[:1] if shape.is_tagged_union else shape.required_members
        return {name: whole(shape.members[name]) for name in names}
    if shape.type_name == "list":
        return [whole(shape.member)] * max(shape.metadata.get("min", 0), 1)
    if shape.type_name == "string":
        return (shape.enum or [GOOD.get(shape.name, "x" * max(shape.metadata.get("min", 1), 1))])[0]
    if shape.type_name in ("integer", "float", "double"):
        return shape.metadata.get("min", 1)
    return {"map": {}, "timestamp": "2025-11-24T00:00:00Z"}[shape.type_name]


def broken(shape, place, seen=()):
    """Values that break one rule of a shape each, with the name of the field that breaks it."""
    if shape.name in seen:
        return
    seen = (*seen, shape.name)
    least_allowed, most_allowed = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{place}.{name}" if place else name
            base = {} if shape.is_tagged_union else whole(shape)
            for value, field in broken(member, inner, seen):
                yield base | {name: value}, field
            if name in shape.required_members and member.serialization.get("location") != "uri":
                yield {key: value for key, value in base.items() if key != name}, inner
        if shape.is_tagged_union:
            yield {}, place
    elif shape.type_name == "list":
        for value, field in broken(shape.member, f"{place}[0]", seen):
            yield [value, *[whole(shape.member)] * max(least_allowed - 1 if least_allowed else 0, 0)], field
        if most_allowed is not None:
            yield [whole(shape.member)] * (most_allowed + 1), place
        if least_allowed:
            yield [whole(shape.member)] * (least_allowed - 1), place
    elif shape.type_name == "string":
        if shape.enum:
            yield "nope", place
        elif shape.metadata.get("pattern") and not re.fullmatch(shape.metadata["pattern"], "?\n"):
            yield "?\n", place
        if least_allowed:
            yield "x" * (least_allowed - 1), place
        if most_allowed is not None and most_allowed < 20_000:
            yield "x" * (most_allowed + 1), place
    elif shape.type_name in ("integer", "float", "double"):
        if least_allowed is not None:
            yield least_allowed - 1, place
        if most_allowed is not None:
            yield most_allowed + 1, place


@pytest.mark.parametrize("name", [name for name in SERVED if name not in (START.name, GET.name)])
def test_every_rule_of_the_model_is_kept_for_every_member_of_every_request(careless, name):
    shape = MODEL.operation_model(name).input_shape
    count = 0
    for parameters, field in broken(shape, ""):
        location = shape.members[re.split(r"[.\[]", field)[0]].serialization.get("location")
        value = parameters.get(field)
        if location in ("header", "querystring") and value in (None, "", []):
            continue  # The client leaves it out, or it is the first page.
        if location == "header" and not str(value).isprintable():
            continue
        with pytest.raises(ClientError) as raised:
            careless._make_api_call(name, parameters)
        response = raised.value.response
        assert response["Error"]["Code"] == "ValidationException", (parameters, response)
        assert field in [problem["name"] for problem in response.get("fieldList", [])], (parameters, response)
        count += 1
    assert count > 0 or "tag" in name.lower(), "the model bounds nothing of tags; of everything else it bounds something"


def test_answers_were_checked_against_the_model(deadline, site, north):
    before = wire_shapes.checked.copy()
    deadline.list_farms()
    assert wire_shapes.checked["ListFarms", "200"] == before["ListFarms", "200"] + 1
    with pytest.raises(deadline.exceptions.ResourceNotFoundException):
        deadline.get_farm(farmId="farm-" + "0" * 32)
    assert wire_shapes.checked["GetFarm", "ResourceNotFoundException"] > before["GetFarm", "ResourceNotFoundException"]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({}, "lacks status"),
        ({"status": "DONE"}, "none of"),
        ({"status": "COMPLETED", "statusMessage": None}, "not a string"),
        ({"status": "COMPLETED", "rows": []}, "does not"),
        ({"status": "COMPLETED", "statistics": [{"count": 1, "costInUsd": {}}]}, "lacks runtimeInSeconds"),
        ({"status": "COMPLETED", "statistics": [{"count": 2.5, "costInUsd": {}, "runtimeInSeconds": {}}]}, "integer"),
        (
            {"status": "COMPLETED", "statistics": [
                {"count": 1, "costInUsd": {}, "runtimeInSeconds": {}, "aggregationStartTime": 1763942400}]},
            "not such as",
        ),
        (
            {"status": "COMPLETED", "statistics": [
                {"count": 1, "costInUsd": {}, "runtimeInSeconds": {}, "queueId": "queue-1"}]},
            "does not match",
        ),
    ],
)
def test_the_check_itself_can_fail(body, part):
    with pytest.raises(wire_shapes.ShapeError, match=re.escape(part)):
        wire_shapes.check(GET.output_shape, body, GET.name)
