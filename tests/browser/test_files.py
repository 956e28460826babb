"""What leaves the page: files of the numbers, pictures of the chart, and the bytes of the page itself."""

import csv
import html
import io
import json
import re
import urllib.error
import urllib.request
from decimal import Decimal

import polars
import pytest
from explorer import PAST


@pytest.fixture
def dialog(page):
    page.press("e")
    yield page
    page.close_dialog()


def save(page, extension):
    page.click(f"#dialog [data-format={extension}]")
    return page.downloaded(f".{extension}")


def amounts(content, extension):
    """The costs of a file's rows."""
    if extension == "json":
        return [Decimal(row["cost"]["sum"]) for row in json.loads(content)["rows"]]
    if extension == "csv":
        return [Decimal(row["costInUsd_sum"]) for row in csv.DictReader(io.StringIO(content.decode()))]
    read = polars.read_parquet if extension == "parquet" else polars.read_ipc_stream
    return [Decimal(str(value)) for value in read(io.BytesIO(content))["costInUsd_sum"]]


@pytest.mark.parametrize("extension", ["json", "csv", "parquet", "arrow"])
def test_numbers_are_saved_with_the_total_of_the_api(dialog, extension):
    try:
        dialog.answer(PAST | {"format": extension})
    except urllib.error.HTTPError as error:
        pytest.skip(f"the server does not write {extension}: {error.read().decode()}")
    except ValueError:
        pass  # It answered, and not with JSON.
    answer = dialog.query(**PAST, period="auto", groupBy=["queue"])
    content, name = save(dialog, extension)
    assert re.fullmatch(rf"[a-z0-9-]+_20\d\d-\d\d-\d\d_20\d\d-\d\d-\d\d_by-queue\.{extension}", name), name
    saved = amounts(content, extension)
    assert len(saved) == len(answer["rows"]) and abs(sum(saved) - Decimal(answer["total"]["cost"]["sum"])) < Decimal("0.000001")


def test_a_name_of_a_file_tells_what_was_excluded_from_what_was_included(page):
    for where, told in (("queue=fx", "_queue-fx.csv"), ("queue!=fx", "_queue-not-fx.csv"), ("jobName!~*comp*", "_jobname-not-comp.csv")):
        page.open(**PAST, where=[where, "outcome!=FAILED", "instanceType!="])
        page.press("e")
        _, name = save(page, "csv")
        page.close_dialog()
        assert name.endswith(f"{told.removesuffix('.csv')}_outcome-not-failed_instancetype-not.csv"), name


def test_sessions_are_saved_where_they_are_shown(page):
    view = PAST | {"where": "outcome=FAILED", "list": "sessions"}
    page.open(**view)
    page.press("e")
    content, _ = save(page, "csv")
    page.close_dialog()
    total = page.query(**PAST, filters=[{"dimension": "outcome", "include": ["FAILED"]}])["total"]
    saved = list(csv.DictReader(io.StringIO(content.decode())))
    assert len(saved) == total["sessions"] > 100 and {row["outcome"] for row in saved} == {"FAILED"}
    assert sum(Decimal(row["window_costInUsd"]) for row in saved) == Decimal(total["cost"]["sum"])


def test_the_chart_is_saved_as_a_picture(dialog):
    content, _ = save(dialog, "png")
    assert content.startswith(b"\x89PNG") and len(content) > 10_000
    content, _ = save(dialog, "svg")
    assert content.startswith(b"<svg") and b"<script" not in content and content.count(b"<path") > 30
    # Alone it says whose and of when it is, and who is who.
    names = dialog.run("return [...document.querySelectorAll('#legend .name')].map((name) => name.textContent)")
    text = content.decode()
    assert names and all(f">{html.escape(name, quote=False)}<" in text for name in names), names
    assert ">Demo Farm: " in text and re.search(r">20\d\d-\d\d-\d\d \d\d:\d\d to 20\d\d-", text)


def test_the_page_stays_within_its_budget_of_bytes(page):
    def fetch(path):
        request = urllib.request.Request(page.origin + path, headers={"accept-encoding": "identity"})
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()

    loaded = page.run("return performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname).filter((path) => path.startsWith('/assets/'))")
    own = [path for path in set(loaded) if path.endswith(".js") and not path.endswith("/echarts.js")]
    assert sum(len(fetch(path)) for path in own) <= 60 * 1024 and len(own) > 10
    assert sum(len(fetch(path)) for path in set(loaded) if path.endswith(".css")) <= 20 * 1024


def test_nothing_is_asked_of_another_machine(page):
    page.open(by="queue,user", compare="year")
    elsewhere = page.run("return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => new URL(name).origin !== location.origin)")
    assert elsewhere == []
