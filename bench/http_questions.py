"""The eight questions as bodies of StartSessionsStatisticsAggregation. `docs/performance.md` describes them."""

from __future__ import annotations

YEAR = ("2025-01-01T00:00:00", "2026-01-01T00:00:00")
WEEK = ("2025-06-09T00:00:00", "2025-06-16T00:00:00")
# Resource kind, how many, window, offset, period, groupBy.
QUESTIONS = {
    "Q1": ("queue", 10, ("2025-06-01T00:00:00", "2025-07-01T00:00:00"), "+00:00", "DAILY", ["USER_ID"]),
    "Q2": ("queue", 10, YEAR, "-08:00", "MONTHLY", ["QUEUE_ID", "USAGE_TYPE"]),
    "Q3": ("queue", 1, ("2025-06-11T00:00:00", "2025-06-12T00:00:00"), "+01:00", "HOURLY", ["JOB_ID"]),
    "Q4": ("fleet", 10, YEAR, "-05:00", "DAILY", ["JOB_ID", "USER_ID"]),
    "Q5": ("queue", 10, YEAR, "+00:00", None, ["INSTANCE_TYPE"]),
    "Q6": ("fleet", 10, YEAR, "+09:00", "HOURLY", ["FLEET_ID", "INSTANCE_TYPE"]),
    "Q7": ("queue", 10, YEAR, "+05:30", "WEEKLY", ["LICENSE_PRODUCT"]),
    "Q8": ("queue", 10, WEEK, "+09:30", "HOURLY", ["USER_ID", "INSTANCE_TYPE"]),
}


def body_of(question: str) -> dict:
    """What is sent for a question."""
    kind, count, (start, end), offset, period, group_by = QUESTIONS[question]
    body = {
        "resourceIds": {f"{kind}Ids": [f"{kind}-" + f"{code:02x}" * 16 for code in range(count)]},
        "startTime": start + offset,
        "endTime": end + offset,
        "timezone": f"UTC{offset}",
        "groupBy": group_by,
        "statistics": ["SUM", "MIN", "MAX", "AVG"],
    }
    return body | ({"period": period} if period else {})
