"""Fixtures for tests of the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset, generate
from tests.support.authorities import one_authority
from tests.support.examples import register_profiles
from tests.support.live import Bridge, bridge

register_profiles()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_authority(tmp_path_factory.mktemp("authority")):
        yield


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Two thousand made-up results."""
    return generate(2_000)


@pytest.fixture(scope="session")
def live(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway over the dataset that nothing changes; tests share it.

    It has all rows: the first pages of an extract may be short, and have ETags of their own.
    """
    with bridge(dataset) as running_bridge:
        running_bridge.feed("Results?$select=id")
        yield running_bridge
