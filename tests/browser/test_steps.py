"""The table by steps of time says what the chart draws and what the API answers, cell by cell, in the address, by keyboard and in a file."""

import csv
import io
from collections import Counter
from decimal import Decimal

import pytest
from explorer import PAST, cents
from selenium.webdriver.common.keys import Keys

HOUR_MS = 3_600_000
STEPS = {"columns": "steps"}


def cells(page, part="tbody"):
    """Every row: its name, and of each cell what is shown and the exact amount behind it."""
    return page.run("""
        return [...document.querySelectorAll(`#table ${arguments[0]} tr`)].map((row) =>
            [row.children[0].innerText.trim(), [...row.children].slice(1).map((cell) => [cell.innerText.trim(), cell.title])])""", part)


def amount(amounts, view):
    """An exact amount as the API has it: dollars, milliseconds or sessions."""
    metric, stat = view.get("metric", "cost"), view.get("stat", "sum")
    if metric == "sessions":
        return str(amounts["sessions"])
    found = amounts["cost" if metric == "cost" else "runtimeMs"].get(stat)
    return None if found is None else str(found)


def in_units(exact, view):
    """As a title has it, and a file: dollars, seconds or sessions, with every digit."""
    if exact is None:
        return ""
    return f"{(Decimal(exact) / 1000).normalize():f}" if view.get("metric") == "runtime" else exact


def is_shown(text, exact, view):
    """Whether a cell shows an amount, rounded as the page rounds."""
    if exact is None:
        return text == "–"
    metric = view.get("metric", "cost")
    if metric == "cost":
        return text == cents(exact) if Decimal(exact) == 0 or Decimal(exact) >= Decimal("0.01") else text.startswith("$0.00")
    if metric == "sessions":
        return text == f"{int(exact):,}"
    number = text.removesuffix(" h").replace(",", "")
    return abs(Decimal(number) - Decimal(exact) / HOUR_MS) <= Decimal("0.5") / 10 ** len(number.partition(".")[2])


def told_apart(names):
    """The same names, of which those that occur again have a number: two jobs may be called alike."""
    seen = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def names(answer):
    """Groups as the table names them."""
    return list(told_apart(
        " · ".join("(none)" if value is None else value["name"] for value in group["values"]) if "values" in group else f"Other ({group['other']})"
        for group in answer["groups"]
    ))


def expected(answer, view, rows="rows"):
    """Of each group by name: the exact amount of each bucket, or None where it used nothing."""
    found = {name: [None] * len(answer["buckets"]) for name in names(answer)}
    for row in answer[rows]:
        if row["bucket"] < len(answer["buckets"]):
            found[names(answer)[row["group"]]][row["bucket"]] = amount(row, view)
    return found


