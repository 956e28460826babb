"""The examples, run as people run them, against numbers that were worked out by hand (see `sample`)."""

import re
import subprocess
import sys

import pytest

import sample
from program import REPOSITORY, Folder, clean_environment

EXAMPLES = REPOSITORY / "examples"
TESTED = {"boto3_statistics.py", "native_query.py", "pandas_statistics.py", "polars_store.py", "duckdb_store.py"}


def example(name, *arguments, variables=None):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        capture_output=True, text=True, env=variables or clean_environment(),
    )


def printed(name, *arguments, variables=None):
    done = example(name, *arguments, variables=variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The farm `north`, sealed into Parquet files."""
    made = Folder(tmp_path_factory.mktemp("examples") / "data")
    made.import_lines("north", sample.json_lines(sample.NORTH))
    made.run("seal")
    return made.path


def test_every_example_is_tested_and_in_the_page():
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert names == TESTED
    page = (REPOSITORY / "docs/python.md").read_text()
    assert all(f"(../examples/{name})" in page for name in names)


def test_boto3_waits_and_reads_every_page(site):
    assert printed("boto3_statistics.py", "north", "2025-11-24", "2025-11-26", variables=site.variables) == [
        "2025-11-24 alice 2 sessions 1.83 h 3.45 USD",
        "2025-11-25 alice 1 sessions 0.50 h 0.70 USD",
        "2025-11-25 bob 3 sessions 3.01 h 3.61 USD",
    ]


def test_boto3_says_which_farm_there_is_not(site):
    done = example("boto3_statistics.py", "south", "2025-11-24", "2025-11-26", variables=site.variables)
    assert done.returncode == 1
    assert re.fullmatch(r"error: there is no farm `south`\nhint: there are [a-z, ]*north[a-z, ]*\n", done.stderr), done.stderr


@pytest.mark.parametrize("script", ["boto3_statistics.py", "pandas_statistics.py"])
def test_a_date_that_boto3_would_read_as_another_is_refused(site, script):
    done = example(script, "north", "10.11.2025", "2025-11-26", variables=site.variables)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: `10.11.2025` is no date like 2025-11-24\n")


def test_the_native_api_knows_shows_and_the_month_before(site):
    assert printed("native_query.py", "north", "2025-11", "^(sh[0-9]+) ", variables=site.variables) == [
        "sh010 4.15 USD, the month before 0 USD",
        "sh020 3.61 USD, the month before 0 USD",
    ]
    done = example("native_query.py", "north", "2025-13", "x", variables=site.variables)
    assert done.returncode == 1 and done.stderr.startswith('error: in "2025-13": '), done.stderr


def test_pandas_has_users_and_days(site):
    pytest.importorskip("pandas", reason="pandas needs Python 3.11")
    assert printed("pandas_statistics.py", "north", "2025-11-24", "2025-11-26", variables=site.variables) == [
        "day 2025-11-24 2025-11-25 all",
        "user",
        "alice 3.45 0.70 4.15",
        "bob - 3.61 3.61",
        "all 3.45 4.31 7.76",
    ]


def test_polars_reads_the_store(folder):
    assert printed("polars_store.py", folder) == [
        "2025-11 (volumes) 0 sessions 0.00 h 0.480000000 USD",
        "2025-11 comp 2 sessions 2.33 h 4.150000000 USD",
        "2025-11 sim 3 sessions 3.01 h 3.610000000 USD",
    ]


def test_duckdb_reads_the_store(folder):
    assert printed("duckdb_store.py", folder, 2) == [
        "4.150000000 USD, failed 0.000000000 USD 2 sessions alice sh010 light v12",
        "3.600000000 USD, failed 0.000000000 USD 1 sessions bob sh020 ocean",
    ]


def mistake(name, *arguments, **how):
    """What a script says to somebody who made one: an error and a hint, and no traceback."""
    done = example(name, *arguments, **how)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("name", sorted(TESTED))
def test_without_arguments_each_says_what_it_takes(name):
    said = mistake(name)
    assert "pip install " in said and f"python {name} " in said


@pytest.mark.parametrize("arguments", [["boto3_statistics.py", "north", "2025-11-24", "2025-11-26"], ["native_query.py", "north", "2025-11", "x"], ["pandas_statistics.py", "north", "2025-11-24", "2025-11-26"]])
def test_without_a_server_each_says_what_to_do(site, arguments):
    said = mistake(*arguments, variables=site.variables | {"AWS_ENDPOINT_URL_DEADLINE": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"})
    assert said.startswith("error: ") and "127.0.0.1:9" in said and 'eval "$(farmtally env' in said
    assert "hint: " in mistake(*arguments), "nor without what `farmtally env` prints"


@pytest.mark.parametrize("arguments", [["polars_store.py"], ["duckdb_store.py", "10"]])
def test_another_folder_is_named(tmp_path, arguments):
    name, *rest = arguments
    said = mistake(name, tmp_path, *rest)
    assert said.startswith(f"error: no sealed sessions in `{tmp_path}`\n") and "farmtally seal" in said


@pytest.mark.parametrize("name", sorted(TESTED))
def test_a_library_that_is_missing_is_named_with_the_command_that_installs_it(tmp_path, name):
    done = subprocess.run([sys.executable, "-S", EXAMPLES / name], capture_output=True, text=True, env=clean_environment(), cwd=tmp_path)
    assert done.returncode == 1 and "error: No module named " in done.stderr and "hint: pip install " in done.stderr and "Traceback" not in done.stderr
