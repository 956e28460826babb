"""Two hundred names that want to be more than names, through the page, the terminal, the log, the audit log and errors."""

import html
import json
import random
import re
import urllib.parse

import wire

SEEDS = [
    "<script>alert(1)</script>", "</title><svg onload=alert(1)>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)",
    "&lt;b&gt;", "{{7*7}}", "${jndi:ldap://x}", "';DROP TABLE farms;--", "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b31m", "\x08\x08\x08", "\x07", "a\rb", "a\nb", "a\r\nHTTP/1.1 200 OK",
    "\u202egnp.exe", "\u2066x\u2069", "\u200e", "\ufeffbom", "\u2028line", "\u0085next", "e\u0301" * 20, "\U0001f4a9" * 30, "\uff1dcmd()",
    "..", "../../etc/passwd", "a/b", "%00", "%2e%2e%2f", "\\", "'", '"', "`id`", "$(id)", ";id", "|id", "&", "null", "undefined", "-rf", "--help",
    "\ud7ff", "\ue000", "\ufffd", "NaN", "0", " ", "  spaced  ", "x" * 90,
]
# What a terminal obeys, and what turns the order of characters around.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Tags that the page has, and those that it has not.
OWN_TAGS = re.compile(r'<script (?:defer|type="module") src="/assets/[0-9a-f]{16}/\w+\.js"></script>|<img src="/assets/[0-9a-f]{16}/icon\.svg" alt="" width="22" height="22">')
TAGS = re.compile(r"<(script|img|iframe|object|embed|style|base|b)\b|onload|onerror=alert", re.IGNORECASE)


def some_names(count, seed):
    chosen = random.Random(seed)
    names = list(SEEDS)
    while len(names) < count:
        parts = chosen.sample(SEEDS, chosen.randrange(2, 4))
        names.append("".join(parts)[:90])
    return names[:count]


def campaign(path, count, seed, site_of, session, require):
    names = some_names(count, seed)
    sessions = [
        session(
            number, queueName=name, fleetName=name, jobName=name, userId=f"user-{number}", userName=name,
            instanceType=name[:60] or "x",
        )
        for number, name in enumerate(names)
    ]
    # A name that the rules refuse is refused with a sentence, which is a sink of its own.
    site = site_of(path, [], "--log", "debug", "--log-format", "text")
    try:
        imported = site.folder.run(
            "import", "--farm", "trust", "--format", "jsonl", "-", stdin="\n".join(json.dumps(one) for one in sessions),
        )
        for name in names[:40]:
            site.folder.run("farm", "create", "--", name, check=False) if "\x00" not in name else None
            site.folder.run("key", "create", "--name", name.lstrip("-") or "x", check=False) if "\x00" not in name else None
            site.ask("GET", "/2023-10-12/farms/" + urllib.parse.quote(name, safe=""))
        seen = 0
        for text in terminal_texts(site, imported):
            obeyed = OBEYED.search(text)
            require(not TURNING.search(text), f"a terminal would turn text around: {text[:300]!r}")
            require(not obeyed, obeyed and f"a terminal would obey {obeyed.group()!r} in {text[max(0, obeyed.start() - 200):obeyed.end()]!r}")
            seen += 1
        page = shown_page(site)
        require(not TURNING.search(page) and not OBEYED.search(page.replace("\t", "").replace("\n", "")), "the page has characters that hide others")
        # Between the tags a stranger's text may say what it likes; it must not become a tag, or an attribute of one.
        tags = "".join(re.findall(r"<[^>]*>", OWN_TAGS.sub("", page)))
        require(not TAGS.search(tags), f"the page has a tag of a stranger: {TAGS.search(tags)}")
        shown = sum(html.escape(name[:10]).replace("&#x27;", "&#39;") in page for name in names if name.isascii() and name.isprintable())
        require(shown > 0, "none of the names is on the page")
        for line in (site.folder.path / "audit.jsonl").read_text(encoding="utf-8").splitlines():
            require(line.isascii() and json.loads(line)["hash"], f"an audit line that is not one: {line[:200]!r}")
        verified = site.folder.run("verify-audit").stdout
        return f"{len(names)} names", f"page, {seen} terminal texts, log and audit log are text only ({verified.splitlines()[0]})"
    finally:
        site.server.stop()


def terminal_texts(site, imported):
    yield from (imported.stdout, imported.stderr)
    for command in (("farm", "list"), ("key", "list"), ("config", "show")):
        done = site.folder.run(*command, check=False)
        yield from (done.stdout, done.stderr)
    yield site.server.log()


def shown_page(site):
    link = next(word for word in site.server.log().split() if "/?token=" in word)
    target = "/" + link.split("/", 3)[3]
    first = wire.ask(site.address, f"GET {target} HTTP/1.1\r\nhost: {site.host}\r\n\r\n".encode())
    cookie = first.headers["set-cookie"].split(";")[0]
    page = wire.ask(site.address, f"GET / HTTP/1.1\r\nhost: {site.host}\r\ncookie: {cookie}\r\n\r\n".encode())
    assert page.status == 200, page
    return page.body.decode()