@pytest.mark.parametrize("view", [
    {"by": "queue"}, {"by": "queue,user", "metric": "runtime"}, {"by": "user", "stat": "p95", "period": "week", "timeZone": "Asia/Kolkata"},
    {"by": "licenseProduct", "metric": "runtime"}, {"by": "licenseProduct", "metric": "sessions", "where": "queue!=fx"}, {"by": "usageType"}, {"by": "job", "period": "week"},
    {"by": "fleet", "metric": "sessions", "where": "outcome=FAILED"}, {"by": "instanceType", "metric": "runtime", "stat": "avg"}, {"by": ""}, {"by": "usageType", "stat": "max", "metric": "runtime"},
])
def test_every_cell_is_the_apis(page, view):
    page.open(**PAST, **view, **STEPS)
    asked = PAST | {"timeZone": "UTC"} | {name: value for name, value in view.items() if value} | {"stat": ",".join({"sum", view.get("stat", "sum")})}
    answer = page.answer({"period": "auto", "top": "50", "topBy": view.get("metric", "cost")} | asked)
    wanted, shown = expected(answer, view) if view["by"] else {"All": expected(answer, view)[""]}, cells(page)
    shown = dict(zip(told_apart(name for name, _ in shown), (row for _, row in shown), strict=True))
    assert set(shown) == set(wanted) and len(shown) == len(answer["groups"])
    for name, row in shown.items():
        for (text, exact), value in zip(row[:-1], wanted[name], strict=True):
            # What storage there is runs, so that it is a little older in each answer.
            is_older = name == "PERSISTENT_VOLUME" and value and abs(Decimal(exact) - Decimal(in_units(value, view))) < Decimal("0.02")
            assert is_older or (is_shown(text, value, view) and exact == in_units(value, view)), (name, text, exact, value)
    for group, name in zip(answer["groups"], names(answer) if view["by"] else ["All"]):
        assert name == "PERSISTENT_VOLUME" or is_shown(shown[name][-1][0], amount(group["total"], view), view)
    # What all have in a step is what the API says of the step alone.
    [[_, totals]] = cells(page, "tfoot")
    for (text, exact), bucket in zip(totals[:-1], answer["buckets"], strict=True):
        total = page.answer(asked | {"from": bucket["from"], "to": bucket["to"]})["total"]
        if view["by"] == "usageType" and view.get("metric", "cost") != "cost":
            assert text == "–", "storage and sessions have no total that adds up"
        elif view["by"] == "usageType":
            assert abs(Decimal(exact) - Decimal(total["cost"]["sum"])) < Decimal("0.02")
        else:
            assert is_shown(text, amount(total, view) if total["sessions"] else None, view), (text, exact, bucket, total)
    assert view["by"] == "usageType" or is_shown(totals[-1][0], amount(answer["total"], view), view)


def test_with_a_comparison_every_cell_says_what_was_there_before(page):
    page.open(**PAST, by="user", compare="previous", **STEPS)
    answer = page.answer(PAST | {"by": "user", "period": "auto", "top": "50", "compare": "previous"})
    now, before = expected(answer, {}), expected(answer, {}, "previousRows")
    for name, row in cells(page):
        for (text, _), one, other in zip(row[:-1], now[name], before[name], strict=True):
            shown, shown_before = text.split("\nwas ")
            assert is_shown(shown, one, {}) and is_shown(shown_before, other, {}), (name, text, one, other)
    [[_, total]] = cells(page, "tfoot")
    assert total[-1][0] == f"{cents(answer['total']['cost']['sum'])}\nwas {cents(answer['previous']['cost']['sum'])}"


@pytest.mark.parametrize("view", [{"style": "bars"}, {"style": "share"}, {"style": "running"}, {"style": "lines", "stat": "p95"}, {"style": "running", "metric": "runtime"}, {"style": "running", "stat": "p95"}])
def test_every_value_of_the_chart_is_in_the_table_in_its_unit(page, view):
    page.open(**PAST, by="queue", **view, **STEPS)
    drawn, shown = page.series(), dict(cells(page))
    assert set(drawn) == set(shown) and len(drawn) >= 3
    for name, values in drawn.items():
        for value, (text, _) in zip(values, shown[name][:-1], strict=True):
            number = text.strip("$%h ").replace(",", "")
            assert (text == "–") == (value is None) and (value is None or abs(float(number) - value) < 0.06), (name, value, text)
    assert all(text.endswith(" %") == (view["style"] == "share") or text == "–" for row in shown.values() for text, _ in row)


def test_the_week_by_hour_is_a_table_of_weekdays_and_hours(page):
    page.open(**PAST, style="hours", **STEPS)
    drawn = page.run("return echarts.getInstanceByDom(document.getElementById('chart')).getOption().series[0].data")
    shown = cells(page)
    assert [name for name, _ in shown] == "Mon Tue Wed Thu Fri Sat Sun".split() and all(len(row) == 25 for _, row in shown)
    by_cell = {(hour, weekday): value for hour, weekday, value in drawn}
    assert all(abs(float(exact) - by_cell[hour, weekday]) < 1e-6 for weekday, (_, row) in enumerate(shown) for hour, (_, exact) in enumerate(row[:-1]))
    [[_, totals]] = cells(page, "tfoot")
    assert totals[-1][1] == page.query(**PAST)["total"]["cost"]["sum"]


