"""What goes wrong with the Analytics API is told to who sees all, and to nobody values of rows."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.contract.loader import built_in_contract
from gateway.sandbox import generate
from tests.support.crooked import Crooked, Misdeed, crooked, rewrites, whole
from tests.tenancy.support import House, house, sandbox

ROWS = 317
TOML = """
[roles.part]
rows = "startswith(userId, 'usr-00000')"
hide = ["userEmail", "progress", "userAvatar"]
"""
BATCH = {"requests": [{"id": "1", "method": "GET", "url": "Results?$orderby=contentName"}]}
HTML = {"Accept": "text/html"}
VALUE = "a value of a row"


def _more_rows(answer: dict[str, Any]) -> None:
    answer["total"] += 1


def _no_address(answer: dict[str, Any]) -> None:
    answer["results"][1]["user"] = 7


def _another_state(answer: dict[str, Any]) -> None:
    answer["results"][0]["state"] = VALUE


def _no_number(answer: dict[str, Any]) -> None:
    answer["results"][0]["progress"] = VALUE


def _no_instant(answer: dict[str, Any]) -> None:
    answer["results"][0]["updatedAt"] = VALUE


def _refuses(status: int) -> Misdeed:
    text = json.dumps({"statusCode": status, "error": "Error", "message": "words of the API"})

    def misdeed(connection: socket.socket, _: bytes) -> None:
        connection.sendall(whole(text.encode(), status, "Retry-After: 7"))

    return misdeed


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that goes wrong, what who sees all reads of it, and the error's code."""

    misdeed: Misdeed
    told: tuple[str, ...]
    code: str


WRONGS = {
    "total": Wrong(rewrites(_more_rows), ("of 318", "317"), "UpstreamBrokeContract"),
    "hidden column": Wrong(rewrites(_no_address), ("[1].user",), "UpstreamBrokeContract"),
    "closed list": Wrong(rewrites(_another_state), ("value in state",), "UpstreamBrokeContract"),
    "number": Wrong(rewrites(_no_number), ("].progress",), "UpstreamBrokeContract"),
    "instant": Wrong(rewrites(_no_instant), ("value in updatedAt",), "UpstreamBrokeContract"),
    "400": Wrong(_refuses(400), ("words of the API",), "UpstreamRejectedRequest"),
    "401": Wrong(_refuses(401), ("words of the API",), "UpstreamRejectedToken"),
    "503": Wrong(_refuses(503), ("words of the API",), "UpstreamUnavailable"),
}


@pytest.fixture(scope="module")
def relay() -> Iterator[Crooked]:
    with sandbox(generate(ROWS, seed=9)) as upstream, crooked(upstream) as found:
        yield found


@pytest.fixture
def gateway(relay: Crooked, tmp_path: Path) -> Iterator[House]:
    closed = built_in_contract().replace("\nvalues = [", "\nclosed = true\nvalues = [")
    contract = tmp_path / "contract.toml"
    contract.write_text(closed, "utf-8")
    options = {"retry_budget": 0, "pass_through": True, "contract": str(contract)}
    with house(relay.url, TOML, **options) as found:
        yield found  # a new one for each test: failures are remembered for some seconds


def _answers(gateway: House, caller: str) -> list[httpx.Response]:
    """Feeds, a count, a file and a batch, all made of an extract."""
    count = "Results/$count?$filter=endswith(contentName,'1')"
    return [
        *(gateway.odata(path, caller) for path in ("Results", "Users", count)),
        *(gateway.odata(path, caller) for path in ("Statistics", "Results?$format=csv")),
        gateway.odata("$batch", caller, method="POST", json=BATCH),
    ]


def _pages(gateway: House, caller: str) -> list[httpx.Response]:
    pages = ("/", "/status", "/dashboard", "/query?show=Results")
    found = [gateway.ask(page, caller, headers=HTML) for page in pages]
    return [*found, gateway.ask("/status", caller)]


@pytest.mark.parametrize("wrong", WRONGS.values(), ids=WRONGS)
def test_a_role_reads_nothing_of_what_went_wrong(
    gateway: House, relay: Crooked, wrong: Wrong, caplog: pytest.LogCaptureFixture
) -> None:
    relay.misdeed = wrong.misdeed
    with caplog.at_level(logging.INFO):
        answers = {who: _answers(gateway, who) for who in ("default", "default/part")}
        pages = {who: _pages(gateway, who) for who in answers}
    for whole_, part in zip(answers["default"], answers["default/part"], strict=True):
        assert wrong.code in whole_.text
        assert wrong.code in part.text
        assert whole_.status_code == part.status_code
        assert whole_.headers.get("Retry-After") == part.headers.get("Retry-After")
        assert all(told in whole_.text for told in wrong.told)
    assert all(told in pages["default"][0].text for told in wrong.told)
    assert "owner finds the cause" in pages["default/part"][0].text
    for answer in (*answers["default/part"], *pages["default/part"]):
        assert not [told for told in (*wrong.told, VALUE) if told in answer.text]
    everything = [answer.text for who in answers for answer in (*answers[who], *pages[who])]
    assert not [text for text in (*everything, caplog.text) if VALUE in text]
    assert "an extract failed: " in caplog.text
    assert "words of the API" not in caplog.text


def test_a_caller_with_an_own_token_reads_the_api_s_words(gateway: House, relay: Crooked) -> None:
    relay.misdeed = WRONGS["400"].misdeed
    answer = gateway.odata("Results", token="a token of their own")
    assert "words of the API" in answer.json()["error"]["details"][0]["message"]
