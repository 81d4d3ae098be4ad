"""Fixtures for tests of the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset, generate
from tests.support.live import Bridge, bridge


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Two thousand made-up results."""
    return generate(2_000)


@pytest.fixture(scope="session")
def live(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway over the dataset that nothing changes; tests share it."""
    with bridge(dataset) as running_bridge:
        yield running_bridge
