"""AWS Signature Version 4 in a few lines, by the published description and without any code of the program."""

import hashlib
import hmac
import time
from functools import lru_cache
from urllib.parse import quote, unquote

SERVICE, REGION = "deadline", "us-west-2"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@lru_cache(maxsize=64)
def signing_key(secret, day):
    return _hmac(_hmac(_hmac(_hmac(f"AWS4{secret}".encode(), day), REGION), SERVICE), "aws4_request")


def canonical_query(query):
    pairs = (pair.partition("=")[::2] for pair in query.split("&") if pair)
    encoded = sorted((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def sign(key, method, target, host, body=b"", headers=(), at=None):
    """The headers of a request, in order, as (name, value): `headers`, and those that sign it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if at is None else at))
    path, _, query = target.partition("?")
    signed = sorted([("host", host), ("x-amz-date", stamp), *headers])
    names = ";".join(name for name, _ in signed)
    canonical = "\n".join([
        method, quote(path, safe="/-_.~"), canonical_query(query), *(f"{name}:{value}" for name, value in signed), "",
        names, hashlib.sha256(body).hexdigest(),
    ])
    scope = f"{stamp[:8]}/{REGION}/{SERVICE}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(signing_key(key[1], stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={key[0]}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [("host", host), *headers, ("x-amz-date", stamp), ("authorization", authorization)]


def request(method, target, headers, body=b""):
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body
