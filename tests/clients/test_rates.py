"""Prices against Python's fractions: the sum over the parts of a session's time, cut to whole nano-dollars once."""

import json
import random
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from program import Folder

UNITS = tuple(f"usdPer{unit}" for unit in ("Hour", "CoreHour", "GhzHour", "GpuHour", "NodeHour", "GbHour", "GbMonth"))
EDGE = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR_MS = 3_600_000


def decimal(draw, most, decimals):
    return f"{draw.randrange(most * 10**decimals)}e-{decimals}"


def plain(number):
    digits, decimals = number.split("e-")
    digits = digits.rjust(int(decimals) + 1, "0")
    return f"{digits[:-int(decimals)]}.{digits[-int(decimals):]}"


def a_machine(draw, name):
    return {
        "name": name, "cores": draw.randrange(1, 257), "ghz": plain(decimal(draw, 5, 3)), "gpus": draw.randrange(9),
        "nodes": draw.randrange(1, 5), "memoryGb": plain(decimal(draw, 2000, 3)),
    }


def a_rate(draw, machine, **more):
    units = draw.sample(UNITS, draw.randrange(1, 5))
    prices = {unit: plain(decimal(draw, 3, draw.choice([2, 4, 9]))) for unit in units}
    return {"usage": "COMPUTE", "instanceType": machine["name"], "factor": plain(decimal(draw, 2, 6)), **prices, **more}


def toml(kind, table):
    lines = [f"[[{kind}]]"]
    for name, value in table.items():
        lines.append(f"{name} = {value}" if isinstance(value, int) or name == "validFrom" else f'{name} = "{value}"')
    return "\n".join(lines) + "\n"


def hour(rate, machine):
    counts = {
        "usdPerHour": 1, "usdPerCoreHour": machine["cores"], "usdPerGpuHour": machine["gpus"],
        "usdPerGhzHour": machine["cores"] * Fraction(machine["ghz"]), "usdPerNodeHour": machine["nodes"],
        "usdPerGbHour": Fraction(machine["memoryGb"]), "usdPerGbMonth": Fraction(machine["memoryGb"]) / 730,
    }
    return sum(Fraction(rate[unit]) * counts[unit] for unit in UNITS if unit in rate) * Fraction(rate["factor"])


def exported(folder, output, first, last):
    months = ["--from", first, "--to", last]
    folder.run("export", "sessions", "--farm", "studio", *months, "--format", "jsonl", "--output", output)
    return [json.loads(line) for path in output.glob("*/*.jsonl") for line in path.read_text().splitlines()]


def test_a_price_is_the_exact_sum_of_its_parts_cut_once(tmp_path):
    draw = random.Random(20260101)
    machines = [a_machine(draw, f"kind {number}") for number in range(20)]
    rates = {}
    for machine in machines:
        rates[machine["name"]] = a_rate(draw, machine), a_rate(draw, machine, validFrom="2026-01-01T00:00:00Z")
    card = "".join(toml("instanceType", machine) for machine in machines)
    card += "".join(toml("rate", rate) for pair in rates.values() for rate in pair)
    (tmp_path / "rates.toml").write_text(card)
    sessions, expected = [], {}
    for number in range(1, 601):
        machine = draw.choice(machines)
        start = EDGE + timedelta(milliseconds=draw.randrange(-10**8, 10**7))
        end = start + timedelta(milliseconds=draw.randrange(2 * 10**8))
        sessions.append({
            "sessionId": f"session-{number:032x}", "queueName": "comp", "fleetName": "spot", "jobName": "sh010",
            "userId": "alice", "instanceType": machine["name"],
            "startedAt": start.isoformat().replace("+00:00", "Z"), "endedAt": end.isoformat().replace("+00:00", "Z"),
        })
        before, after = (hour(rate, machine) for rate in rates[machine["name"]])
        ms = timedelta(milliseconds=1)
        parts = Fraction((min(end, EDGE) - min(start, EDGE)) // ms) * before
        parts += Fraction((max(end, EDGE) - max(start, EDGE)) // ms) * after
        expected[f"session-{number:032x}"] = int(parts * 10**9 / HOUR_MS)
    folder = Folder(tmp_path / "data")
    (tmp_path / "sessions.jsonl").write_text("\n".join(map(json.dumps, sessions)))
    folder.run("import", "--farm", "studio", "--rates", tmp_path / "rates.toml", tmp_path / "sessions.jsonl")
    lines = exported(folder, tmp_path / "out", "2025-12", "2026-01")
    found = {line["sessionId"]: int(Fraction(line["costInUsd"]) * 10**9) for line in lines}
    assert found == expected
    explained = folder.run("rates", "explain", "--farm", "studio", sessions[0]["sessionId"]).stdout
    assert f"cut to {expected[sessions[0]['sessionId']]}" in explained


def test_a_spread_bill_is_the_exact_share_cut_up_or_down_and_adds_up(tmp_path):
    draw = random.Random(7)
    runtimes = {f"session-{number:032x}": draw.choice([0, 1, 3, draw.randrange(10**8)]) for number in range(1, 301)}
    lines = []
    for session_id, ms in runtimes.items():
        start = datetime(2026, 1, 5, tzinfo=timezone.utc)
        end = start + timedelta(milliseconds=ms)
        lines.append(json.dumps({
            "sessionId": session_id, "queueName": draw.choice(["comp", "sim"]), "fleetName": "spot", "jobName": "sh010",
            "userId": draw.choice(["alice", "bo", "cy"]), "startedAt": start.isoformat().replace("+00:00", "Z"),
            "endedAt": end.isoformat().replace("+00:00", "Z"),
            "usage": [{"usageType": "COMPUTE", "costInUsd": "1"}],
        }))
    folder = Folder(tmp_path / "data")
    assert folder.import_lines("studio", "\n".join(lines))["stored"] == len(runtimes)
    bill = Fraction("98765.432100001")
    of_the_bill = ["--fleet", "spot", "--bill", "98765.432100001", "--period", "2026-01"]
    spread = ["rates", "spread", "--farm", "studio", *of_the_bill]
    for by in ("queue", "user", "session"):
        report = json.loads(folder.run(*spread, "--by", by, "--format", "json").stdout)
        assert sum(Fraction(row["shareInUsd"]) for row in report["rows"]) == bill
    total = sum(runtimes.values())
    for row in report["rows"]:
        exact = bill * 10**9 * runtimes[row["id"]] / total
        assert abs(Fraction(row["shareInUsd"]) * 10**9 - exact) < 1, row
    folder.run(*spread, "--yes")
    stored = exported(folder, tmp_path / "out", "2026-01", "2026-01")
    assert sum(Fraction(line["costInUsd"]) for line in stored) == bill
