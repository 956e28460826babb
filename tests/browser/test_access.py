"""Accessibility: nothing serious by axe-core, a table that says all that the chart does, and what is announced."""

from pathlib import Path

import pytest
from explorer import PAST

AXE = Path(__file__).with_name("node_modules") / "axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def serious(page):
    # Through the debugger and not as an element: the page's policy lets no other script in.
    page.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = page.browser.execute_async_script("axe.run(document, {runOnly: arguments[0], resultTypes: ['violations']}).then(arguments[1])", RULES)
    return [f"{one['id']} ({one['impact']}): {node['html'][:160]}: {node['failureSummary'][:200]}" for one in found["violations"] if one["impact"] in ("serious", "critical") for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [{}, {"by": "queue,user", "compare": "previous", "where": "outcome!=FAILED"}, {"list": "sessions", "where": "outcome=FAILED"}, {"columns": "steps", "compare": "previous", "sort": "-2026"}])
def test_axe_finds_nothing_serious(page, scheme, view):
    page.emulate(prefers_color_scheme=scheme)
    page.open(**view)
    assert serious(page) == []


@pytest.mark.parametrize("key", ["?", "c", "/", "h"])
def test_axe_finds_nothing_serious_in_dialogs(page, key):
    page.press(key)
    page.until("document.getElementById('dialog').open")
    assert serious(page) == []
    page.close_dialog()


def test_an_answer_is_announced(page):
    assert page.find("#live").get_attribute("aria-live") == "polite"
    page.choose("metric", "sessions")
    total = page.query(**PAST)["total"]["sessions"]
    assert f"total {total:,}" in page.run("return document.getElementById('live').textContent")


def test_the_chart_has_a_name_and_patterns_and_no_motion_for_who_wants_none(page):
    assert "Bars: Cost in 30 steps of time" in page.find("#chart").get_attribute("aria-label")
    option = "return echarts.getInstanceByDom(document.getElementById('chart')).getOption()"
    assert page.run(f"{option}.aria[0]?.decal?.show ?? {option.removeprefix('return ')}.aria.decal.show") is True
    page.emulate(prefers_reduced_motion="reduce")
    page.open()
    assert page.run(f"{option}.animation") is False


def test_swatches_have_the_patterns_of_the_chart(page):
    page.open(**PAST, by="user")
    option = "echarts.getInstanceByDom(document.getElementById('chart')).getOption()"
    decals = page.run(f"const {{ aria }} = {option}; return [aria[0] ?? aria].flat()[0].decal.decals")
    assert len({str(decal) for decal in decals}) == 10 and all(isinstance(decal.get("rotation", 0), int | float) for decal in decals)
    looks = "return [...document.querySelectorAll(arguments[0])].map((one) => { const { backgroundImage, backgroundSize } = getComputedStyle(one); return backgroundImage + backgroundSize; })"
    legend, table = page.run(looks, "#legend .swatch"), page.run(looks, "#table tbody .swatch")
    assert len(set(legend)) == 10 and table[:9] == legend[:9] and set(table[9:]) == {legend[9]}


def test_a_phone_shows_everything_without_scrolling_sideways(page):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True})
    page.open(compare="previous")
    assert page.run("return document.documentElement.scrollWidth") <= 390
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_long_name_on_a_phone_is_cut_inside_of_its_button(page):
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True})
    page.open(**PAST, by="job")
    # A button that is wider than its cell would be replaced by an ellipsis as a whole.
    widths = "return [...document.querySelectorAll('tbody th[scope=row] button')].map((name) => name.getBoundingClientRect().right - name.closest('th').getBoundingClientRect().right)"
    beyond = page.run(widths)
    assert len(beyond) > 100 and max(beyond) <= 0, max(beyond, default=None)
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
