"""Links behind proxies: the classic failure of OData services behind TLS termination."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge
from tests.support.wire import Headers, send

HOST = ("Host", "10.0.0.7:8000")
ANY_NAME = {"allow_anonymous": "true"}


@pytest.fixture(scope="module")
def live(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that may be asked by any name: see test_hosts for the others."""
    with bridge(dataset, settings=ANY_NAME) as running_bridge:
        yield running_bridge


def root_of(service_root: str, headers: Headers) -> str:
    """The public root that an answer's context shows."""
    answer = send(service_root, "/odata/v4/", headers)
    assert answer.status == 200, answer.text
    context: str = answer.json()["@odata.context"]
    return context.removesuffix("odata/v4/$metadata")


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ([], "http://10.0.0.7:8000/"),
        ([("X-Forwarded-Proto", "https")], "https://10.0.0.7:8000/"),
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "bi.example.com")],
            "https://bi.example.com/",
        ),
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "bi.example.com:443")],
            "https://bi.example.com/",
        ),
        (
            [
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "bi.example.com"),
                ("X-Forwarded-Port", "8443"),
            ],
            "https://bi.example.com:8443/",
        ),
        (
            [
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "bi.example.com:80"),
                ("X-Forwarded-Port", "80"),
            ],
            "https://bi.example.com/",
        ),
        (
            [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "bi.example.com, inner")],
            "https://bi.example.com/",
        ),
        ([("X-Forwarded-Prefix", "/bi")], "http://10.0.0.7:8000/bi/"),
        ([("X-Forwarded-Prefix", "/bi/tenant-1/")], "http://10.0.0.7:8000/bi/tenant-1/"),
        ([("X-Forwarded-Prefix", "/")], "http://10.0.0.7:8000/"),
        ([("X-Forwarded-Prefix", 'javascript:"')], "http://10.0.0.7:8000/"),
        ([("X-Forwarded-Proto", "ftp")], "http://10.0.0.7:8000/"),
        (
            [("Forwarded", 'for=192.0.2.43;proto=https;host="bi.example.com:8443"')],
            "https://bi.example.com:8443/",
        ),
        (
            [("Forwarded", "for=a;proto=https;host=bi.example.com, for=b;proto=http;host=inner")],
            "https://bi.example.com/",
        ),
        ([("X-Forwarded-Host", "[2001:db8::1]:8443")], "http://[2001:db8::1]:8443/"),
    ],
)
def test_a_trusted_proxy_says_what_clients_see(
    live: Bridge, headers: list[tuple[str, str]], root: str
) -> None:
    assert root_of(live.root, [HOST, *headers]) == root


def test_the_port_of_the_proxy_counts_although_the_host_came_through(live: Bridge) -> None:
    headers = [
        ("Host", "bi.example.com"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "8443"),
    ]
    assert root_of(live.root, headers) == "https://bi.example.com:8443/"


@pytest.mark.parametrize("host", ["bi.example.com/evil", "a b", "user@host", 'x"y', ""])
def test_a_host_that_is_none_is_refused(live: Bridge, host: str) -> None:
    answer = send(live.root, "/odata/v4/", [HOST, ("X-Forwarded-Host", host)])
    if host:
        assert answer.status == 400
        assert answer.json()["error"]["target"] == "Host"
    else:
        assert answer.status == 200


def test_a_configured_url_beats_whatever_the_request_says(dataset: Dataset) -> None:
    settings = {**ANY_NAME, "public_url": "https://bi.example.com/analytics/"}
    with bridge(dataset, settings=settings) as gateway:
        headers = [HOST, ("X-Forwarded-Host", "evil.example.org")]
        assert root_of(gateway.root, headers) == "https://bi.example.com/analytics/"
        page = send(gateway.root, "/odata/v4/Results", [*headers, ("Prefer", "maxpagesize=2")])
        link = page.json()["@odata.nextLink"]
        assert link.startswith("https://bi.example.com/analytics/odata/v4/Results?")


@pytest.mark.parametrize(("trusted", "believed"), [("192.0.2.1", False), ("", False), ("*", True)])
def test_only_trusted_peers_are_believed(dataset: Dataset, trusted: str, believed: bool) -> None:
    with bridge(dataset, settings={**ANY_NAME, "trusted_proxies": trusted}) as gateway:
        root = root_of(gateway.root, [HOST, ("X-Forwarded-Host", "bi.example.com")])
    assert root == ("http://bi.example.com/" if believed else "http://10.0.0.7:8000/")
