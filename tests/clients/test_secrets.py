"""Nothing that a server logs, shows or answers has a secret in it, however much it is asked to log."""

import base64
import urllib.error
import urllib.parse
import urllib.request

import pytest

import asking
import sample
from program import PATIENCE_SECONDS


def forms(secret):
    """The secret as it stands and as it could have been written by somebody who meant well."""
    return {secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), secret.encode().hex()}


def ask_for_everything(site):
    client = site.client()
    farm_id = site.farms["north"]
    assert asking.ask(client, asking.question(farm_id, [sample.COMP]))
    client.list_queues(farmId=farm_id)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_farm(farmId="farm-" + "0" * 32)


def post(url, body):
    try:
        return urllib.request.urlopen(url, body.encode(), timeout=PATIENCE_SECONDS).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_a_server_that_logs_everything_logs_no_secret(throwaway):
    site = throwaway("--log", "trace", "--log-format", "json")
    ingester = site.folder.key("ingester", "--name", "wrangler")
    ask_for_everything(site)
    site.folder.import_lines("north", sample.json_lines(sample.NORTH))
    shown = post(f"{site.endpoint}/sign-in", urllib.parse.urlencode(
        {"accessKeyId": site.key[0], "secretAccessKey": site.key[1]}))
    shown += post(f"{site.endpoint}/sign-in", urllib.parse.urlencode(
        {"accessKeyId": ingester[0], "secretAccessKey": ingester[1] + "x"}))
    link = next(word for word in site.server.log().split() if "/?token=" in word)
    shown += post(f"{site.endpoint}/sign-out", "form=0")
    assert site.server.stop() == 0
    master_key = (site.folder.path / "master.key").read_text().strip()
    log = site.server.log()
    audit = (site.folder.path / "audit.jsonl").read_text()
    assert log.count('"answered"') >= 8 and '"request_id"' in log, "the server logged less than it was asked to"
    for secret in (site.key[1], ingester[1], master_key):
        for form in forms(secret):
            for where, text in (("log", log), ("audit log", audit), ("answers", shown)):
                assert form not in text, f"a secret is in the {where}"
    token = link.split("/?token=")[1]
    assert log.count(token) == 1, "the page's token is in its link and nowhere else"
    assert token not in audit + shown
