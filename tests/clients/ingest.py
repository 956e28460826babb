"""Sessions over HTTP: a batch of JSON Lines, signed as any AWS request is."""

import http.client
import json
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from program import PATIENCE_SECONDS


def send(method, endpoint, path, body, key, region="us-west-2"):
    """Sends a signed request; gives the status and the body, parsed if it is JSON."""
    request = AWSRequest(method, endpoint + path, data=body, headers={"Content-Type": "application/x-ndjson"})
    SigV4Auth(Credentials(*key), "deadline", region).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body=body, headers=dict(request.headers))
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text) if text else None


def post_sessions(endpoint, farm_id, lines, key):
    return send("POST", endpoint, f"/api/v1/farms/{farm_id}/sessions", lines.encode(), key)
