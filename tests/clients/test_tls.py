"""boto3 and the AWS CLI over https, against a certificate that carries the names they ask for."""

import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import boto3
import botocore.config
import pytest
import trustme

import sample
from program import PATIENCE_SECONDS, environment, run

# `localhost` resolves everywhere; `management.localhost` need not, so that clients are told to leave the prefix out and
# one test resolves it by hand.
NAMES = ["localhost", "management.localhost", "127.0.0.1"]


class Authority:
    """A certificate authority of a studio, with the files that a server and its clients need."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self.bundle)
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.issue()

    def issue(self):
        """Gives the server a new certificate."""
        issued = self.authority.issue_cert(*NAMES)
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))

    @property
    def flags(self):
        return "--tls-cert", self.certificate, "--tls-key", self.key


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def secure(throwaway, authority):
    opened = throwaway(*authority.flags)
    port = opened.server.endpoint.rsplit(":", 1)[1]
    opened.url = f"https://localhost:{port}"
    opened.variables = opened.folder.environment("--endpoint", opened.url) | {"AWS_CA_BUNDLE": str(authority.bundle)}
    return opened


def serial(site, authority):
    """The serial number of the certificate that the server shows now."""
    context = ssl.create_default_context(cafile=authority.bundle)
    port = int(site.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as raw:
        with context.wrap_socket(raw, server_hostname="management.localhost") as encrypted:
            return encrypted.getpeercert()["serialNumber"]


def test_the_server_says_https(secure):
    assert secure.server.endpoint.startswith("https://127.0.0.1:")


def test_boto3_asks_over_https(secure):
    with environment(secure.variables):
        client = boto3.client("deadline", config=botocore.config.Config(retries={"total_max_attempts": 1}))
        assert client.meta.endpoint_url == secure.url
        farms = client.list_farms()["farms"]
    assert [farm["displayName"] for farm in farms] == ["north"]


def test_the_aws_cli_asks_over_https(secure):
    done = subprocess.run(
        ["aws", "deadline", "list-farms", "--query", "farms[].displayName", "--output", "text"],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=secure.variables,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "north"), done.stderr


def test_a_client_that_does_not_know_the_authority_does_not_ask(secure):
    unknown = {name: value for name, value in secure.variables.items() if name != "AWS_CA_BUNDLE"}
    with environment(unknown):
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        with pytest.raises(botocore.exceptions.SSLError):
            boto3.client("deadline", config=config).list_farms()


def test_an_import_goes_in_beside_a_server_that_speaks_tls(secure):
    counted = secure.folder.import_lines("second", sample.json_lines(sample.NORTH))
    assert counted["stored"] == len(sample.NORTH), counted


def test_hangup_reads_the_certificate_again(secure, authority):
    before = serial(secure, authority)
    authority.issue()
    assert serial(secure, authority) == before
    secure.server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while serial(secure, authority) == before:
        assert time.monotonic() < deadline, secure.server.log()
    authority.key.write_text("not a key")
    after = serial(secure, authority)
    secure.server.process.send_signal(signal.SIGHUP)
    while "stays as it was" not in secure.server.log():
        assert time.monotonic() < deadline, secure.server.log()
    assert serial(secure, authority) == after


def test_the_page_is_shown_over_https_under_any_name_of_the_certificate(secure, authority):
    link = next(word for word in secure.server.log().split() if "/?token=" in word)
    token = link.split("/?token=")[1]
    context = ssl.create_default_context(cafile=authority.bundle)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor()
    )
    page = opener.open(f"{secure.url}/?token={token}", timeout=PATIENCE_SECONDS).read().decode()
    assert "north" in page


def test_another_network_is_refused_without_tls(tmp_path):
    done = run("serve", "--data-dir", tmp_path / "data", "--listen", "0.0.0.0:0", check=False)
    assert done.returncode == 2 and "--tls-cert" in done.stderr
