"""The examples of `deploy/` and compose.yaml, checked by the tools that would read them."""

from __future__ import annotations

import os
import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import ENVIRONMENT_PREFIX, SETTINGS, load_settings
from tests.packaging import dockerfile
from tests.packaging.lock import ROOT
from tests.support.reverse_proxy import caddyfile, program

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
UNIT = DEPLOY / "systemd" / "skillhabit-odata.service"
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
MANIFESTS = [*KUSTOMIZATION["resources"], "secret.example.yaml"]
NAME = {"app.kubernetes.io/name": "skillhabit-odata"}


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((KUBERNETES / name).read_text("utf-8"))
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return found


def check_settings(environment: dict[str, str]) -> None:
    """Each is a setting, with a value that it may have."""
    ours = {n: v for n, v in environment.items() if n.startswith(ENVIRONMENT_PREFIX)}
    assert ours
    assert ours.keys() <= {setting.variable for setting in SETTINGS}
    load_settings({}, ours)


# --- Kubernetes -----------------------------------------------------------------------------------


def test_every_manifest_is_in_the_kustomization_but_the_secrets() -> None:
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert there == {*MANIFESTS, "kustomization.yaml"}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_manifests_are_of_the_api(name: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs the extra `supply`")
    validate.validate(manifest(name), validate.latest_version(), strict=True)


def test_all_selectors_find_the_pods() -> None:
    deployment = manifest("deployment.yaml")["spec"]
    assert deployment["template"]["metadata"]["labels"] == NAME
    assert deployment["selector"]["matchLabels"] == NAME
    assert manifest("service.yaml")["spec"]["selector"] == NAME
    assert manifest("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"] == NAME
    assert manifest("poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"] == NAME
    scaled = manifest("horizontalpodautoscaler.yaml")["spec"]["scaleTargetRef"]["name"]
    assert scaled == manifest("deployment.yaml")["metadata"]["name"]


def test_the_pod_agrees_with_the_image_and_its_settings() -> None:
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert f"{pod['securityContext']['runAsUser']}" == dockerfile.last("USER").partition(":")[0]
    assert [str(p["containerPort"]) for p in container["ports"]] == [dockerfile.last("EXPOSE")]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert dockerfile.last("VOLUME") in mounts
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    settings = manifest("configmap.yaml")["data"]
    check_settings(settings | dockerfile.environment())
    secret = manifest("secret.example.yaml")["stringData"]
    check_settings({container["env"][0]["name"]: secret["redis-url"]})
    for name in ("TOKEN_FILE", "ACCESS_KEY_FILE"):
        path = Path(settings[ENVIRONMENT_PREFIX + name])
        assert str(path.parent) in mounts
        assert path.name in secret


def test_only_the_ingress_and_prometheus_reach_the_pods() -> None:
    """So the proxies may be named by the network of all pods."""
    sources = manifest("networkpolicy.yaml")["spec"]["ingress"]
    names = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in sources
        for peer in rule["from"]
    ]
    assert names == ["ingress-nginx", "monitoring"]
    assert all(rule["ports"] == [{"port": 8000}] for rule in sources)
    proxies = manifest("configmap.yaml")["data"]["SKILLHABIT_ODATA_TRUSTED_PROXIES"]
    assert ip_network(proxies).is_private


def test_every_file_of_the_secret_is_mounted() -> None:
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    (items,) = (v["secret"]["items"] for v in pod["volumes"] if "secret" in v)
    files = {item["path"] for item in items}
    settings = manifest("configmap.yaml")["data"]
    named = {Path(v).name for n, v in settings.items() if n.endswith("_FILE")}
    assert named == files
    assert files <= manifest("secret.example.yaml")["stringData"].keys()


def test_the_grace_is_long_enough_for_what_is_in_flight() -> None:
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]
    seconds = int(re.findall(r"sleep\((\d+)\)", waits)[0])
    assert pod["terminationGracePeriodSeconds"] > seconds + 20


# --- Compose --------------------------------------------------------------------------------------


def test_the_compose_file_is_one() -> None:
    spec = pytest.importorskip("compose_spec", reason="needs the extra `supply`")
    spec.PyCompose((ROOT / "compose.yaml").read_text("utf-8"))