def test_the_steps_are_in_the_address_and_any_of_them_sorts(page):
    page.after(lambda: page.press("b"))
    assert page.view["columns"] == ["steps"] and page.text("#columns [aria-pressed=true]") == "By day"
    page.open(**PAST, by="user", **STEPS)
    page.after(lambda: page.run("document.querySelectorAll('#table thead button')[4].click()"))
    assert page.view["sort"] == [f"-{PAST['from'][:8]}{int(PAST['from'][8:]) + 3:02}"] or page.view["sort"][0].startswith("-20")
    values = [Decimal(row[3][1] or -1) for _, row in cells(page)]
    assert values == sorted(values, reverse=True) and page.all("#table thead th")[4].get_attribute("aria-sort") == "descending"
    shown = cells(page)
    page.browser.refresh()
    page.wait()
    assert cells(page) == shown
    page.choose("by-0", "queue")
    assert page.view["columns"] == ["steps"], "other groups are shown by step too"
    page.after(lambda: page.press("b"))
    assert "columns" not in page.view


def test_a_name_leads_deeper_and_stays_by_step(page):
    page.open(**PAST, by="queue,user", **STEPS)
    name, total = page.rows()[0][0], page.rows()[0][-1]
    page.after(lambda: page.click("#table tbody .link"))
    assert page.view["columns"] == ["steps"] and page.view["by"] == ["job"] and page.total()[-1] == total
    assert all(part in page.text("#crumbs [aria-current]") for part in name.split(" · "))


def test_the_table_has_a_caption_and_scopes_and_scrolls_by_keyboard_in_its_own_region(page):
    page.open(**PAST, by="user", **STEPS)
    assert "Cost by user" in page.run("return document.querySelector('#table caption').textContent")
    assert page.run("return [...document.querySelectorAll('#table thead th')].every((cell) => cell.scope === 'col') && [...document.querySelectorAll('#table tbody th, #table tfoot th')].every((cell) => cell.scope === 'row')")
    assert page.run("return document.documentElement.scrollWidth <= innerWidth && document.getElementById('table').scrollWidth > innerWidth")
    before = page.browser.current_url
    page.run("document.getElementById('table').focus()")
    for _ in range(5):
        page.press(Keys.ARROW_RIGHT)
    page.until("document.getElementById('table').scrollLeft > 100")
    assert page.browser.current_url == before, "the arrows step the dates everywhere else"
    # The name and the total are where they were.
    inside = "const box = document.getElementById('table').getBoundingClientRect(), row = document.querySelector('#table tbody tr').children; "
    assert page.run(inside + "return Math.abs(row[0].getBoundingClientRect().left - box.left) < 3 && Math.abs(row[row.length - 1].getBoundingClientRect().right - box.right) < 20")
    # What has the focus is not below them.
    for at in (12, 3, 25):
        page.run("document.querySelectorAll('#table thead button')[arguments[0]].focus()", at)
        page.until("(() => { const one = document.activeElement.getBoundingClientRect(); return document.elementFromPoint(one.left + 4, one.top + 6) === document.activeElement; })()")


def test_a_phone_scrolls_the_steps_and_not_the_page(page):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True})
    page.open(**PAST, by="user", compare="previous", **STEPS)
    assert page.run("return document.documentElement.scrollWidth") <= 390
    page.run("document.getElementById('table').scrollLeft = 400")
    widths = page.run("const box = document.getElementById('table').getBoundingClientRect(), name = document.querySelector('#table tbody th').getBoundingClientRect(); return [box.left, name.left, name.width, box.width]")
    assert abs(widths[0] - widths[1]) < 3 and widths[2] < widths[3] / 2, "the names stay, and leave room for steps"
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_year_of_days_is_shown_and_what_is_too_much_says_what_to_do(page):
    page.open(last="12mo", period="day", by="job", **STEPS)
    shown = cells(page)
    assert len(shown) == 51 and all(len(row) >= 366 for _, row in shown) and shown[-1][0].startswith("Other")
    page.open(last="90d", period="hour", by="job", **STEPS)
    assert "more than a page should hold" in page.text("#table") and "Take longer steps" in page.text("#table")


