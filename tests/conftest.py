"""Fixtures for tests of the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from gateway.sandbox import Dataset, generate
from tests.support.examples import register_profiles
from tests.support.live import Bridge, bridge

register_profiles()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let HTTP clients, also those of commands, read one certificate authority.

    Each client reads all authorities of the system, which takes longer than many a test. Tests use
    loopback only, and their certificates have authorities of their own.
    """
    authority = tmp_path_factory.mktemp("authority") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority))
        patch.delenv("SSL_CERT_DIR", raising=False)
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
