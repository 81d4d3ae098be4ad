"""The outer edge: host names, scripts of other origins, https."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge
from tests.support.wire import WireAnswer, send

ANY_NAME = {"allow_anonymous": "true"}
PORTAL = ("Origin", "https://portal.example.com")
PAGE = "/odata/v4/Results?$top=1"


@pytest.fixture(scope="module")
def named(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that knows its names, and which pages may read it."""
    settings = {
        **ANY_NAME,
        "allowed_hosts": "bi.example.com, *.corp.example, [2001:db8::1]",
        "cors_origins": "https://portal.example.com",
        "hsts": 31_536_000,
    }
    with bridge(dataset, settings=settings) as running_bridge:
        yield running_bridge


@pytest.mark.parametrize(
    "host",
    [
        *("bi.example.com", "BI.example.com:8443", "a.corp.example", "a.b.corp.example:1"),
        "[2001:db8::1]:8000",
    ],
)
@pytest.mark.parametrize("target", [PAGE, "/openapi.json", "/status", "/explain/Results"])
def test_it_answers_to_its_names(named: Bridge, host: str, target: str) -> None:
    assert send(named.root, target, [("Host", host)]).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "corp.example", "xcorp.example", "bi.example.com.evil.example", "::1"]
)
@pytest.mark.parametrize("target", [PAGE, "/openapi.json", "/status", "/explain/Results", "/none"])
def test_it_refuses_all_others(named: Bridge, host: str, target: str) -> None:
    answer = send(named.root, target, [("Host", host)])
    assert answer.status == (400 if host == "::1" else 421)
    assert answer.json()["error"]["target"] == "Host"


def test_what_a_trusted_proxy_says_counts(named: Bridge) -> None:
    inner = ("Host", "gateway:8000")
    assert send(named.root, PAGE, [inner, ("X-Forwarded-Host", "bi.example.com")]).status == 200
    assert send(named.root, PAGE, [inner]).status == 421


def test_machines_ask_for_its_health_by_address(named: Bridge) -> None:
    assert send(named.root, "/healthz", [("Host", "10.1.2.3:8000")]).text == "ok"


def test_the_public_urls_name_need_not_be_repeated(dataset: Dataset) -> None:
    settings = {"allowed_hosts": "localhost", "public_url": "https://bi.example.com/x"}
    with bridge(dataset, settings={**ANY_NAME, **settings}) as gateway:
        assert send(gateway.root, PAGE, [("Host", "bi.example.com")]).status == 200
        assert send(gateway.root, PAGE, [("Host", "other.example.com")]).status == 421


# --- scripts of other origins ---------------------------------------------------------------------

BI = ("Host", "bi.example.com")


def preflight(gateway: Bridge, origin: tuple[str, str], method: str, headers: str) -> WireAnswer:
    asked = [
        *(BI, origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ]
    return send(gateway.root, PAGE, asked, method="OPTIONS")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_that_is_named_may_ask_and_read(named: Bridge, method: str) -> None:
    allowed = preflight(named, PORTAL, method, "authorization,odata-maxversion,prefer")
    assert allowed.status == 200
    assert allowed.header("Access-Control-Allow-Origin") == PORTAL[1]
    answer = send(named.root, PAGE, [BI, PORTAL])
    assert answer.header("Access-Control-Allow-Origin") == PORTAL[1]
    exposed = (answer.header("Access-Control-Expose-Headers") or "").split(", ")
    assert {"OData-Version", "ETag", "Preference-Applied", "Retry-After"} <= set(exposed)
    assert "Origin" in (answer.header("Vary") or "")


def test_failures_can_be_read_too(named: Bridge) -> None:
    answer = send(named.root, "/odata/v4/Nothing", [BI, PORTAL])
    assert answer.status == 404
    assert answer.header("Access-Control-Allow-Origin") == PORTAL[1]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://portal.example.com", "https://portal.example.com:1", "null"],
)
def test_no_other_page_may(named: Bridge, origin: str) -> None:
    assert preflight(named, ("Origin", origin), "GET", "authorization").status == 400
    answer = send(named.root, PAGE, [BI, ("Origin", origin)])
    assert answer.header("Access-Control-Allow-Origin") is None


def test_no_page_may_use_what_the_browser_would_add_by_itself(named: Bridge) -> None:
    for answer in (preflight(named, PORTAL, "GET", "prefer"), send(named.root, PAGE, [BI, PORTAL])):
        assert answer.header("Access-Control-Allow-Credentials") is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_what_would_write_is_not_allowed(named: Bridge, method: str) -> None:
    assert preflight(named, PORTAL, method, "prefer").status == 400


def test_an_odata_clients_options_is_no_preflight(named: Bridge) -> None:
    answer = send(named.root, PAGE, [BI], method="OPTIONS")
    assert (answer.status, answer.header("Allow")) == (204, "GET, HEAD, OPTIONS")


def test_by_default_no_page_may(live: Bridge) -> None:
    answer = send(live.root, PAGE, [PORTAL])
    assert answer.header("Access-Control-Allow-Origin") is None


# --- https ----------------------------------------------------------------------------------------


def test_only_over_https_browsers_are_told_to_stay_with_it(named: Bridge) -> None:
    name = "Strict-Transport-Security"
    assert send(named.root, PAGE, [BI]).header(name) is None
    secure = send(named.root, PAGE, [BI, ("X-Forwarded-Proto", "https")])
    assert secure.header(name) == "max-age=31536000"
    refused = send(named.root, "/odata/v4/Nothing", [BI, ("X-Forwarded-Proto", "https")])
    assert (refused.status, refused.header(name)) == (404, "max-age=31536000")


def test_by_default_nothing_is_said(live: Bridge) -> None:
    answer = send(live.root, PAGE, [("X-Forwarded-Proto", "https")])
    assert answer.header("Strict-Transport-Security") is None
