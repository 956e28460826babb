"""`farmtally report --as TOOL`: every text that it prints runs as it stands and gives the sums that the report gives."""

import datetime
import json
import os
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest

import sample
from program import BINARY, Folder, Server, clean_environment, run

RANGE = ["--from", "2025-11-24", "--to", "2025-11-26"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A served folder, and a shell in which `farmtally` is the program and nothing else is known of it."""
    place = tmp_path_factory.mktemp("report")
    folder = Folder(place / "data")
    folder.import_lines("north", sample.json_lines(sample.NORTH))
    folder.run("seal")
    server = Server(folder)
    (place / "farmtally").symlink_to(BINARY.resolve())
    path = os.pathsep.join([str(place), os.path.dirname(sys.executable), os.environ["PATH"]])

    def text(tool, *flags):
        return folder.run("report", "--as", tool, *RANGE, *flags).stdout

    def bash(script, **options):
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env=clean_environment() | {"PATH": path}, timeout=60, **options
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout

    def costs(*flags):
        """What the report says: cost by the name of the first group."""
        answer = json.loads(folder.run("report", "--output", "json", *RANGE, *flags).stdout)
        return {group["values"][0]["name"]: Decimal(group["total"]["cost"]["sum"]) for group in answer["groups"]}

    yield text, bash, costs, folder
    assert server.stop() == 0, server.log()


def test_boto3(shell):
    text, bash, costs, folder = shell
    script = text("boto3", "--by", "user", "--period", "day")
    printed = bash(f'eval "$(farmtally env --data-dir {folder.path})"; exec python -', input=script)
    names = {"datetime": datetime, "tzutc": lambda: datetime.timezone.utc, "tzlocal": lambda: datetime.timezone.utc}
    found = {}
    for row in (eval(line, names) for line in printed.splitlines()):
        found[row["userId"]] = found.get(row["userId"], 0) + Decimal(repr(row["costInUsd"]["sum"]))
    assert found == costs("--by", "user") == {"alice": Decimal("4.15"), "bob": Decimal("3.61")}


def test_the_aws_cli(shell):
    text, bash, costs, _ = shell
    rows = json.loads(bash(text("aws", "--by", "user", "--where", "queue=sim")))["statistics"]
    found = {row["userId"]: Decimal(repr(row["costInUsd"]["sum"])) for row in rows}
    assert found == costs("--by", "user", "--where", "queue=sim") == {"bob": Decimal("3.61")}


def test_storage_is_asked_for_where_the_report_has_it(shell):
    text, bash, costs, _ = shell
    rows = json.loads(bash(text("aws", "--by", "usageType")))["statistics"]
    found = {row["usageType"]: Decimal(repr(row["costInUsd"]["sum"])) for row in rows}
    assert found == costs("--by", "usageType") and "PERSISTENT_VOLUME" in found


def test_a_name_is_found_in_any_case_as_the_report_finds_it(shell):
    text, bash, costs, _ = shell
    rows = json.loads(bash(text("aws", "--by", "user", "--where", "queue=SIM")))["statistics"]
    assert [row["userId"] for row in rows] == ["bob"]


def test_what_a_text_leaves_out_is_said(shell):
    done = run("report", "--data-dir", shell[3].path, "--as", "sql", *RANGE, "--by", "user", "--top", "1", "--compare", "previous")
    assert "this asks for all groups and not only the first 1, and for the range alone" in done.stderr


def test_curl(shell):
    text, bash, costs, _ = shell
    flags = ["--by", "user", "--where", "job~*light*", "--where", "outcome="]
    groups = json.loads(bash(text("curl", *flags)))["groups"]
    assert [Decimal(group["total"]["cost"]["sum"]) for group in groups] == list(costs(*flags).values()) == [Decimal("4.15")]


@pytest.mark.parametrize(
    "flags",
    [
        ["--by", "user"],
        ["--by", "user,queue", "--where", "jobName!~*foam*", "--stat", "sum,p95"],
        ["--by", "instanceType", "--where", "instanceType!=", "--period", "day", "--tz", "Europe/Paris"],
        ["--by", r"Shot:^(sh\d+) ", "--where", "user=alice|bob"],
        ["--by", "queue", "--where", "queue=SIM"],
        ["--by", "k:(?i)SH[0-9]+"],
        ["--by", "queue", "--where", "jobName~*sh0?0*"],
        ["--by", "queue", "--where", "licenseProduct="],
        ["--by", "queue", "--where", "licenseProduct!=nuke"],
        ["--by", "usageType", "--where", "usageType=compute|persistent_volume"],
    ],
)
def test_sql(shell, flags):
    text, _, costs, _ = shell
    relation = duckdb.connect().execute(text("sql", *flags))
    columns = [column[0] for column in relation.description]
    rows = [dict(zip(columns, row)) for row in relation.fetchall()]
    found = {}
    for row in rows:
        key = row[columns[2]]
        found[key] = found.get(key, 0) + Decimal(str(row["costInUsd_sum"]))
    expected = costs(*flags)
    assert sorted(map(float, found.values())) == pytest.approx(sorted(map(float, expected.values())), abs=1e-9)
    assert len(rows) >= len(expected) >= 1


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "it groups by one or two dimensions"),
        (["--by", "worker"], "it cannot group by worker"),
        (["--by", "user", "--stat", "p95"], "it has no percentiles"),
        (["--by", "user", "--where", "user=bob"], "it filters by some queues or by some fleets"),
        (["--by", "user", "--tz", "Asia/Kathmandu"], "it takes one offset of whole or half hours"),
        (["--by", "user", "--period", "quarter"], "it has no period of a quarter"),
    ],
)
def test_what_aws_cannot_be_asked_is_said(shell, flags, reason):
    done = run("report", "--data-dir", shell[3].path, "--as", "aws", *RANGE, *flags, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: AWS's operation cannot be asked this: {reason}" in done.stderr
