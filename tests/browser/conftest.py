"""One browser and one gateway for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from gateway.sandbox import Dataset
from tests.browser.chromium import CHROMIUM, Watched, chromium, tab
from tests.support.live import bridge


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def base(dataset: Dataset) -> Iterator[str]:
    """A gateway that has read all rows."""
    with bridge(dataset) as gateway:
        gateway.feed("Results?$select=id")
        yield gateway.root.removesuffix("/odata/v4/")


@pytest.fixture
def visitor(browser: Browser, base: str) -> Iterator[Watched]:
    with tab(browser, base) as found:
        yield found
