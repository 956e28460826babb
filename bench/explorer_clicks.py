"""What the explorer asks when somebody clicks: the bodies of `web/question.js` in Python."""

from __future__ import annotations

from urllib.parse import urlencode

YEAR = {"in": "2025"}
GROUPS_IN_CHART, GROUPS_IN_TABLE = 9, 200


class View:
    """A view of the page: its range, groups, filters and statistic."""

    def __init__(self, window: dict, *by: str, where: tuple = (), stat: str = "sum", compare: str = "none", hours: bool = False):
        self.window, self.by, self.where, self.stat, self.compare, self.hours = window, list(by), list(where), stat, compare, hours

    def common(self) -> dict:
        """Everything but what differs between chart and table."""
        return {
            **self.window,
            "timeZone": "Europe/Paris",
            "patterns": [],
            "filters": [{"dimension": dimension, "include": [value]} for dimension, value in self.where],
            "statistics": ["sum"] if self.stat == "sum" else ["sum", self.stat],
        }

    def chart(self) -> dict:
        """A few groups over time, and the totals with those of the window before."""
        compare = "previous" if self.compare == "none" else self.compare
        if self.hours:
            return {**self.common(), "period": "hour", "groupBy": [], "compare": compare}
        return {
            **self.common(), "period": "auto", "groupBy": self.by, "top": GROUPS_IN_CHART, "topBy": "cost", "compare": compare,
        }

    def table(self) -> dict:
        """Many groups, over the whole window."""
        compare = {} if self.compare == "none" else {"compare": self.compare}
        return {**self.common(), "groupBy": self.by, "top": GROUPS_IN_TABLE, "topBy": "cost", **compare}

    def sessions(self, cursor: str = "") -> str:
        """The query string of the sessions behind the view, or of those behind the ones that are shown."""
        pairs = [*self.window.items(), ("timeZone", "Europe/Paris")]
        pairs += [("where", f"{dimension}={value}") for dimension, value in self.where]
        return urlencode([*pairs, ("limit", "100"), *([("cursor", cursor)] if cursor else [])])


def of_groups(view: View) -> list[tuple[str, dict | str]]:
    """What a click sends that shows groups."""
    return [("query", view.chart()), ("query", view.table())]


def clicks(page, month: str) -> list[tuple[str, list[tuple[str, dict | str]]]]:
    """Every click with what it sends. What is drilled into are the greatest of the month."""
    window = {"in": month}
    greatest = lambda view: page.ask(view.table())["groups"][0]["values"][0]["id"]
    queue = ("queue", greatest(View(window, "queue")))
    user = ("user", greatest(View(window, "user", where=(queue,))))
    job = ("job", greatest(View(window, "job", where=(queue, user))))
    of_job = View(window, "job", where=(queue, user, job))
    all_sessions = View(window, "queue").sessions
    second = page.list_sessions(all_sessions())["nextCursor"]
    return [
        ("the first chart: a month by queue", of_groups(View(window, "queue"))),
        ("by user", of_groups(View(window, "user"))),
        ("by job", of_groups(View(window, "job"))),
        ("by queue and user", of_groups(View(window, "queue", "user"))),
        ("drill into a queue: by user", of_groups(View(window, "user", where=(queue,)))),
        ("drill into its first user: by job", of_groups(View(window, "job", where=(queue, user)))),
        ("drill into a job: its sessions", [("query", of_job.chart()), ("sessions", of_job.sessions())]),
        ("the sessions of the month", [("query", View(window, "queue").chart()), ("sessions", all_sessions())]),
        ("more of them", [("sessions", all_sessions(second))]),
        ("the sessions of a user", [("query", View(window, "job", where=(queue, user)).chart()), ("sessions", View(window, where=(queue, user)).sessions())]),
        ("compare with the month before", of_groups(View(window, "user", compare="previous"))),
        ("95th percentile by queue", of_groups(View(window, "queue", stat="p95"))),
        ("the week by hour", [("query", View(window, hours=True).chart()), ("query", View(window, "queue", hours=True).table())]),
        ("a year by queue", of_groups(View(YEAR, "queue"))),
        ("a year by user", of_groups(View(YEAR, "user"))),
        ("a year by job", of_groups(View(YEAR, "job"))),
        ("a month by licence", of_groups(View(window, "licenseProduct"))),
        ("a year by licence", of_groups(View(YEAR, "licenseProduct"))),
        ("a year of a queue by user", of_groups(View(YEAR, "user", where=(queue,)))),
        ("a year compared with the year before", of_groups(View(YEAR, "queue", compare="year"))),
        ("95th percentile of a year by queue", of_groups(View(YEAR, "queue", stat="p95"))),
    ]
