"""What operators install is what was tested: run where this machine can run it, and read by its rules where it cannot."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGING = REPOSITORY / "packaging"
sys.path.insert(0, str(REPOSITORY / "tests/clients"))

import program  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=REPOSITORY, **options)
    assert done.returncode == 0, f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def variables(text):
    """The variables of ours that a text names."""
    return set(re.findall(r"\bFARMTALLY_[A-Z_]+\b", text))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The variables that `serve` reads."""
    shown = program.run("config", "show", "--data-dir", tmp_path_factory.mktemp("settings") / "data").stdout
    names = [line.split(" = ")[0] for line in shown.splitlines()]
    assert "listen" in names
    return {"FARMTALLY_" + name.upper().replace("-", "_") for name in names}


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """The families that a server shows."""
    path = tmp_path_factory.mktemp("metrics")
    (path / "token").write_text(TOKEN)
    server = program.Server(program.Folder(path / "data"), "--metrics-token-file", path / "token")
    asked = urllib.request.Request(f"{server.endpoint}/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    text = urllib.request.urlopen(asked, timeout=program.PATIENCE_SECONDS).read().decode()
    assert server.stop() == 0
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


# Docker


def instructions(path):
    """Each instruction of a Dockerfile with its words."""
    text = re.sub(r"\\\n", " ", "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_the_image_is_one_static_program_that_nobody_in_particular_runs(settings):
    path = PACKAGING / "docker/Dockerfile"
    steps = instructions(path)
    stages = [rest for word, rest in steps if word == "FROM"]
    assert stages[0].startswith("rust:") and re.search(r":\d+\.\d+\.\d+-alpine\d", stages[0]), "a build needs a pinned compiler"
    pinned = re.search(r'channel = "([\d.]+)"', (REPOSITORY / "rust-toolchain.toml").read_text()).group(1)
    assert f"rust:{pinned}-" in stages[0], "the image builds with another compiler than the repository"
    assert stages[-1] == "scratch"
    final = steps[max(index for index, (word, _) in enumerate(steps) if word == "FROM"):]
    last = dict(final)
    uid, gid = map(int, last["USER"].split(":"))
    assert uid >= 10_000 and gid >= 10_000
    for word in ("ENTRYPOINT", "CMD"):
        assert json.loads(last[word]), f"{word} is not in the form that needs no shell"
    assert json.loads(last["HEALTHCHECK"].split("CMD", 1)[1]) == ["/farmtally", "ready"]
    assert not [word for word, _ in steps if word == "ADD"], "ADD may fetch and unpack"
    assert not re.search(r"curl|wget|:latest|sudo", path.read_text())
    assert "--locked" in path.read_text()
    assert variables(path.read_text()) <= settings | {"FARMTALLY_LOG_FORMAT"}


def test_the_image_gets_every_file_that_the_build_needs():
    kept = {line[1:] for line in (PACKAGING / "docker/Dockerfile.dockerignore").read_text().split() if line.startswith("!")}
    members = re.search(r"^members = \[(.*)\]", (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE).group(1)
    needed = {member.strip().strip('"').removesuffix("/*") for member in members.split(",")}
    assert needed | {"Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "web"} <= kept


# compose, Prometheus and Grafana


COMPOSE = ["compose.yaml", "cluster.compose.yaml", "compose-several.yaml"]


def mounts(service):
    """What a service mounts: name or path on this side, and whether it has to be there."""
    for volume in service.get("volumes", []):
        yield (volume["source"], False) if isinstance(volume, dict) else (volume.split(":")[0], True)


@pytest.mark.parametrize("file", COMPOSE)
def test_compose_opens_nothing_beyond_this_machine(settings, file):
    path = PACKAGING / file
    compose = yaml.safe_load(path.read_text())
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service and "network_mode" not in service, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if "build" in service:
            assert (PACKAGING / service["build"]["context"] / service["build"]["dockerfile"]).is_file(), name
        else:
            assert re.search(r":v?\d+\.\d+(\.\d+)?$", service["image"]), f"{name} is not pinned"
        for source, is_there in mounts(service):
            found = (PACKAGING / source).exists() or not is_there if source.startswith(".") else source in compose["volumes"]
            assert found, source
    assert variables(path.read_text()) <= settings
    assert any("build" in service for service in compose["services"].values())


def test_every_server_of_several_has_a_folder_of_its_own_and_shares_the_rest():
    services = yaml.safe_load((PACKAGING / "compose-several.yaml").read_text())["services"]
    servers = [service for service in services.values() if "build" in service]
    assert len(servers) == 3
    own = [service["volumes"][0] for service in servers]
    assert all(volume.endswith(":/data") for volume in own) and len(set(own)) == 3
    assert len({str(service["volumes"][1:]) for service in servers}) == len({str(service["environment"]) for service in servers}) == 1
    assert len({port for service in servers for port in service["ports"]}) == 3


@pytest.mark.parametrize("file", COMPOSE)
def test_docker_compose_reads_the_file(file):
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed")
    told = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "POSTGRES_PASSWORD": "hush", "GRAFANA_PASSWORD": "hush"}
    run("docker-compose", "--file", PACKAGING / file, "config", "--quiet", env=told, timeout=60)


def families(expression):
    names = set(re.findall(r"\bfarmtally_\w+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def test_prometheus_scrapes_and_alerts_on_metrics_that_exist(metrics):
    scraped = yaml.safe_load((PACKAGING / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())["services"]
    assert scraped["metrics_path"] == "/metrics"
    assert scraped["authorization"]["credentials_file"] == compose["farmtally"]["environment"]["FARMTALLY_METRICS_TOKEN_FILE"]
    groups = yaml.safe_load((PACKAGING / "prometheus/alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert families(rule["expr"]) <= metrics, rule
        assert rule["annotations"]["summary"]


def test_the_board_shows_metrics_that_exist(metrics):
    board = json.loads((PACKAGING / "grafana/farmtally.json").read_text())
    sources = yaml.safe_load((PACKAGING / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    shown = set()
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == sources[0]["uid"]
        for target in panel["targets"]:
            assert families(target["expr"]), panel["title"]
            shown |= families(target["expr"])
    assert shown <= metrics, shown - metrics
    assert len(board["panels"]) == len({panel["id"] for panel in board["panels"]})


# systemd and Debian


def test_systemd_reads_the_unit_and_finds_it_hardened(tmp_path, settings):
    text = (PACKAGING / "systemd/farmtally.service").read_text()
    assert variables(text) <= settings
    assert "LimitCORE=0" in text, "a core dump has the secrets in it"
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "farmtally.service"
    unit.write_text(text.replace("/usr/bin/farmtally", str(program.BINARY.resolve())))
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    about_us = [line for line in said.stderr.splitlines() if "farmtally" in line]
    assert not about_us, about_us
    run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit, timeout=60)


@pytest.fixture(scope="module")
def package():
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    run("scripts/package", program.BINARY, timeout=300)
    return REPOSITORY / "target/package"


def test_the_debian_package_has_a_program_that_runs(package, tmp_path, settings):
    deb = next(package.glob("*.deb"))
    about = run("dpkg-deb", "--field", deb)
    version = program.run("--version").stdout.split()[1]
    assert f"Version: {version}\n" in about and "@" not in re.sub(r"<[^>]*>", "", about)
    listed = run("dpkg-deb", "--contents", deb)
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    run("dpkg-deb", "--raw-extract", deb, tmp_path / "root")
    assert run(tmp_path / "root/usr/bin/farmtally", "--version") == f"farmtally {version}\n"
    share = tmp_path / "root/usr/share"
    for script in ("bash-completion/completions/farmtally", "zsh/vendor-completions/_farmtally", "fish/vendor_completions.d/farmtally.fish"):
        assert "verify-audit" in (share / script).read_text()
    assert b"EXIT STATUS" in gzip.decompress((share / "man/man1/farmtally-serve.1.gz").read_bytes())
    unit = (tmp_path / "root/usr/lib/systemd/system/farmtally.service").read_text()
    started = shlex.split(re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE).group(1))
    assert (tmp_path / ("root" + started[0])).is_file()
    assert variables((tmp_path / "root/etc/default/farmtally").read_text()) <= settings
    assert (tmp_path / "root/DEBIAN/conffiles").read_text() == "/etc/default/farmtally\n"
    for script in ("postinst", "prerm"):
        run("sh", "-n", tmp_path / "root/DEBIAN" / script)


def test_the_same_sources_give_the_same_package(package):
    first = (package / "SHA256SUMS").read_text()
    run("scripts/package", program.BINARY, timeout=300)
    assert (package / "SHA256SUMS").read_text() == first


def test_checksums_and_the_list_of_contents_are_right(package):
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=package, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sbom = json.loads(next(package.glob("*.cdx.json")).read_text())
    components = {component["name"]: component for component in sbom["components"]}
    assert sbom["metadata"]["component"]["name"] == "farmtally"
    assert {"rustls", "rusqlite", "farmtally-engine"} <= set(components) and "proptest" not in components
    foreign = [component for name, component in components.items() if not name.startswith("farmtally")]
    assert all(component.get("hashes") and component["licenses"][0]["expression"] for component in foreign)


# Supply chain


def test_what_the_program_is_made_of_is_allowed():
    said = run("scripts/supply-chain", timeout=300)
    assert re.search(r"default build: \d+ crates", said), said


def test_a_crate_that_is_not_allowed_would_be_found():
    loader = SourceFileLoader("supply_chain", str(REPOSITORY / "scripts/supply-chain"))
    chain = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(chain)
    allowed = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"}
    for expression in ("MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND Apache-2.0", "Apache-2.0 WITH LLVM-exception"):
        assert chain.is_allowed(expression, allowed), expression
    for expression in ("GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH Classpath", "(GPL-3.0 OR AGPL-3.0)"):
        assert not chain.is_allowed(expression, allowed), expression
    meta = chain.metadata()
    policy = {"licenses": {"allow": ["Apache-2.0"]}, "bans": {"deny": [{"crate": "rustls"}]}}
    found = "\n".join(chain.problems(meta, policy))
    assert "is banned" in found and "does not allow" in found
