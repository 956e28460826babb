"""The fixtures. pytest finds them by itself once the package is installed; nothing runs until a test asks for one."""

import pytest

from .testing import FarmtallyServer


@pytest.fixture(scope="session")
def farmtally_server():
    """A server with the sample farm of `farmtally demo`, one for all tests, which should only read."""
    with FarmtallyServer(sample=True) as server:
        yield server


@pytest.fixture
def farmtally_empty():
    """A server with an empty farm, new for each test."""
    with FarmtallyServer() as server:
        yield server


@pytest.fixture
def farmtally_client(farmtally_server):
    """A boto3 client of the sample farm's server."""
    return farmtally_server.client()


@pytest.fixture
def farmtally_environment(farmtally_server, monkeypatch, tmp_path):
    """Sets this process's AWS variables to the sample farm's server, for code that makes its own client.

    Profiles and keys of whoever runs the tests are out of sight meanwhile. Gives the server.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    nowhere = str(tmp_path / "nothing")
    monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
    for name, value in farmtally_server.environment.items():
        monkeypatch.setenv(name, value)
    return farmtally_server
