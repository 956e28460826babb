"""The native API, asked as people's own tools ask it: with curl, and into pandas-like tools by CSV, Arrow and Parquet."""

import csv
import io
import json
import subprocess
from decimal import Decimal

import duckdb
import polars
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib.parse import parse_qsl, quote, urlencode
from urllib.request import Request, urlopen

import asking
import sample
from program import PATIENCE_SECONDS

WINDOW = "from=2025-11-24&to=2025-11-26"


def fetch(site, target, body=None, **headers):
    """The bytes of a signed answer."""
    method = "GET" if body is None else "POST"
    path, _, query = target.partition("?")
    # botocore signs a query as it stands, and only what is encoded is signed the same by everybody.
    target = path + "?" + urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote) if query else path
    request = AWSRequest(method, site.endpoint + target, data=body, headers=headers)
    SigV4Auth(Credentials(*site.key), "deadline", "us-west-2").add_auth(request)
    sent = Request(request.url, data=body, headers=dict(request.headers.items()), method=method)
    with urlopen(sent, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


def usage(site, farm, question, **headers):
    return fetch(site, f"/api/v1/farms/{farm}/query?{question}", **headers)


@pytest.fixture(scope="module")
def grouped(site, north):
    """The question of every test here, in JSON."""
    question = f"{WINDOW}&period=day&by=queue,user,instanceType&stat=sum,avg,p50&top=2"
    return question, json.loads(usage(site, north, question))


def money(text):
    return None if text in (None, "") else Decimal(text)


def rows_of(answer):
    """The rows of a JSON answer as the columns have them: start, queue, user, other groups, sessions, cost, seconds."""
    rows = []
    for row in answer["rows"]:
        group = answer["groups"][row["group"]]
        values = [value and value["name"] for value in group.get("values") or [None, None, None]]
        rows.append((
            answer["buckets"][row["bucket"]]["from"][:10], *values, group.get("other"), row["sessions"],
            Decimal(row["cost"]["sum"]), Decimal(row["cost"]["avg"]), Decimal(row["runtimeMs"]["sum"]) / 1000,
        ))
    return rows


COLUMNS = ["queueName", "userName", "instanceType", "otherGroups", "sessions", "costInUsd_sum", "costInUsd_avg",
           "runtimeSeconds_sum"]


def test_curl_signs_and_asks(site, north):
    key, secret = site.key
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--aws-sigv4", "aws:amz:us-west-2:deadline", "--user",
         f"{key}:{secret}", f"{site.endpoint}/api/v1/farms/{north}/query?by=queue&in=2025-11&period=day"],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )
    if done.returncode == 2 and "aws-sigv4" in done.stderr:
        pytest.skip("this curl cannot sign")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    names = {group["values"][0]["name"]: group["total"]["cost"]["sum"] for group in answer["groups"]}
    assert names == {"comp": "4.15", "sim": "3.61"}


def test_sums_are_those_of_boto3(site, deadline, north):
    answer = json.loads(usage(site, north, f"{WINDOW}&by=queue,user"))
    rows = asking.ask(deadline, asking.question(north, [sample.COMP, sample.SIM], group_by=("QUEUE_ID", "USER_ID")))
    asked = {(row["queueId"], row["userId"]): (row["count"], row["costInUsd"]["sum"]) for row in rows}
    ours = {
        tuple(value["id"] for value in group["values"]): (group["total"]["sessions"], float(group["total"]["cost"]["sum"]))
        for group in answer["groups"]
    }
    assert ours == asked


def test_csv_has_the_rows_of_the_answer(site, north, grouped):
    question, answer = grouped
    text = usage(site, north, question, Accept="text/csv").decode()
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    rows = [
        (row["bucketStart"][:10], *(row[name] or None for name in COLUMNS[:3]), int(row["otherGroups"] or 0) or None,
         int(row["sessions"]), *(money(row[name]) for name in COLUMNS[5:]))
        for row in read
    ]
    assert rows == rows_of(answer)
    assert text.endswith("\r\n")


def test_csv_has_no_formulas(throwaway):
    record = sample.NORTH[0] | {"jobName": "=HYPERLINK(\"http://evil.example\")", "userId": "@cmd"}
    site = throwaway(farms={"studio": [record]})
    text = usage(site, site.farms["studio"], "in=2025&by=jobName,user&format=csv").decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["jobName"], row["userId"]) == ("'=HYPERLINK(\"http://evil.example\")", "'@cmd")


