"""A small farm, made by hand, whose every statistic can be checked with pencil and paper.

| session | queue | fleet | job   | user  | instance    | from     | to           | COMPUTE | LICENSE                |
|---------|-------|-------|-------|-------|-------------|----------|--------------|---------|------------------------|
| 1       | comp  | cpu   | light | alice | c6i.8xlarge | 24 22:30 | 25 00:30     | 2.00    | arnold 0.80            |
| 2       | comp  | gpu   | light | alice | g6.4xlarge  | 24 10:00 | 24 10:20     | 1.20    | arnold 0.10, nuke 0.05 |
| 3       | sim   | cpu   | ocean | bob   |             | 25 08:00 | 25 11:00     | 3.60    |                        |
| 4       | sim   | gpu   | foam  | bob   | g6.4xlarge  | 25 09:15 | 53.773 s on  | 0.00    |                        |
| 5       | sim   | gpu   | foam  | bob   | g6.4xlarge  | 25 12:00 | 25 12:00     | 0.01    |                        |

The gpu fleet has a volume from the 24th 00:00 to the 26th 00:00 that cost 0.48. All of it is in November 2025, in UTC,
and the 24th is a Monday.
"""

import json

COMP, SIM = "queue-" + "c0" * 16, "queue-" + "d1" * 16
CPU, GPU = "fleet-" + "0a" * 16, "fleet-" + "0b" * 16
LIGHT, OCEAN, FOAM = "job-" + "01" * 16, "job-" + "02" * 16, "job-" + "03" * 16

WINDOW = {"startTime": "2025-11-24T00:00:00Z", "endTime": "2025-11-26T00:00:00Z"}

QUEUE_NAMES = {COMP: "comp", SIM: "sim"}
FLEET_NAMES = {CPU: "render-cpu", GPU: "render-gpu"}
JOB_NAMES = {LIGHT: "sh010 light v12", OCEAN: "sh020 ocean", FOAM: "sh020 écume 🌊"}


def session(number, queue, fleet, job, user, instance_type, started_at, ended_at, compute, **licenses):
    lines = [{"usageType": "COMPUTE", "costInUsd": compute}]
    lines += [
        {"usageType": "LICENSE", "licenseProduct": product, "quantity": 1, "costInUsd": cost}
        for product, cost in licenses.items()
    ]
    record = {
        "sessionId": f"session-{number:032x}",
        "queueId": queue, "queueName": QUEUE_NAMES[queue],
        "fleetId": fleet, "fleetName": FLEET_NAMES[fleet],
        "jobId": job, "jobName": JOB_NAMES[job],
        "userId": user,
        "startedAt": f"2025-11-{started_at}Z", "endedAt": f"2025-11-{ended_at}Z",
        "usage": lines,
    }
    return record | ({"instanceType": instance_type} if instance_type else {})


NORTH = [
    session(1, COMP, CPU, LIGHT, "alice", "c6i.8xlarge", "24T22:30:00", "25T00:30:00", "2.00", arnold="0.80"),
    session(
        2, COMP, GPU, LIGHT, "alice", "g6.4xlarge", "24T10:00:00", "24T10:20:00", "1.20", arnold="0.10", nuke="0.05"
    ),
    session(3, SIM, CPU, OCEAN, "bob", None, "25T08:00:00", "25T11:00:00", "3.60"),
    session(4, SIM, GPU, FOAM, "bob", "g6.4xlarge", "25T09:15:00", "25T09:15:53.773", "0"),
    session(5, SIM, GPU, FOAM, "bob", "g6.4xlarge", "25T12:00:00", "25T12:00:00", "0.01"),
    {
        "volumeId": "volume-" + "1" * 32, "fleetId": GPU,
        "startedAt": "2025-11-24T00:00:00Z", "endedAt": "2025-11-26T00:00:00Z", "costInUsd": "0.48",
    },
]

# 250 jobs with a session each, over 12 queues and 3 fleets: something to page through. Job n, from 0, ran n + 1 seconds
# on 2025-11-24 and cost n + 1 cents.
WIDE_JOBS = 250
WIDE_QUEUES = [f"queue-{number:032x}" for number in range(12)]
WIDE_FLEETS = [f"fleet-{number:032x}" for number in range(3)]


def wide_job(number):
    return f"job-{number:032x}"


def wide_session(number):
    minutes, seconds = divmod(number + 1, 60)
    return {
        "sessionId": f"session-{number:032x}",
        "queueId": WIDE_QUEUES[number % 12], "queueName": f"queue {number % 12:02}",
        "fleetId": WIDE_FLEETS[number % 3], "fleetName": f"fleet {number % 3}",
        "jobId": wide_job(number), "jobName": f"job {number}", "userId": "carol",
        "startedAt": "2025-11-24T00:00:00Z", "endedAt": f"2025-11-24T00:{minutes:02}:{seconds:02}Z",
        "usage": [{"usageType": "COMPUTE", "costInUsd": f"{(number + 1) // 100}.{(number + 1) % 100:02}"}],
    }


WIDE = [wide_session(number) for number in range(WIDE_JOBS)]

# A session that still runs, since half past midnight.
RUNNING = [
    {name: value for name, value in wide_session(0).items() if name not in ("endedAt", "usage")}
    | {"startedAt": "2025-11-20T00:30:00Z"}
]


def json_lines(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
