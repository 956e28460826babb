"""The explorer as a person uses it: a browser, what is on the page, and waiting until an answer is drawn.

The browser is Debian's Chromium (or Chrome) with its driver. Everything that a page does against its policy, and everything
that it says on its console, is kept and asked for at the end of each test.
"""

import json
import os
import shutil
import time
import urllib.parse
import urllib.request
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

# Longer than anything takes on a busy machine.
PATIENCE_SECONDS = 30
NOTE_VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
# Whole days in which everything that ran has ended, so that asking twice gives one answer.
FROM, TO = date.today() - timedelta(days=60), date.today() - timedelta(days=30)
PAST = {"from": str(FROM), "to": str(TO)}
# Members of a view that the API does not know.
OWN = ("farm", "metric", "style", "columns", "sort", "list", "trail")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def start_browser(downloads):
    binary = os.environ.get("FARMTALLY_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = os.environ.get("FARMTALLY_BROWSER_DRIVER") or shutil.which("chromedriver")
    if not binary or not driver:
        raise FileNotFoundError("no Chromium with chromedriver; run scripts/test-environment, or set FARMTALLY_BROWSER and FARMTALLY_BROWSER_DRIVER")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1360,1000", "--lang=en-US", "--no-proxy-server"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NOTE_VIOLATIONS})
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    return browser


def cents(amount):
    """An exact decimal as the page writes dollars."""
    return f"${Decimal(amount).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def query_string(view):
    """A view as the query of an address; names that Python keeps for itself have an underscore at their end."""
    pairs = [(name.rstrip("_"), one) for name, value in ({"timeZone": "UTC"} | view).items() for one in (value if isinstance(value, list) else [value])]
    return urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote)


class Explorer:
    """The page in a browser, at a server whose link was opened."""

    def __init__(self, browser, link, downloads):
        self.browser, self.downloads = browser, downloads
        self.origin = link.split("/?")[0]
        browser.get(link)
        self.cookie = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in browser.get_cookies())
        self.wait()

    # Getting somewhere

    def open(self, **view):
        """Opens a view by its address and waits until it is drawn."""
        self.browser.get(f"{self.origin}/?{query_string(view)}")
        return self.wait()

    def wait(self):
        self.until("document.getElementById('live')?.textContent && document.getElementById('busy').hidden")
        return self

    def until(self, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, f"never: {condition}; the page says {self.run('return document.body.innerText')[:2000]!r}, {self.console()}"
            time.sleep(0.02)

    def after(self, act):
        """Does something that leads to another answer, and waits for it."""
        self.run("document.getElementById('live').textContent = ''")
        act()
        return self.wait()

    # Doing something

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.find(selector).click()

    def choose(self, name, value):
        self.after(lambda: self.run("const s = document.getElementById(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('change', {bubbles: true}))", name, value))

    def press(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def close_dialog(self):
        self.run("document.getElementById('dialog').close()")

    def at_chart(self, x, y):
        """A mouse at a point of the chart, in pixels from its corner."""
        chart = self.find("#chart")
        self.run("arguments[0].scrollIntoView({block: 'center'})", chart)
        size = chart.size
        return ActionChains(self.browser).move_to_element_with_offset(chart, round(x - size["width"] / 2), round(y - size["height"] / 2))

    def pixel(self, bucket, value):
        """Where a value of a bucket is drawn."""
        return self.run("return echarts.getInstanceByDom(document.getElementById('chart')).convertToPixel({gridIndex: 0}, [arguments[0], arguments[1]])", bucket, value)

    def emulate(self, **features):
        media = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})

    # What is there

    @property
    def view(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.browser.current_url).query, keep_blank_values=True)

    def text(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText).join(' ')", selector).strip()

    def rows(self):
        """The table's body as texts."""
        return self.run("return [...document.querySelectorAll('#table tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText.trim()))")

    def total(self):
        return self.run("return [...document.querySelectorAll('#table tfoot tr > *')].map((cell) => cell.innerText.trim())")

    def drawn(self):
        """What is drawn, without what is drawn invisibly for the tooltip: names, and values by bucket. Two jobs may have one name."""
        return self.run("""
            const { series } = echarts.getInstanceByDom(document.getElementById('chart')).getOption();
            return series.filter((one) => one.id !== 'total').map((one) => [one.name, one.data])""")

    def series(self):
        """The same by name; of two jobs that have one name, the second."""
        return dict(self.drawn())

    def violations(self):
        return self.run("return window.violations")

    def console(self):
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def downloaded(self, suffix):
        """The content and the name of the file that was saved last with this ending."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := [path for path in self.downloads.iterdir() if path.name.endswith(suffix)]):
            assert time.monotonic() < end, f"no {suffix} in {list(self.downloads.iterdir())}"
            time.sleep(0.02)
        content = found[0].read_bytes()
        found[0].unlink()
        return content, found[0].name

    # The API, asked beside the page

    def fetch(self, path, body=None):
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode() if body is not None else None, {"cookie": self.cookie, "content-type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.read()

    def api(self, path):
        return json.loads(self.fetch(path))

    @property
    def farm_path(self):
        return f"/api/v1/farms/{self.view['farm'][0]}"

    def query(self, **question):
        """The answer to a question as a document."""
        return json.loads(self.fetch(f"{self.farm_path}/query", {"timeZone": "UTC"} | question))

    def answer(self, view, **more):
        """The answer to what a view asks, by the API's query string; without the members that are the page's own."""
        return self.api(f"{self.farm_path}/query?{query_string({name: value for name, value in view.items() if name not in OWN} | more)}")

