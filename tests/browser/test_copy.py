"""Each text of "Copy as" is run as it stands, against the server that it was copied from, and says what the page says."""

import csv
import datetime
import io
import json
import os
import shlex
import subprocess
import sys
from datetime import timezone
from decimal import Decimal

import duckdb
import program
import pytest
from explorer import PAST as RANGE, cents


def copied(page, tool):
    """The text under a tool, and what is said of it."""
    page.press("c")
    page.click(f"#dialog [data-tool={tool}]")
    page.until(f"document.querySelector('#dialog [data-tool={tool}]').getAttribute('aria-pressed') === 'true' && document.querySelector('#dialog .hint').textContent")
    found = page.run("return [document.querySelector('#copied code').textContent, document.querySelector('#dialog .hint').textContent]")
    page.close_dialog()
    # What a tool cannot be asked is a 400, which browsers note.
    assert [line for line in page.console() if "/query?format=" not in line] == []
    return found


@pytest.fixture(scope="module")
def shell(demo, tmp_path_factory):
    """Runs a text in a shell that knows `farmtally` and nothing else of it."""
    path = tmp_path_factory.mktemp("bin")
    (path / "farmtally").symlink_to(program.BINARY)
    environment = program.clean_environment()
    environment["PATH"] = f"{path}:{os.path.dirname(sys.executable)}:{environment['PATH']}"

    def run(text, *command):
        text = text.replace("DIR", str(demo.folder.path))
        done = subprocess.run([*command, text], capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0, f"{text}\n{done.stderr}\n{done.stdout}"
        return done.stdout

    return run


def costs_on_page(page, column=1):
    return {row[0]: row[column] for row in page.rows()}


def queue_names(page):
    return {value["id"]: value["name"] for value in page.api(f"{page.farm_path}/values?dimension=queue&limit=100")["values"]}


def by_queue(page, rows):
    """Rows of AWS's wire as the page shows them."""
    costs, names = {}, queue_names(page)
    for row in rows:
        name = names[row["queueId"]]
        costs[name] = costs.get(name, Decimal(0)) + Decimal(repr(row["costInUsd"]["sum"]))
    return {name: cents(cost) for name, cost in costs.items()}


def test_boto3(page, shell):
    page.open(**RANGE)
    text, _ = copied(page, "boto3")
    printed = shell(f'eval "$(farmtally env --data-dir DIR)"; exec python -c {shlex.quote(text)}', "bash", "-c")
    # Instants are printed as what makes them.
    names = {"datetime": datetime, "tzutc": lambda: timezone.utc, "tzlocal": lambda: timezone.utc}
    assert by_queue(page, [eval(line, names) for line in printed.splitlines()]) == costs_on_page(page)


def test_storage_belongs_to_fleets_so_that_a_question_by_usage_type_asks_for_them(page, shell):
    page.open(**RANGE, by="usageType")
    text, _ = copied(page, "aws")
    rows = json.loads(shell(text, "bash", "-c"))["statistics"]
    assert {row["usageType"] for row in rows} == {"COMPUTE", "LICENSE", "PERSISTENT_VOLUME"}
    shown = Decimal(page.total()[1].replace("$", "").replace(",", ""))
    assert abs(sum(Decimal(repr(row["costInUsd"]["sum"])) for row in rows) - shown) < Decimal("0.02"), "a volume that runs is a little older in each answer"


def test_the_aws_command(page, shell):
    page.open(**RANGE, timeZone="Asia/Kolkata")
    text, _ = copied(page, "aws")
    rows = json.loads(shell(text, "bash", "-c"))["statistics"]
    assert by_queue(page, rows) == costs_on_page(page) and len({row["aggregationStartTime"] for row in rows}) == 30


@pytest.mark.parametrize("view", [{"by": "queue"}, {"by": "queue,user", "where": ["outcome!=FAILED", "jobName~*sh*"], "timeZone": "Europe/Paris", "stat": "p95"}])
def test_curl(page, shell, view):
    page.open(**RANGE, **view)
    text, _ = copied(page, "curl")
    answer = json.loads(shell(text, "bash", "-c"))
    assert cents(answer["total"]["cost"]["sum"]) == cents(sum(Decimal(row["cost"]["sum"]) for row in answer["rows"])) == page.total()[1]


@pytest.mark.parametrize("view", [
    {"by": "queue"}, {"by": ["user", r"Show:^(\S+) "], "where": ["outcome!=FAILED", "jobName~*sh*"], "timeZone": "Europe/Paris", "stat": "max"},
    {"by": "queue", "pattern": r"Show:^(\S+) ", "where": "Show=northlight"},
])
def test_farmtally_report(page, shell, view):
    page.open(**RANGE, **view)
    text, _ = copied(page, "report")
    rows = list(csv.DictReader(io.StringIO(shell(text, "bash", "-c"))))
    assert cents(sum(Decimal(row["costInUsd_sum"]) for row in rows)) == page.total()[1]


@pytest.mark.parametrize("view", [
    {"by": "queue"}, {"by": "user", "where": ["outcome!=FAILED", "outcome=SUCCEEDED"], "stat": "p95"}, {"by": "licenseProduct", "timeZone": "America/New_York"},
    {"by": r"Show:^(\S+) ", "metric": "runtime", "stat": "max"}, {"by": "fleet,instanceType", "period": "week"}, {"by": "job", "where": "jobName~*sh*"},
    {"by": "usageType", "where": "usageType=LICENSE|COMPUTE"}, {"by": "queue", "where": "licenseProduct!=nuke"}, {"by": "queue", "where": "licenseProduct="},
    {"by": "queue", "where": "jobName~*sh0?0*"}, {"by": "queue", "where": "jobName!~*_*"}, {"by": "user", "where": "user={user}"}, {"by": "queue", "where": "user!={user}"},
    {"by": "queue", "where": "queue={QUEUE}"}, {"by": "queue", "where": "fleet={FLEET}"}, {"by": "queue", "where": "outcome=failed", "stat": "avg"},
    {"by": r"k:(?i)SH[0-9]+", "stat": "min"}, {"by": r"a:^(?:(\w+)|x)"}, {"by": r"jobName2:[[:alpha:]]+", "where": "jobName2!=sh"},
])
def test_sql_over_the_sealed_files(page, sealed, view):
    page.open(**RANGE)
    names = {kind: page.api(f"{page.farm_path}/values?dimension={kind}&limit=1")["values"][0]["name"] for kind in ("user", "queue", "fleet")}
    names |= {kind.upper(): name.swapcase() for kind, name in names.items()}
    for member in ("where",) if isinstance(view.get("where"), str) and "{" in view["where"] else ():
        view = view | {member: view[member].format(**names)}
    page.open(**RANGE, **view)
    text, _ = copied(page, "sql")
    assert text
    statistics = ["sum", *([view["stat"]] if "stat" in view else [])]
    answer = page.answer({"period": "auto", "stat": ",".join(statistics)} | RANGE | {name: value for name, value in view.items() if name != "stat"})
    expected = [
        {"sessions": row["sessions"]} | {f"costInUsd_{one}": Decimal(row["cost"][one]) for one in statistics}
        | {f"runtimeSeconds_{one}": Decimal(str(row["runtimeMs"][one])) / 1000 for one in statistics} for row in answer["rows"]
    ]
    with duckdb.connect() as connection:
        result = None
        for statement in duckdb.extract_statements(text.replace("DIR", str(sealed))):
            result = connection.execute(statement)
        columns = [column[0] for column in result.description]
        found = [dict(zip(columns, row)) for row in result.fetchall()]
    assert len(found) == len(expected) > 0
    for name in expected[0]:
        got, wanted = (sorted(Decimal(str(row[name])) for row in rows) for rows in (found, expected))
        assert all(abs(one - other) <= Decimal("0.000001") for one, other in zip(got, wanted)), name


def test_a_pattern_that_duckdb_reads_as_another_is_refused(page):
    page.open(**RANGE, by=r"Show:^([a-z&&[^s]]+)")
    text, said = copied(page, "sql")
    assert text == "" and "SQL cannot be asked this" in said and "farmtally report" in said


@pytest.fixture(scope="module")
def sealed(demo, tmp_path_factory):
    """A copy of the demo's folder as a backup has it, sealed."""
    path = tmp_path_factory.mktemp("sealed")
    demo.folder.run("backup", path / "backup")
    program.run("restore", path / "backup", path / "data")
    program.run("seal", "--data-dir", path / "data")
    return path / "data"


def test_what_awss_operation_cannot_be_asked_is_said_with_the_reason(page):
    for view, reason in (
        ({"by": "jobName"}, "cannot group by jobName"), ({"stat": "p95"}, "no percentiles"), ({"where": "outcome=FAILED"}, "by nothing else"),
        ({"timeZone": "Europe/Paris", "from": "2026-03-01", "to": "2026-04-01"}, "the clock changes"), ({"period": "quarter", "last": "90d"}, "no period of a quarter"),
        ({"by": "Show:^([a-z]+)_"}, "cannot group by part of a job name"), ({"by": "queue,user,fleet"}, "one or two dimensions"),
    ):
        page.open(**({"last": "90d"} if "from" not in view else {}) | view)
        for tool in ("boto3", "aws"):
            text, said = copied(page, tool)
            assert text == "" and reason in said and "curl" in said, (view, said)
