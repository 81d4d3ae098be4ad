"""Without a key only this computer may ask, and only by its own names: no page of a stranger."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sandbox import Dataset
from tests.support.live import Bridge, bridge
from tests.support.wire import Headers, send

EVIL = ("Host", "evil.example:8000")
DOCUMENTS = (
    "/odata/v4/",
    "/odata/v4/$metadata",
    "/odata/v4/Results?$top=1",
    "/odata/v4/Results/$count",
    "/openapi.json",
)
every_document = pytest.mark.parametrize("target", DOCUMENTS)


@every_document
def test_a_name_that_a_stranger_points_here_is_refused(live: Bridge, target: str) -> None:
    answer = send(live.root, target, [EVIL])
    assert answer.status == 400
    error = answer.json()["error"]
    assert (error["code"], error["target"]) == ("InvalidValue", "Host")
    for option in ("--public-url", "--access-key-file"):
        assert option in error["message"]


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-Host", "localhost:8000")],
        [("Forwarded", "host=localhost")],
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")],
    ],
)
def test_no_header_that_a_page_can_write_helps(live: Bridge, headers: Headers) -> None:
    """The browser is a peer on loopback, hence a trusted one; Host is what it alone writes."""
    assert send(live.root, DOCUMENTS[2], [EVIL, *headers]).status == 400


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0:8000", "192.0.2.1", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", ""],
)
def test_names_that_only_look_like_loopback_are_refused(live: Bridge, host: str) -> None:
    assert send(live.root, DOCUMENTS[2], [("Host", host)]).status == 400


@every_document
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:8000"]
)
def test_names_of_this_computer_are_known(live: Bridge, target: str, host: str) -> None:
    assert send(live.root, target, [("Host", host)]).status == 200


def test_a_proxy_on_this_computer_may_tell_what_clients_see(live: Bridge) -> None:
    answer = send(live.root, DOCUMENTS[0], [("X-Forwarded-Host", "bi.example.com")])
    assert answer.json()["@odata.context"] == "http://bi.example.com/odata/v4/$metadata"


def test_the_public_urls_own_name_is_known(dataset: Dataset) -> None:
    settings = {"public_url": "https://BI.example.com:8443/analytics"}
    with bridge(dataset, settings=settings) as gateway:
        for host in ("bi.example.com:8443", "bi.example.com", "localhost"):
            assert send(gateway.root, DOCUMENTS[2], [("Host", host)]).status == 200
        assert send(gateway.root, DOCUMENTS[2], [EVIL]).status == 400


def test_with_the_owners_word_any_name_will_do(dataset: Dataset) -> None:
    with bridge(dataset, settings={"allow_anonymous": "true"}) as gateway:
        assert send(gateway.root, DOCUMENTS[2], [EVIL]).status == 200


def test_with_a_key_any_name_will_do_and_every_document_asks_for_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("sesame", "utf-8")
    known = ("Authorization", "Basic YW55b25lOnNlc2FtZQ==")  # anyone:sesame
    with bridge(dataset, settings={"access_key_file": str(key_file)}) as gateway:
        for target in DOCUMENTS:
            refused = send(gateway.root, target, [EVIL])
            assert refused.status == 401, target
            assert (refused.header("WWW-Authenticate") or "").startswith("Basic ")
            assert refused.json()["error"]["code"] == "Unauthorized"
            assert "department" not in refused.text
            assert send(gateway.root, target, [EVIL, known]).status == 200, target


def test_whoever_asks_may_know_that_it_lives(live: Bridge) -> None:
    assert send(live.root, "/healthz", [EVIL]).text == "ok"
