"""docs/access.md lists each URL that requires no credential; a gateway with keys agrees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.app import create_app
from gateway.sandbox import generate
from tests.docs.render import ROOT
from tests.support.access import basic, make_key
from tests.support.live import Bridge, bridge, settings_from
from tests.support.wire import send

PAGE = (ROOT / "docs" / "access.md").read_text("utf-8")
TABLE = PAGE.partition("require none:")[2].partition("\n`/metrics`")[0]
ROWS = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+)[^|]*\|", TABLE, re.MULTILINE)
OPEN = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row)}
RAW = (
    *("/odata/v4", "/odata/v4/", "/odata/v4/$metadata", "/odata/v4/Results", "/odata/v4/$batch"),
    *("/odata/v4/Results/$count", "/odata/v4/Nothing", "/explain/Results", "/explain/Nothing"),
    *("/query", "/query?set=Results", "/dashboard", "/connect", "/connect/skillhabit.pbids"),
    *("/connect/nothing", "/query.json", "/status", "/requests", "/openapi.json"),
)
ANONYMOUS = ("/", "/healthz", "/readyz", "/favicon.ico", "/nothing", "/assets/x/style.css")
HTML = ("Accept", "text/html")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bridge, str]]:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    key, _ = make_key(file)
    with bridge(generate(5), settings={"keys_file": str(file)}) as found:
        yield found, key


def test_the_page_lists_what_this_test_sends() -> None:
    assert {"/healthz", "/readyz", "/assets/...", "/favicon.ico", "/", "OPTIONS"} == OPEN


@pytest.mark.parametrize("headers", [[], [HTML]], ids=["program", "person"])
@pytest.mark.parametrize("target", RAW)
def test_what_shows_something_requires_a_credential(
    gateway: tuple[Bridge, str], target: str, headers: list[tuple[str, str]]
) -> None:
    found, key = gateway
    for method in ("GET", "HEAD", "POST", "PUT"):
        answer = send(found.root, target, headers, method=method)
        is_missing = method not in ("GET", "HEAD") or target.endswith("$batch")
        assert answer.status in ((401, 403, 404, 405, 415) if is_missing else (401,)), method
        assert "userName" not in answer.text
    assert send(found.root, target, [*headers, basic(key)]).status != 401


@pytest.mark.parametrize("target", ANONYMOUS)
def test_what_the_page_calls_open_is_open_and_names_no_data(
    gateway: tuple[Bridge, str], target: str
) -> None:
    answer = send(gateway[0].root, target)
    assert answer.status in (200, 204, 307, 404)
    assert "userName" not in answer.text


@pytest.mark.parametrize("target", [*RAW, *ANONYMOUS[:-1]])
def test_options_needs_no_credential_and_shows_nothing(
    gateway: tuple[Bridge, str], target: str
) -> None:
    answer = send(gateway[0].root, target, method="OPTIONS")
    assert answer.status in (204, 404, 405)
    assert "userName" not in answer.text


def test_every_plain_route_of_the_gateway_is_sent_here(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    make_key(file)
    app = create_app(settings_from({"upstream": "http://127.0.0.1:9", "keys_file": str(file)}))
    assert isinstance(app, Starlette)
    sent = {*RAW, *ANONYMOUS, "/metrics"}
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    unsent = {path for path in paths - sent if not any(_fits(path, each) for each in sent)}
    assert not unsent


def _fits(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]*\}", "[^?]+", pattern), path) is not None
