"""A server whose catalogue is reached by TLS, and what it says when it cannot know who answers there."""

import time
from urllib.parse import quote

import pytest

import asking
import ingest
import sample
from postgres import PASSWORD, USER, Postgres
from program import Folder, Server, run
from several import session, total


PATIENCE_SECONDS = 30
CONNECTIONS = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'farmtally'"


@pytest.fixture(scope="module")
def database():
    opened = Postgres("farmtally", fsync=True)
    yield opened
    opened.end()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "segments").mkdir()
    return Folder(tmp_path / "server")


def address(database, host="localhost", password=PASSWORD, **parameters):
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
    return f"postgres://{USER}:{quote(password)}@{host}:{database.port}/{database.database}?{query}"


def refused(folder, url):
    """What `serve` says when it does not start."""
    places = "--catalogue", url, "--segments", folder.path.parent / "segments"
    done = run("serve", "--data-dir", folder.path, "--listen", "127.0.0.1:0", *places, check=False)
    assert done.returncode not in (0, 101) and "panicked" not in done.stderr, done
    assert PASSWORD not in done.stderr and quote(PASSWORD) not in done.stderr
    return done.stderr


def test_a_catalogue_is_served_over_tls_and_again_after_its_database_crashed(database, folder):
    url = address(database, sslmode="verify-full", sslrootcert=database.authority)
    server = Server(folder, "--catalogue", url, "--segments", folder.path.parent / "segments")
    variables = server.environment()
    key = variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]
    folder.run("farm", "create", "studio")
    farm_id = next(word for word in folder.run("farm", "list").stdout.split() if word.startswith("farm-"))
    client = asking.client(variables | {"AWS_ENDPOINT_URL_DEADLINE": server.endpoint}, **asking.attempts(5))
    for number in (1, 2):
        assert ingest.post_sessions(server.endpoint, farm_id, sample.json_lines([session(number)]), key)[0] == 200
        assert total(client, farm_id) == (number, number * (number + 1) // 2)
        # What PostgreSQL itself says about the connections: the pool's, and that of the signs of life, which comes back in its turn.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(encrypted := database.do(CONNECTIONS)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(encrypted) >= 2 and set(encrypted) == {"t"}, encrypted
        database.crash()
    assert server.stop() == 0, server.log()


def test_a_server_that_proves_nothing_is_not_given_the_password(database, folder):
    trusted = {"sslmode": "require", "sslrootcert": database.authority}
    told = refused(folder, address(database))
    assert "no encryption" in told and "add sslmode=verify-full to the address" in told, told
    told = refused(folder, address(database, sslmode="verify-full"))
    assert "UnknownIssuer" in told and "sslrootcert=FILE" in told, told
    told = refused(folder, address(database, host="127.0.0.1", **trusted))
    assert "certificate not valid for name" in told, told
    assert "password authentication failed" in refused(folder, address(database, password="wrong", **trusted))
    # Nothing of this left a key that would not fit the catalogue later.
    assert not (folder.path / "master.key").exists()


def test_what_an_address_says_wrongly_about_tls_is_told(database, folder):
    assert "sslmode=prefer is not supported" in refused(folder, address(database, sslmode="prefer"))
    told = refused(folder, address(database, sslmode="require", sslrootcert="/no/such.pem"))
    assert "cannot use sslrootcert `/no/such.pem`" in told, told
    told = refused(folder, address(database, sslmode="require", sslrootcert="authority.pem"))
    assert "sslrootcert" in told, told


def test_a_database_without_tls_is_told_from_one_that_is_away(folder):
    database = Postgres("farmtally", fsync=True)
    try:
        url = address(database, sslmode="require", sslrootcert=database.authority)
        database.options = database.options.replace("ssl=on", "ssl=off")
        database.crash()
        assert "it offers no TLS" in refused(folder, url)
        database.stop()
        told = refused(folder, url)
        assert "try again when it answers" in told and "TLS" not in told, told
        database._begin()
    finally:
        database.end()
