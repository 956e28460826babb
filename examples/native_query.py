"""What AWS's operations cannot be asked: cost by show, out of the names of jobs, against the month before.

    pip install boto3
    eval "$(farmtally env --data-dir DIR)"
    python native_query.py FARM_NAME 2025-11 '^(sh[0-9]+) '

The native API (docs/query-api.md) takes a question as JSON and answers at once. A request is signed as those of AWS are.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from decimal import Decimal

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
except ModuleNotFoundError as error:
    raise SystemExit(f"error: {error}\nhint: pip install boto3") from None

from boto3_statistics import farm_named, run


def ask(farm_id, question):
    """The answer as a dictionary; an error says what is wrong with the question, and what to do."""
    if not os.environ.get("AWS_ENDPOINT_URL_DEADLINE"):
        raise SystemExit('error: AWS_ENDPOINT_URL_DEADLINE is not set\nhint: eval "$(farmtally env --data-dir DIR)"')
    url = f"{os.environ['AWS_ENDPOINT_URL_DEADLINE']}/api/v1/farms/{farm_id}/query"
    body = json.dumps(question).encode()
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    SigV4Auth(boto3.Session().get_credentials(), "deadline", os.environ["AWS_REGION"]).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, dict(request.headers))) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"error: {json.load(error)['message']}") from None


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    farm, month, pattern = sys.argv[1:]
    answer = ask(
        farm_named(boto3.client("deadline"), farm),
        {"in": month, "groupBy": [{"jobName": pattern, "label": "show"}], "compare": "previous"},
    )
    for group in answer["groups"]:
        [show] = group["values"]
        # Costs are decimal texts, exact to the last digit.
        cost = Decimal(group["total"]["cost"]["sum"])
        before = Decimal(group["previous"]["cost"]["sum"]) if "previous" in group else Decimal(0)
        print(f"{show['name'] if show else '(none)':<12} {cost:>12f} USD, the month before {before:f} USD")


if __name__ == "__main__":
    run(main)