def test_all_that_services_name_is_there() -> None:
    found = compose()
    for service in found["services"].values():
        assert set(service.get("networks", ())) <= found["networks"].keys()
        assert set(service.get("secrets", ())) <= found["secrets"].keys()
        assert set(service.get("depends_on", ())) <= found["services"].keys()
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (ROOT / source).exists(), source


def test_every_service_is_locked_down() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_its_settings_are_some() -> None:
    for name in ("gateway-1", "gateway-2"):
        environment = compose()["services"][name]["environment"]
        shown = {n: re.sub(r"\$\{[^}]*\}", "bi.example.com", v) for n, v in environment.items()}
        check_settings(shown | dockerfile.environment())


def front_networks(service: dict[str, Any]) -> set[str]:
    return set(service["networks"])


def test_the_gateways_know_their_proxy_and_no_other() -> None:
    """By the one network that they share, whose addresses are fixed for that."""
    services, networks = compose()["services"], compose()["networks"]
    proxy = services["proxy"]
    address = proxy["networks"]["front"]["ipv4_address"]
    (layout,) = networks["front"]["ipam"]["config"]
    assert ip_address(address) in ip_network(layout["subnet"])
    assert ip_address(address) not in ip_network(layout["ip_range"])  # no other gets it first
    for name in ("gateway-1", "gateway-2"):
        assert front_networks(services[name]) & front_networks(proxy) == {"front"}
        settings = services[name]["environment"]
        assert settings["SKILLHABIT_ODATA_TRUSTED_PROXIES"] == address


def test_what_the_gateways_exchange_has_a_password() -> None:
    services = compose()["services"]
    command = services["exchange"]["command"]
    assert command[command.index("--requirepass") + 1] == "${EXCHANGE_PASSWORD}"
    assert services["exchange"]["environment"]["REDISCLI_AUTH"] == "${EXCHANGE_PASSWORD}"
    for name in ("gateway-1", "gateway-2"):
        url = services[name]["environment"]["SKILLHABIT_ODATA_REDIS"]
        assert re.fullmatch(r"redis://:\$\{EXCHANGE_PASSWORD:\?[^}]+\}@exchange:6379/0", url)


# --- proxies and systemd --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Caddyfile", "compose.Caddyfile"])
def test_caddy_reads_its_files(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(caddyfile(name), "utf-8")
    done = subprocess.run(
        [program("caddy", "caddy"), "adapt", "--config", name, "--adapter", "caddyfile"],
        cwd=tmp_path,
        env={**os.environ, "SITE": "bi.example.com", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"reverse_proxy"' in done.stdout
    assert re.search('"request_buffers":|"buffer_requests":true', done.stdout)


def unit_with_tls() -> str:
    """The unit without the `#` before its lines for TLS."""
    return re.sub(r"^#(?=\w+=)", "", UNIT.read_text("utf-8"), flags=re.MULTILINE)


def test_the_unit_names_settings_that_there_are() -> None:
    told = dict(re.findall(r"^Environment=(SKILLHABIT_\w+)=(.*)$", unit_with_tls(), re.MULTILINE))
    check_settings(told)
    assert {"SKILLHABIT_ODATA_TLS_KEY", "SKILLHABIT_ODATA_HOST"} <= told.keys()
    credentials = set(re.findall(r"^LoadCredential=([\w-]+):", unit_with_tls(), re.MULTILINE))
    assert {v.removeprefix("%d/") for v in told.values() if v.startswith("%d/")} == credentials


@pytest.mark.parametrize("tls", [False, True], ids=["behind a proxy", "with TLS"])
def test_systemd_reads_the_unit_and_finds_it_tight(tmp_path: Path, tls: bool) -> None:
    analyze = program("systemd-analyze", "systemd")
    text = unit_with_tls() if tls else UNIT.read_text("utf-8")
    started = re.findall(r"^ExecStart=(\S+) serve --config", text, re.MULTILINE)
    assert started == ["/opt/skillhabit-odata/bin/skillhabit-odata"]
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(started[0], "/bin/true"), "utf-8")
    for command in (["verify"], ["security", "--offline=true", "--threshold=20"]):
        done = subprocess.run(
            [analyze, *command, str(unit)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Unknown" not in done.stderr, done.stderr
