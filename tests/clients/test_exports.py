"""Exports: FOCUS against its published columns and the API's own sums, and sessions against the records that went in."""

import csv
import json
from decimal import Decimal

import duckdb
import polars
import pytest

import asking
import focus_model
import sample
from conftest import open_site
from program import Folder, run
from sample import COMP, CPU, SIM
from test_parquet import costs, history  # noqa: F401 (a fixture)

MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01")


def export(folder, farm, kind, output, *flags):
    folder.run("export", kind, "--farm", farm, "--from", MONTHS[0], "--to", MONTHS[-1], "--output", output, *flags)
    return output


def rows(output, pattern):
    read = []
    for path in sorted(output.glob(pattern)):
        with open(path, newline="", encoding="utf-8") as file:
            read += csv.DictReader(file)
    return read


@pytest.mark.parametrize("version", ["1.2", "1.4"])
def test_focus_rows_have_the_columns_and_values_of_the_published_model(history, tmp_path, version):
    folder, records = history
    output = export(folder, "studio", "focus", tmp_path / "focus", "--focus-version", version)
    written = rows(output, "billing_month=*/focus.csv")
    focus_model.check(version, written)
    # All that ended is in these months whole, and a part of what one session that runs has cost so far.
    running = sum(Decimal(row["BilledCost"]) for row in written) - sum(map(costs, records))
    assert 0 <= running < 110
    for row in written:
        assert Decimal(row["BilledCost"]) == Decimal(row["ListCost"]) == Decimal(row["ContractedCost"])


def test_a_month_adds_up_to_what_the_api_answers_scale_factor_included(tmp_path):
    site = open_site(tmp_path / "data", {"north": sample.NORTH})
    try:
        site.folder.run("farm", "set", "north", "--cost-scale-factor", "0.123456789")
        output = export(site.folder, "north", "focus", tmp_path / "focus")
        written = rows(output, "billing_month=2025-11/focus.csv")
        focus_model.check("1.2", written)
        for queue in (COMP, SIM):
            own = [row for row in written if row["SubAccountId"] == queue]
            month = {"startTime": "2025-11-01T00:00:00Z", "endTime": "2025-12-01T00:00:00Z"}
            question = asking.question(site.farms["north"], queues=[queue]) | month
            _, page = asking.start(site.client(), question)
            [answer] = page["statistics"]
            # The API's double is the exact sum, rounded once.
            assert answer["costInUsd"]["sum"] == float(sum(Decimal(row["BilledCost"]) for row in own))
            assert Decimal("0.123456789") * sum(Decimal(row["ListCost"]) for row in own) == sum(
                Decimal(row["BilledCost"]) for row in own
            )
        [volume, *more] = [row for row in written if row["ResourceType"] == "Persistent volume"]
        assert (len(more), volume["SubAccountId"], volume["ServiceCategory"]) == (1, "", "Storage")
        days = {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in written}
        assert days == {
            ("2025-11-24T00:00:00Z", "2025-11-25T00:00:00Z"), ("2025-11-25T00:00:00Z", "2025-11-26T00:00:00Z")
        }
    finally:
        assert site.server.stop() == 0


def test_parquet_has_the_rows_of_csv_as_decimals_and_times(history, tmp_path):
    # Without the session that runs, whose cost so far is another each time.
    folder = Folder(tmp_path / "data")
    folder.import_lines("studio", "\n".join(map(json.dumps, history[1])))
    texts = export(folder, "studio", "focus", tmp_path / "csv")
    files = export(folder, "studio", "focus", tmp_path / "parquet", "--format", "parquet")
    expected = rows(texts, "billing_month=*/focus.csv")
    pattern = str(files / "*" / "*.parquet")
    relation = duckdb.read_parquet(pattern, hive_partitioning=True)
    types = dict(zip(relation.columns, map(str, relation.types)))
    assert types["BilledCost"] == "DECIMAL(38,18)" and types["ChargePeriodStart"] == "TIMESTAMP WITH TIME ZONE"
    [(count, cost, seconds)] = duckdb.sql(
        "SELECT count(*), sum(BilledCost), sum(ConsumedQuantity) FROM relation"
    ).fetchall()
    assert count == len(expected)
    assert cost == sum(Decimal(row["BilledCost"]) for row in expected)
    assert seconds == sum(Decimal(row["ConsumedQuantity"]) for row in expected)
    frame = polars.read_parquet(pattern, hive_partitioning=True)
    assert frame.schema["BilledCost"] == polars.Decimal(38, 18)
    assert frame["BilledCost"].sum() == cost
    assert sorted(frame["ResourceName"].drop_nulls()) == sorted(
        row["ResourceName"] for row in expected if row["ResourceName"]
    )


def test_sessions_come_out_as_they_went_in(history, tmp_path):
    folder, records = history
    output = export(folder, "studio", "sessions", tmp_path / "sessions", "--format", "jsonl")
    lines = [json.loads(line) for path in output.glob("month=*/*.jsonl") for line in path.read_text().splitlines()]
    ended = [line for line in lines if "endedAt" in line]
    assert sum(Decimal(line["costInUsd"]) for line in ended) == sum(map(costs, records))
    assert {line.get("sessionId", line.get("volumeId")) for line in ended} == {
        record.get("sessionId", record.get("volumeId")) for record in records
    }
    copy = Folder(tmp_path / "copy")
    parquet = export(folder, "studio", "sessions", tmp_path / "parquet", "--format", "parquet")
    counted = copy.import_files("studio", "parquet", *sorted(parquet.glob("month=*/*.parquet")))
    assert counted["stored"] == len(records) + 1, counted


def test_an_export_beside_a_server_is_the_same(history, tmp_path):
    folder, _ = history
    alone = export(folder, "studio", "sessions", tmp_path / "alone")
    copy = tmp_path / "copy"
    run("backup", "--data-dir", folder.path, copy)
    site = open_site(copy, {})
    try:
        beside = export(site.folder, "studio", "sessions", tmp_path / "beside")
    finally:
        assert site.server.stop() == 0
    for path in alone.glob("month=*/sessions.csv"):
        assert path.read_bytes() == (beside / path.relative_to(alone)).read_bytes()
        assert CPU in path.read_text() or path.parent.name == "month=2026-01"


def test_a_report_in_partitions_is_one_table_that_adds_up(tmp_path):
    folder = Folder(tmp_path / "data")
    folder.import_lines("north", sample.json_lines(sample.NORTH))
    flags = ("--by", "queue,user,usageType", "--in", "2025-11", "--partition", "day")
    for form in ("csv", "parquet"):
        told = folder.run("export", "report", *flags, "--format", form, "--output", tmp_path / form).stdout.splitlines()
        assert len(told) == 31 and told[-1].startswith("sum: 30 files, ")
        table = f"read_{form}('{tmp_path / form}/*/report.{form}', hive_partitioning = true"
        table += ", all_varchar = true)" if form == "csv" else ")"
        columns = duckdb.sql(f"SELECT * FROM {table}").columns
        cost = next(name for name in columns if name.lower().startswith("cost"))
        [(found, days)] = duckdb.sql(f"SELECT sum({cost}::DECIMAL(38, 18)), count(DISTINCT day) FROM {table}").fetchall()
        assert Decimal(found) == Decimal(told[-1].split()[-2]) == sum(map(costs, sample.NORTH))
        assert days > 1