def checked(frame, answer):
    assert frame.schema["bucketStart"] == polars.Datetime("ms", "UTC")
    assert frame.schema["sessions"] == polars.Int64
    assert frame.schema["costInUsd_sum"] == polars.Decimal(38, 9)
    assert frame.schema["runtimeSeconds_sum"] == polars.Decimal(18, 3)
    rows = [(str(row[0].date()), *row[1:]) for row in frame.select("bucketStart", *COLUMNS).iter_rows()]
    assert rows == rows_of(answer)


def test_polars_reads_the_arrow_stream(site, north, grouped):
    question, answer = grouped
    checked(polars.read_ipc_stream(usage(site, north, question + "&format=arrow")), answer)


def test_polars_and_duckdb_read_the_parquet_file(site, north, grouped, tmp_path):
    question, answer = grouped
    path = tmp_path / "usage.parquet"
    path.write_bytes(usage(site, north, question + "&format=parquet"))
    checked(polars.read_parquet(path), answer)
    relation = duckdb.read_parquet(str(path))
    types = dict(zip(relation.columns, map(str, relation.types)))
    assert types["bucketStart"] == "TIMESTAMP WITH TIME ZONE"
    assert types["costInUsd_sum"] == "DECIMAL(38,9)"
    [(sessions, cost)] = relation.aggregate("sum(sessions), sum(costInUsd_sum)").fetchall()
    assert cost == sum(Decimal(row["cost"]["sum"]) for row in answer["rows"])
    assert sessions == sum(row["sessions"] for row in answer["rows"])


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_an_answer_without_rows_can_be_read(site, north, form):
    read = {"arrow": polars.read_ipc_stream, "parquet": polars.read_parquet}[form]
    frame = read(io.BytesIO(usage(site, north, f"in=2001&by=user&format={form}")))
    assert len(frame) == 0 and "userName" in frame.columns


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_many_rows_and_the_window_before(site, wide, form):
    read = {"arrow": polars.read_ipc_stream, "parquet": polars.read_parquet}[form]
    question = f"in=2025-11-24&by=job,queue&compare=previous&stat=sum,max&format={form}"
    frame = read(io.BytesIO(usage(site, wide, question)))
    assert len(frame) == sample.WIDE_JOBS
    assert frame["costInUsd_sum"].sum() == Decimal(sum(range(1, sample.WIDE_JOBS + 1))) / 100
    assert frame["previous_sessions"].null_count() == sample.WIDE_JOBS


def test_the_document_describes_every_answer(site, north):
    document = json.loads(fetch(site, "/api/v1/openapi.json"))
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    for target, name in [
        ("/api/v1/farms", "Farms"),
        (f"/api/v1/farms/{north}/query?{WINDOW}&by=queue,instanceType&top=1&period=hour&compare=year&stat=avg,p50", "Answer"),
        (f"/api/v1/farms/{north}/values?dimension=user", "Values"),
        (f"/api/v1/farms/{north}/sessions?{WINDOW}&limit=2", "Sessions"),
    ]:
        check(json.loads(fetch(site, target)), schemas[name], schemas, name)
    page = fetch(site, "/api/docs").decode()
    assert "<script" not in page and "QueryUsageByUrl" in page


def check(value, schema, schemas, where):
    """What our schemas use of JSON Schema, and an error for what they use beyond that."""
    known = {"$ref", "type", "properties", "required", "items", "allOf", "oneOf", "anyOf", "additionalProperties",
             "description", "format", "minimum", "propertyNames", "default", "example", "examples"}
    assert set(schema) <= known, (where, set(schema) - known)
    if "$ref" in schema:
        check(value, schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, where)
    for part in schema.get("allOf", []):
        check(value, part, schemas, where)
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if alternatives:
        assert any(fits(value, one, schemas, where) for one in alternatives), (where, value)
    types = schema.get("type")
    if types is not None:
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
        types = [types] if isinstance(types, str) else types
        assert isinstance(value, tuple(kinds[kind] for kind in types)), (where, value, types)
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), (where, schema.get("required"), list(value))
        properties = schema.get("properties", {})
        for name, member in value.items():
            if name in properties:
                check(member, properties[name], schemas, f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                check(member, schema["additionalProperties"], schemas, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, element in enumerate(value):
            check(element, schema["items"], schemas, f"{where}[{index}]")


def fits(value, schema, schemas, where):
    try:
        check(value, schema, schemas, where)
    except AssertionError:
        return False
    return True
