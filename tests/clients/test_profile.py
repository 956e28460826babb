"""`farmtally env --write-profile`, as boto3 and the AWS CLI read it: no variable but the profile, and no line of code."""

import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from program import BINARY, clean_environment, environment


@pytest.fixture
def profile(site, tmp_path):
    """An environment that has a file with another profile in it, and ours."""
    file = tmp_path / "config"
    file.write_text("[default]\nregion = eu-west-1\n")
    variables = clean_environment() | {"AWS_CONFIG_FILE": str(file)}
    command = [BINARY, "env", "--data-dir", site.folder.path, "--write-profile", "tally"]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=60)
    assert (done.returncode, done.stdout) == (0, "export AWS_PROFILE=tally\n"), done.stderr
    return variables


def test_boto3_needs_the_name_alone(site, profile):
    with environment(profile):
        deadline = boto3.Session(profile_name="tally").client("deadline")
    # Other tests add farms of their own to the site.
    assert {farm["displayName"] for farm in deadline.list_farms()["farms"]} >= set(site.farms)


def test_the_aws_cli_needs_the_name_alone(site, profile):
    command = [Path(sys.executable).with_name("aws"), "deadline", "list-farms", "--profile", "tally", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, env=profile, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {farm["displayName"] for farm in json.loads(done.stdout)["farms"]} >= set(site.farms)