def saved(page):
    page.press("e")
    page.click("#dialog [data-format=wide]")
    content, name = page.downloaded(".csv")
    page.close_dialog()
    return name, list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


@pytest.mark.parametrize("view", [{"by": "queue,outcome"}, {"by": r"show:^(\S+) ", "metric": "runtime"}, {"by": "user", "metric": "sessions", "compare": "previous"}, {"by": "user", "sort": "name"}])
def test_a_file_has_the_table_with_every_digit(page, view):
    page.open(**PAST, **view, **STEPS)
    name, (head, *lines, total) = saved(page)
    answer = page.answer(PAST | {"period": "auto", "top": "50", "topBy": view.get("metric", "cost")} | {member: value for member, value in view.items() if member != "sort"})
    steps = [bucket["from"][:10] for bucket in answer["buckets"]] + ["all"]
    assert name.endswith({"runtime": ".each-day-seconds-sum.csv", "sessions": ".each-day-sessions-sum.csv"}.get(view.get("metric"), ".each-day-usd-sum.csv")), name
    assert f"_{answer['window']['from'][:10]}_{steps[-2]}_" in name, "the last day, which is in it"
    assert head == ["name", "id", *steps]
    ids = {name: " · ".join((value or {"id": ""})["id"] for value in group["values"]) for name, group in zip(names(answer), answer["groups"])}
    wanted = expected(answer, view)
    assert [line[0] for line in lines] == [row[0] for row in page.rows()] and {line[0] for line in lines} == set(wanted)
    for line in lines:
        assert line[1] == ids[line[0]] and line[2:-1] == [in_units(value, view) for value in wanted[line[0]]]
    assert total[0] == "Total" and total[-1] == in_units(amount(answer["total"], view), view)


def test_a_file_of_the_table_has_no_formulas(arrive, site):
    page = arrive(site.link)
    page.open(farm="Hostile", by="job", in_="2025-11", **STEPS)
    _, (head, *lines) = saved(page)
    assert len(lines) > 50 and all(len(line) == len(head) for line in lines)
    assert not [text for line in lines for text in line if text.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_step_sorts_both_ways_and_the_keyboard_stays_on_it(page):
    page.open(**PAST, by="queue", **STEPS)
    day = page.run("return document.querySelector('#table thead th:nth-child(5)').dataset.key")
    for press, direction in (1, "descending"), (2, "ascending"), (3, "descending"):
        page.run("document.querySelector(`#table th[data-key='${arguments[0]}'] button`).focus()" if press == 1 else "", day)
        page.after(lambda: page.browser.switch_to.active_element.send_keys(Keys.ENTER))
        head = page.run("const th = document.activeElement.closest('th'); return [th?.dataset.key, th?.getAttribute('aria-sort')]")
        assert head == [day, direction]
        values = [Decimal(row[3][1] or 0) for _, row in cells(page)]
        assert values == sorted(values, reverse=direction == "descending") and len(set(values)) > 2


def test_the_hour_that_comes_twice_is_told_apart(page):
    page.open(in_="2026-10-25", by="", period="hour", timeZone="Europe/Paris", **STEPS)
    heads = page.run("return [...document.querySelectorAll('#table thead th')].map((head) => [head.dataset.key, head.innerText.trim()])")[1:-1]
    assert len(heads) == 25 == len({key for key, _ in heads}) == len({text for _, text in heads})
    assert [key for key, _ in heads[:4]] == [f"2026-10-25T0{hour}:00:00+0{offset}:00" for hour, offset in ((0, 2), (1, 2), (2, 2), (2, 1))]
    page.press("e")
    page.click("#dialog [data-format=wide]")
    content, _ = page.downloaded(".csv")
    page.close_dialog()
    head = next(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    assert len(set(head)) == len(head)
