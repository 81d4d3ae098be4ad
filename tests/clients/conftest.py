"""The gateways that traces are played against: a shared one, and new ones to look into."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.sandbox import Dataset
from tests.support.flat import FlatRow, feed_order, flat_rows
from tests.support.live import Bridge, bridge
from tests.support.wire import Headers, WireAnswer, send

Ask = Callable[..., WireAnswer]


@pytest.fixture(scope="session")
def expected(dataset: Dataset) -> list[FlatRow]:
    """All rows as the feed must show them, in its own order."""
    return feed_order(flat_rows(dataset))


@pytest.fixture
def fresh(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that has asked its upstream nothing yet."""
    with bridge(dataset, settings={"retry_budget": 0}) as running_bridge:
        yield running_bridge


@pytest.fixture
def ask(live: Bridge) -> Ask:
    """Send a request to the shared gateway and unpack the answer if it is compressed."""

    def play(target: str, headers: Headers = ()) -> WireAnswer:
        return unpacked(send(live.root, target, headers))

    return play


def unpacked(answer: WireAnswer) -> WireAnswer:
    if answer.header("Content-Encoding") != "gzip":
        return answer
    return WireAnswer(answer.status, answer.headers, gzip.decompress(answer.body))


def read_feed(ask: Ask, target: str, headers: Headers = ()) -> list[list[dict[str, Any]]]:
    """The rows of each page of a feed, the links followed exactly as they came."""
    pages: list[list[dict[str, Any]]] = []
    next_target: str | None = target
    while next_target is not None:
        answer = ask(next_target, headers)
        assert answer.status == 200, answer.text
        page = answer.json()
        pages.append(page["value"])
        link = page.get("@odata.nextLink")
        next_target = link and f"{urlsplit(link).path}?{urlsplit(link).query}"
    return pages


def keys_of_feed(ask: Ask, target: str, headers: Headers = ()) -> list[str]:
    """The keys of all rows of a feed."""
    return [row["id"] for page in read_feed(ask, target, headers) for row in page]


def payloads(running_bridge: Bridge) -> list[dict[str, Any]]:
    """The bodies that the sandbox has received, oldest first."""
    return [request.body for request in running_bridge.sandbox.received]
