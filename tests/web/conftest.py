"""Fixtures of the wire tests."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from gateway.sandbox import Dataset
from tests.support.flat import FlatRow, feed_order, flat_rows
from tests.support.live import Bridge
from tests.support.wire import Headers, WireAnswer, send

Ask = Callable[..., WireAnswer]


@pytest.fixture
def ask(live: Bridge) -> Ask:
    """Send a request to the shared gateway, byte for byte."""

    def play(
        target: str, headers: Headers = (), *, method: str = "GET", body: bytes = b""
    ) -> WireAnswer:
        return send(live.root, f"/odata/v4/{target}", headers, method=method, body=body)

    return play


@pytest.fixture(scope="session")
def expected_rows(dataset: Dataset) -> list[FlatRow]:
    """All rows as the feed must show them, in its own order."""
    return feed_order(flat_rows(dataset))


@pytest.fixture(scope="session")
def expected_key(expected_rows: list[FlatRow]) -> str:
    """The key of the feed's first row."""
    key: str = expected_rows[0]["id"]
    return key


@pytest.fixture(scope="session")
def expected_nulls(expected_rows: list[FlatRow]) -> int:
    """How many rows never expire."""
    return sum(row["expiryDate"] is None for row in expected_rows)


@pytest.fixture
def live_host(live: Bridge) -> str:
    """The shared gateway's Host."""
    return urlsplit(live.root).netloc
