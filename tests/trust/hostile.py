"""Requests that no client of ours sends: broken, huge, slow of wit, or signed and full of garbage."""

import json
import random

from signing import request, sign

FARM = "farm-0123456789abcdef0123456789abcdef"
AGGREGATION = f"/2023-10-12/farms/{FARM}/sessions-statistics-aggregation"
TARGETS = [
    "/", "//", "/%", "/%00", "/..", "/../../etc/passwd", "*", "/livez", "/livez?%", "/metrics", "/2023-10-12/farms",
    "/2023-10-12/farms//", AGGREGATION, AGGREGATION + "?aggregationId=" + "0" * 32, f"/api/v1/farms/{FARM}/sessions",
    "/2023-10-12/farms/" + "a" * 5000, "/" + "%2e" * 100, "/sign-in", "/sign-out", "http://evil.example/", "/?" + "a&" * 900,
    "/?token=" + "x" * 4000, "/\u202e", "/assets/../livez",
]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "G\u00c9T", "", "A" * 300]
NAMES = ["\x1b[31m", "<script>alert(1)</script>", "\u202e", "\x00", "'; DROP TABLE farms; --", "=cmd|' /C calc'!A0", "\r\nx: y", "é" * 200]


class Hostile:
    """Bytes of requests, the same for the same seed."""

    def __init__(self, seed, host, key):
        self.random, self.host, self.key = random.Random(seed), host, key
        self.kinds = [
            self.noise, self.line, self.headers, self.framing, self.chunks, self.many_headers, self.long_header,
            self.signed_garbage, self.signed_json, self.signed_query, self.half_signed, self.lines_of_sessions, self.mutated,
        ]

    def next(self):
        """The method, and the bytes."""
        return self.random.choice(self.kinds)()

    def some(self, choices):
        return self.random.choice(choices)

    def bytes(self, length):
        return self.random.randbytes(self.random.randrange(length))

    def text(self):
        return self.some([*NAMES, "", "0", "-1", "null", "1e999", "x" * self.random.randrange(3000), self.bytes(40).decode("latin-1")])

    def noise(self):
        return "GET", self.bytes(600) + b"\r\n\r\n"

    def line(self):
        method = self.some(METHODS)
        line = f"{method} {self.some(TARGETS)} {self.some(['HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'HTTP/9.9', '', 'x'])}"
        return method, line.encode() + b"\r\nhost: x\r\n\r\n"

    def headers(self):
        lines = [f"GET {self.some(TARGETS)} HTTP/1.1".encode()]
        for _ in range(self.random.randrange(6)):
            name = self.some([b"host", b"authorization", b"x-amz-date", b"cookie", b"content-length", b" folded", b"a b", b"", b"\xff", b"content-encoding"])
            lines.append(name + self.some([b": ", b":", b" : ", b""]) + self.bytes(60).replace(b"\n", b""))
        return "GET", b"\r\n".join(lines) + b"\r\n\r\n"

    def framing(self):
        lengths = self.some([
            "content-length: 4\r\ntransfer-encoding: chunked", "content-length: 4\r\ncontent-length: 5", "content-length: -1",
            "content-length: 99999999999999999999", "content-length: 0x4", "transfer-encoding: gzip, chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity", "content-length: 4, 4", "content-length: +4",
        ])
        return "POST", f"POST {AGGREGATION} HTTP/1.1\r\nhost: x\r\n{lengths}\r\n\r\n".encode() + b"0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"

    def chunks(self):
        chunk = self.some([b"zz\r\n{}\r\n", b"ffffffffffffffff\r\n", b"1;" + b"x" * 20000 + b"\r\na\r\n", b"-1\r\n", b"2\r\n{}0\r\n"])
        return "POST", f"POST {AGGREGATION} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode() + chunk + b"0\r\n\r\n"

    def many_headers(self):
        count = self.some([63, 64, 65, 101, 500])
        lines = "".join(f"x-{number}: y\r\n" for number in range(count))
        return "GET", f"GET /livez HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode()

    def long_header(self):
        return "GET", b"GET /livez HTTP/1.1\r\nhost: x\r\ncookie: " + b"a" * self.some([30_000, 33_000, 64_000]) + b"\r\n\r\n"

    def signed(self, method, target, body=b"", headers=()):
        return method, request(method, target, sign(self.key, method, target, self.host, body, headers), body)

    def signed_garbage(self):
        return self.signed("POST", self.some([AGGREGATION, f"/api/v1/farms/{FARM}/sessions"]), self.bytes(2000))

    def value(self, depth=0):
        if depth > 3:
            return self.text()
        return self.some([
            self.text, lambda: None, lambda: self.random.randrange(-10**20, 10**20), lambda: self.random.random() * 1e300,
            lambda: [self.value(depth + 1) for _ in range(self.random.randrange(12))],
            lambda: {self.text(): self.value(depth + 1) for _ in range(self.random.randrange(4))}, lambda: True,
            lambda: "2025-11-24T10:00:00Z", lambda: "queue-0123456789abcdef0123456789abcdef", lambda: ["SUM", "AVG"],
        ])()

    def signed_json(self):
        members = ["resourceIds", "startTime", "endTime", "timezone", "period", "groupBy", "statistics", "queueIds", "x"]
        document = {name: self.value() for name in self.random.sample(members, self.random.randrange(len(members)))}
        if self.random.random() < 0.5:
            document["resourceIds"] = {"queueIds": self.value()}
        body = self.some([json.dumps(document).encode("utf-8", "surrogatepass"), b"[" * self.random.randrange(30000), b'{"a":' * 5000])
        return self.signed("POST", AGGREGATION, body)

    def signed_query(self):
        pairs = [f"{self.some(['aggregationId', 'maxResults', 'nextToken', 'x', ''])}={''.join(f'%{byte:02X}' for byte in self.bytes(40))}" for _ in range(self.random.randrange(5))]
        return self.signed("GET", self.some([AGGREGATION, "/2023-10-12/farms", f"/2023-10-12/farms/{FARM}/queues"]) + "?" + "&".join(pairs))

    def half_signed(self):
        headers = sign(self.key, "GET", "/2023-10-12/farms", self.host)
        self.random.shuffle(headers)
        kept = headers[: self.random.randrange(len(headers))] + headers[: self.random.randrange(2)]
        return "GET", request("GET", "/2023-10-12/farms", kept)

    def lines_of_sessions(self):
        lines = [self.some([json.dumps(self.value()).encode("utf-8", "surrogatepass"), self.bytes(200), b"{}", b"", b'{"sessionId":"session-' + b"0" * 32 + b'"}']) for _ in range(self.random.randrange(30))]
        return self.signed("POST", f"/api/v1/farms/{FARM}/sessions", b"\n".join(lines))

    def mutated(self):
        method, data = self.signed("GET", "/2023-10-12/farms")
        data = bytearray(data)
        for _ in range(self.random.randrange(1, 6)):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        return method, bytes(data) + b"\r\n\r\n"
