"""A client of the HTTP interface that signs its requests and waits for nothing.

It is not an SDK on purpose: an SDK retries, and here every answer counts.
"""

import hashlib
import hmac
import http.client
import json
import time
from datetime import datetime, timezone
from urllib.parse import quote, urlsplit

from farm_model import DAY_START_MS, SESSION_FLEET, VOLUME_FLEET

PATIENCE_SECONDS = 60
# The server closes a connection on which nothing came for five seconds. Here, where many points share two processors, a client may
# be that late; a request on a connection that is closed already would look like a server that is gone.
IDLE_SECONDS = 2
API = "/2023-10-12/farms"


def question(fleets):
    return json.dumps({
        "resourceIds": {"fleetIds": fleets}, "groupBy": ["USAGE_TYPE", "JOB_ID"],
        "statistics": ["SUM"], "startTime": "2025-11-24T00:00:00Z", "endTime": "2025-11-25T00:00:00Z",
    }).encode()


assert datetime.fromtimestamp(DAY_START_MS / 1000, timezone.utc).isoformat().startswith("2025-11-24T00:00:00")

# What a request meets when the server is gone or never answers.
GONE = (ConnectionError, http.client.HTTPException, TimeoutError, OSError)


class Failed(Exception):
    """An aggregation that did not complete, or a status that has no answer in it."""


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Client:
    """One connection for one key and one farm. Requests are dated by `clock`, in seconds since 1970."""

    def __init__(self, endpoint, key, farm_id, clock=time.time):
        self.host = urlsplit(endpoint).netloc
        self.key_id, self.secret = key
        self.farm_id = farm_id
        self.clock = clock
        self.patience_seconds = PATIENCE_SECONDS
        self.connection = http.client.HTTPConnection(self.host, timeout=PATIENCE_SECONDS)
        self.answers = 0
        self.answered_at = time.monotonic()
        self.last_rows = None

    def close(self):
        self.connection.close()

    def request(self, method, path, query="", body=b""):
        """Gives the status and the body, parsed."""
        status, text = self.exchange(method, path, query, body)
        return status, json.loads(text) if text else None

    def exchange(self, method, path, query="", body=b""):
        """Gives the status and the body as it came."""
        target = path + ("?" + query if query else "")
        if time.monotonic() - self.answered_at > IDLE_SECONDS:
            self.connection.close()
        self.connection.request(method, target, body=body, headers=self._headers(method, path, query, body))
        response = self.connection.getresponse()
        text = response.read()
        self.answers += 1
        self.answered_at = time.monotonic()
        return response.status, text

    def _headers(self, method, path, query, body):
        now = datetime.fromtimestamp(self.clock(), timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/us-west-2/deadline/aws4_request"
        # Paths and queries of these operations need no escapes beyond those that `quote` has put there.
        canonical = "\n".join([
            method, path, query, f"host:{self.host}", f"x-amz-date:{now}", "", "host;x-amz-date",
            hashlib.sha256(body).hexdigest(),
        ])
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = _hmac(key, part)
        signature = _hmac(key, text).hex()
        return {
            "Host": self.host, "X-Amz-Date": now, "Content-Type": "application/x-ndjson",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, "
                             f"SignedHeaders=host;x-amz-date, Signature={signature}",
        }

    def post(self, lines):
        return self.request("POST", f"/api/v1/farms/{self.farm_id}/sessions", body=lines)

    def delete(self, record_id):
        kind = record_id.split("-")[0]
        return self.request("DELETE", f"/api/v1/farms/{self.farm_id}/{kind}s/{record_id}")

    def rows(self, may_be_young=True):
        """Every session by itself, in whole numbers: {(usage type, job): (count, name, nano-dollars, ms)}.

        A farm that may be young may not know a fleet; then it has no record of it."""
        fleets = [SESSION_FLEET, VOLUME_FLEET]
        status, started = self.start(fleets)
        while status == 404 and started.get("resourceType") == "fleet" and may_be_young:
            fleets.remove(started["resourceId"])
            if not fleets:
                return {}
            status, started = self.start(fleets)
        give_up = time.monotonic() + self.patience_seconds
        while status == 429 and time.monotonic() < give_up:
            # What an aggregation on a full disk came to is written down when there is room.
            time.sleep(0.1)
            status, started = self.start(fleets)
        if status != 200:
            raise Failed(f"Start answered {status} {started}")
        self.last_rows = started["aggregationId"]
        return self.rows_of(self.last_rows)

    def start(self, fleets=(SESSION_FLEET, VOLUME_FLEET)):
        """The status and the body of a Start."""
        return self.request("POST", self.aggregations, body=question(fleets))

    @property
    def aggregations(self):
        """The path of the farm's aggregations."""
        return f"{API}/{self.farm_id}/sessions-statistics-aggregation"

    def page(self, aggregation_id, token=None, size=None):
        """The status and the body of a Get, of pages of `size` rows."""
        query = f"aggregationId={aggregation_id}" + (f"&maxResults={size}" if size else "")
        return self.request("GET", self.aggregations, query + (f"&nextToken={quote(token, safe='')}" if token else ""))

    def completed_page(self, aggregation_id, give_up, token=None, size=None):
        """A page of an aggregation, once it has ended, which is waited for until `give_up`."""
        while True:
            status, page = self.page(aggregation_id, token, size)
            if status != 200:
                raise Failed(f"Get answered {status} {page}")
            if page["status"] == "COMPLETED":
                return page
            if page["status"] != "IN_PROGRESS":
                raise Failed(f"{page['status']}: {page.get('statusMessage')}")
            if time.monotonic() > give_up:
                raise Failed(f"an aggregation did not end in {self.patience_seconds} s")

    def rows_of(self, aggregation_id):
        """The rows of an aggregation, once it has ended."""
        rows, token = {}, None
        give_up = time.monotonic() + self.patience_seconds
        while True:
            page = self.completed_page(aggregation_id, give_up, token)
            for row in page["statistics"]:
                key = (row["usageType"], row.get("jobId"))
                if key in rows:
                    raise Failed(f"the answer has {key} twice")
                rows[key] = (row["count"], row.get("jobName"), units(row["costInUsd"], 9), units(row["runtimeInSeconds"], 3))
            token = page.get("nextToken")
            if not token:
                return rows


def units(amount, digits):
    """A sum on the wire, which is the double nearest to the exact one, as the whole number of units that it stands for."""
    return round(amount["sum"] * 10**digits)
