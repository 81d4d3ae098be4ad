"""Links behind proxies: the classic failure of OData services behind TLS termination."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.edge.proxies import TrustedProxies
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
            [
                ("X-Forwarded-For", "203.0.113.9, 127.0.0.1"),
                ("X-Forwarded-Proto", "https, http"),
                ("X-Forwarded-Host", "bi.example.com, inner"),
            ],
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
            [
                ("Forwarded", "for=203.0.113.9;proto=https;host=bi.example.com"),
                ("Forwarded", 'for="127.0.0.1:4711";proto=http;host=inner'),
            ],
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


INVENTED = "evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-Host", f"{INVENTED}, bi.example.com")],
        [("X-Forwarded-Host", INVENTED), ("X-Forwarded-Host", "bi.example.com")],
        [
            ("X-Forwarded-For", "127.0.0.1, 203.0.113.9"),
            ("X-Forwarded-Host", f"{INVENTED}, bi.example.com"),
        ],
        [
            ("X-Forwarded-For", "unknown, 203.0.113.9, 127.0.0.1"),
            ("X-Forwarded-Host", f"{INVENTED}, bi.example.com, inner"),
        ],
        [("Forwarded", f"for=127.0.0.1;host={INVENTED}, for=203.0.113.9;host=bi.example.com")],
        [("Forwarded", f"for=_hidden;host={INVENTED}, for=_secret;host=bi.example.com")],
        [("Forwarded", f"host={INVENTED}"), ("Forwarded", "host=bi.example.com")],
    ],
)
def test_what_a_client_wrote_before_the_proxies_is_not_believed(
    live: Bridge, headers: list[tuple[str, str]]
) -> None:
    """Only words behind the last stranger are a trusted proxy's."""
    assert root_of(live.root, [HOST, *headers]) == "http://bi.example.com/"


@pytest.mark.parametrize(
    "forwarded",
    [f'host="{INVENTED}, host=bi.example.com', f"host={INVENTED} host=b", f"={INVENTED}", ";;,"],
)
def test_a_malformed_forwarded_is_as_none(live: Bridge, forwarded: str) -> None:
    assert root_of(live.root, [HOST, ("Forwarded", forwarded)]) == "http://10.0.0.7:8000/"


def test_two_families_that_disagree_are_refused(live: Bridge) -> None:
    headers = [HOST, ("Forwarded", f"host={INVENTED}"), ("X-Forwarded-Host", "bi.example.com")]
    answer = send(live.root, "/odata/v4/", headers)
    assert answer.status == 400
    assert answer.json()["error"]["target"] == "Forwarded"
    agreeing = [HOST, ("Forwarded", "host=BI.example.com"), ("X-Forwarded-Host", "bi.example.com")]
    assert root_of(live.root, agreeing) == "http://BI.example.com/"


def test_two_hosts_are_none(live: Bridge) -> None:
    answer = send(live.root, "/odata/v4/", [HOST, ("Host", INVENTED)])
    assert answer.status == 400


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.1.1.1", True),
        ("2001:db8::/32", "2001:db8:1::7", True),
        ("2001:db8::/32", "2001:db9::7", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("127.0.0.1", "", False),
        ("*", "", True),
    ],
)
def test_networks_of_both_families_are_trusted(trusted: str, peer: str, believed: bool) -> None:
    assert TrustedProxies.of(tuple(trusted.split(","))).trusts(peer) is believed


@pytest.mark.parametrize(
    ("trusted", "believed"),
    [("192.0.2.1", False), ("", False), ("*", True), ("127.0.0.0/8", True), ("::1/128", False)],
)
def test_only_trusted_peers_are_believed(dataset: Dataset, trusted: str, believed: bool) -> None:
    with bridge(dataset, settings={**ANY_NAME, "trusted_proxies": trusted}) as gateway:
        root = root_of(gateway.root, [HOST, ("X-Forwarded-Host", "bi.example.com")])
    assert root == ("http://bi.example.com/" if believed else "http://10.0.0.7:8000/")
