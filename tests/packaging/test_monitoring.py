"""Alerts and dashboard of `deploy/`: tried by promtool, and asked of a Prometheus that scrapes."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import yaml

from gateway.observe.metrics import Levels, Metrics
from gateway.sandbox import Dataset
from tests.packaging.lock import ROOT
from tests.support.live import SECRET, Bridge, bridge
from tests.support.process import started
from tests.support.reverse_proxy import free_port, program

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "skillhabit-odata.rules.yml").read_text("utf-8"))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "skillhabit-odata.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
VARIABLES = {"$job": "skillhabit-odata", "$workspace": ".*", "$__rate_interval": "1m"}
QUERIES = [target["expr"] for target in TARGETS] + [rule["expr"] for rule in ALERTS.values()]
OF_RARE_EVENTS = ("odd_rows_total", "report_failures_total")
_NAME = re.compile(r"\b(?:skillhabit_odata|process)_\w+")


def promtool(*arguments: str) -> str:
    command = [program("promtool", "prometheus"), *arguments]
    ended = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize(
    "command",
    [
        "check rules --lint=all --lint-fatal skillhabit-odata.rules.yml",
        "test rules skillhabit-odata.test.yml",
        "check config --syntax-only prometheus.yml",
    ],
)
def test_promtool_accepts_the_files(command: str) -> None:
    promtool(*command.split())


def test_each_alert_is_seen_to_fire() -> None:
    tried = yaml.safe_load((PROMETHEUS / "skillhabit-odata.test.yml").read_text("utf-8"))
    tests = [each for test in tried["tests"] for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in tests if each["exp_alerts"]} == ALERTS.keys()


def test_each_alert_is_documented_with_its_severity() -> None:
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(Skillhabit\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert told == {name: rule["labels"]["severity"] for name, rule in ALERTS.items()}


def test_each_metric_that_a_query_names_exists(dataset: Dataset) -> None:
    with bridge(dataset) as gateway:
        found = set(re.findall(r"^# TYPE (\w+) (\w+)$", _metrics(gateway), re.MULTILINE))
    there = {f"{name}{end}" for name, kind in found for end in _ENDINGS[kind]}
    named = {name for query in QUERIES for name in _NAME.findall(query)}
    assert named
    assert named <= there


def test_the_dashboard_shows_every_metric_of_ours() -> None:
    metrics = Metrics()
    metrics.set_levels(Levels())
    text = metrics.text().decode()
    named = re.findall(r"^# TYPE (skillhabit_odata_\w+) ", text, re.MULTILINE)
    ours = {name for name in named if not name.endswith("_created")}
    shown = {name for target in TARGETS for name in _NAME.findall(target["expr"])}
    assert ours <= {re.sub("_(bucket|count|sum)$", "", name) for name in shown}


def test_the_dashboard_is_laid_out_without_overlaps() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(0 <= p["gridPos"]["x"] <= 24 - p["gridPos"]["w"] for p in panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        assert not (_overlap(one, other, "x", "w") and _overlap(one, other, "y", "h"))


def test_every_query_uses_the_chosen_source_and_job() -> None:
    assert {v["name"] for v in DASHBOARD["templating"]["list"]} == {
        "datasource",
        "job",
        "workspace",
    }
    for each in (*PANELS, *TARGETS):
        assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in TARGETS:
        for selector in re.findall(r"(?:skillhabit_odata|process)_\w+(\{[^}]*\})?", target["expr"]):
            assert 'job="$job"' in selector, target["expr"]


def test_every_query_is_answered_by_prometheus(dataset: Dataset, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(jwt.encode({"exp": time.time() + 9 * 86_400}, SECRET, "HS256"), "utf-8")
    settings = {"token_file": str(token), "data_dir": str(tmp_path / "data")}
    with (
        bridge(dataset, settings=settings) as gateway,
        scraping(gateway, tmp_path) as prometheus,
    ):
        assert gateway.get("Results?$orderby=progress").status_code == 200
        assert gateway.get("Results?$filter=nothing").status_code == 400
        deadline = time.monotonic() + 40
        for expression in (target["expr"] for target in TARGETS):
            while not _answer(prometheus, expression):
                if any(name in expression for name in OF_RARE_EVENTS):
                    break
                assert time.monotonic() < deadline, expression
                time.sleep(0.5)
        for name, rule in ALERTS.items():
            fires = bool(_answer(prometheus, rule["expr"]))
            assert fires == (name == "SkillhabitTokenEndsSoon"), name


@contextmanager
def scraping(gateway: Bridge, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes a gateway each second; yields its base URL."""
    port, target = free_port(), httpx.URL(gateway.root).netloc.decode()
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    [job] = config["scrape_configs"]
    assert job.pop("scheme") == "https"
    assert job.pop("authorization")
    job["static_configs"] = [{"targets": [target]}]
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), "utf-8")
    command = [program("prometheus", "prometheus"), f"--config.file={file}"]
    places = [f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    with started([*command, *places], cwd=folder) as process:
        process.wait_for("(Server is ready to receive web requests)")
        yield f"http://127.0.0.1:{port}"


def _answer(prometheus: str, expression: str) -> list[Any]:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    response = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression})
    assert response.status_code == 200, f"{expression}: {response.text}"
    found: list[Any] = response.json()["data"]["result"]
    return found


def _metrics(gateway: Bridge) -> str:
    return httpx.get(f"{gateway.root.removesuffix('/odata/v4/')}/metrics").text


def _overlap(one: dict[str, int], other: dict[str, int], start: str, length: str) -> bool:
    return one[start] < other[start] + other[length] and other[start] < one[start] + one[length]


_ENDINGS = {
    "counter": ("",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
}
