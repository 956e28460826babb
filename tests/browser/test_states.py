"""When there is no chart to show, the page says why and what to do; while it waits, it shows what it had."""

import pytest


@pytest.fixture
def odd(arrive, site):
    return arrive(site.link)


def test_a_farm_without_sessions_says_how_to_get_some(odd):
    odd.open(farm="Empty")
    assert "Empty has no sessions yet" in odd.text("#notice") and "farmtally import" in odd.text("#notice") and "farmtally demo" in odd.text("#notice")
    assert not odd.find("#chart-card").is_displayed()


def test_nothing_in_the_range_names_the_days_with_usage_and_leads_there(odd):
    odd.open(farm="Old", last="7d")
    assert "There is usage from 3 Feb 2019 to 3 Feb 2019" in odd.text("#notice")
    odd.after(lambda: odd.click("#notice button"))
    assert odd.total()[1] == "$1.01" and odd.find("#chart-card").is_displayed()
    assert "newest usage" in odd.text("#fresh.stale"), "usage of 2019 is stale"


def test_filters_that_leave_nothing_say_which_to_drop(odd):
    odd.open(farm="Hostile", **{"in": "2025-11", "where": ["user=user-1", "user=user-2"]})
    odd.until("document.querySelectorAll('#notice li').length === 2")
    assert "Remove “User is user-1” $1.02 in 1 session" in " ".join(odd.text("#notice").split())
    odd.after(lambda: odd.click("#notice li button"))
    assert odd.total()[1] == "$1.02"


def test_a_question_that_cannot_be_answered_says_what_is_wrong(odd):
    odd.open(farm="Hostile", timeZone="Europe/Atlantis")
    assert "This cannot be answered" in odd.text("#notice") and "timeZone \"Europe/Atlantis\"" in odd.text("#notice")
    assert odd.text("#notice").count("write a name such as") == 1, "what to do is said once"
    assert [line for line in odd.console() if "400" not in line] == []


@pytest.mark.parametrize(("view", "said"), [
    ({"farm": "farm-00000000000000000000000000000000"}, "There is no farm farm-0000"), ({"stat": "p90"}, "“stat=p90”: this page has sum, avg"), ({"period": "fortnight"}, "“period=fortnight”"),
    ({"metric": "energy"}, "“metric=energy”"), ({"style": "pie"}, "“style=pie”"), ({"compare": "never"}, "“compare=never”"), ({"last": "7d", "in": "2026-10"}, "in two ways"),
    ({"from": "2026-10-01"}, "a beginning and an end"), ({"where": "queue"}, "no comparison"), ({"top": "900"}, "1 to 50 groups"), ({"groupBy": "user"}, "no word of this page"),
])
def test_what_the_page_cannot_show_is_said_and_nothing_else_shown(odd, view, said):
    odd.open(**{"farm": "Hostile"} | view)
    assert "This cannot be answered" in odd.text("#notice") and said in odd.text("#notice")
    assert not odd.find("#chart-card").is_displayed()
    odd.after(lambda: odd.click("#notice button"))
    assert "This cannot be answered" not in odd.text("#notice")


def test_ids_in_an_address_have_their_names(odd):
    job, user = f"job-{3:032x}", "user-3"
    odd.open(farm="Hostile", **{"in": "2025-11"}, where=[f"job={job}", f"user={user}"], trail="user;job")
    odd.until("!document.querySelector('#filters').innerText.includes('job-0000')")
    values = odd.api(f"{odd.farm_path}/values?dimension=job&prefix={job}")["values"]
    assert values[0]["name"] != job and job[:12] not in odd.text("#crumbs")


def test_a_server_that_is_gone_is_a_notice_and_not_a_blank_page(page):
    before = page.series()
    page.browser.execute_cdp_cmd("Network.enable", {})
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    page.press("x")
    page.until("document.querySelector('#notice [role=alert]')")
    assert "cannot be reached" in page.text("#notice") and page.series() == before
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    page.after(lambda: page.click("#notice button"))
    assert page.text("#notice") == ""
    assert [line for line in page.console() if "ERR_INTERNET_DISCONNECTED" not in line] == []


def test_a_slow_answer_dims_the_old_chart_and_can_be_given_up(page):
    page.browser.execute_cdp_cmd("Network.enable", {})
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, "latency": 3000, "downloadThroughput": -1, "uploadThroughput": -1})
    before = page.series()
    page.press("x")
    page.until("!document.getElementById('busy').hidden")
    assert page.run("return document.body.classList.contains('waiting')") and page.series() == before
    page.click("#cancel")
    page.until("document.getElementById('busy').hidden")
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    assert page.series() == before


def test_two_hundred_hostile_names_are_names(odd):
    odd.open(farm="Hostile", by="job", **{"in": "2025-11"})
    answer = odd.answer({"in": "2025-11", "by": "job"})
    assert len(odd.rows()) == len(answer["groups"]) >= 150
    texts = odd.run("return [...document.querySelectorAll('#table tbody .link')].map((one) => one.textContent)")
    hidden = dict.fromkeys([*range(32), *range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF], "\ufffd")
    assert sorted(texts) == sorted(group["values"][0]["name"].translate(hidden) or "(empty)" for group in answer["groups"])
    assert odd.run("return document.querySelectorAll('main script, main iframe, main img, main svg, main object, main style').length") == 0
    for bucket in range(0, 28, 4):
        odd.at_chart(*odd.pixel(bucket, 0.5)).perform()
    odd.after(lambda: odd.all("#table tbody .link")[3].click())
    assert odd.text("#table-title") == "Sessions" and len(odd.rows()) == 1
