"""Insights over a real socket: what the page says, for whom, and with hostile texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from gateway.pages.layout import read_texts
from gateway.sandbox import generate
from tests.support.live import Bridge, bridge

HTML = {"Accept": "text/html"}
WORDS = read_texts()
_RANKED = 50


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    """More contents than the table shows."""
    with bridge(generate(3_000, seed=5)) as running:
        assert len(running.feed("Results?$apply=groupby((contentId))")) > _RANKED
        yield running


def page(gateway: Bridge, path: str) -> httpx.Response:
    return gateway.client.get(gateway.root.removesuffix("/odata/v4/") + path, headers=HTML)


def ranked(text: str) -> list[str]:
    """The lines of the table of who is behind."""
    body = text.partition('<table class="ranked">')[2].partition("<tbody>")[2]
    return re.findall(r"<tr>.*?</tr>", body.partition("</tbody>")[0], re.DOTALL)


def test_a_table_that_is_cut_says_so(gateway: Bridge) -> None:
    note = WORDS.insights.cut.format(count=_RANKED)
    cut = page(gateway, "/insights?by=contentId").text
    assert (len(ranked(cut)), note in cut) == (_RANKED, True)
    whole = page(gateway, "/insights?by=enrollmentType").text
    assert 0 < len(ranked(whole)) < _RANKED
    assert note not in whole
