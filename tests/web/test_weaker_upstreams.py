"""An upstream that can do less: the same rows and numbers, read in another way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.contract.loader import built_in_contract
from tests.support.live import Bridge, served

_ORDER = 'order_by = "updatedAt"'
_TOTAL = 'total = "total"'
_STOP = 'stop = "total"'
CHANGES = {
    "no order": {_ORDER: ""},
    "no order, no total": {_ORDER: "", _TOTAL: "", _STOP: 'stop = "short_page"'},
    "no total": {_TOTAL: "", _STOP: 'stop = "empty_page"'},
    "depth": {"largest = 1000 ": "largest = 100\ndeepest = 1000 "},
}
QUESTIONS = [
    "Results?$orderby=id&$select=id,state,updatedAt,department",
    "Results?$orderby=updatedAt desc,id&$top=7&$skip=3",
    "Results?$filter=state eq 'FAILED'&$count=true&$orderby=id",
    "Results?$top=5&$orderby=updatedAt,id",
    "Results?$filter=groupIds/any(g:g eq 'grp-03')&$select=id,groupIds&$orderby=id",
    "Results/$count",
    "Results/$count?$filter=state eq 'FAILED'",
    "Results?$apply=groupby((state),aggregate($count as n))&$orderby=state",
    "Users?$filter=name gt 'M'",
    "GroupStatistics?$orderby=results desc,groupId",
]


@pytest.fixture(scope="module", params=list(CHANGES))
def weaker(
    request: pytest.FixtureRequest, live: Bridge, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The root of a gateway whose contract file says that the sandbox can do less."""
    text = built_in_contract()
    for old, new in CHANGES[request.param].items():
        assert old in text
        text = text.replace(old, new, 1)
    contract: Path = tmp_path_factory.mktemp("weaker") / "weaker.toml"
    contract.write_text(text, "utf-8")
    with served(live.upstream, {"contract": str(contract)}) as root:
        yield root


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_weaker_upstream_gives_the_same_answers(live: Bridge, weaker: str, question: str) -> None:
    plain, other = (live.client.get(root + question) for root in (live.root, weaker))
    assert plain.status_code == other.status_code == 200, other.text
    assert other.text.replace(weaker, live.root) == plain.text


def test_the_whole_feed_of_a_weaker_upstream_is_paged_to_the_end(live: Bridge, weaker: str) -> None:
    other = Bridge(weaker, "", None, live.client)
    pages = {"Prefer": "maxpagesize=333"}
    rows = other.feed("Results", pages)
    assert sorted(rows, key=str) == sorted(live.feed("Results", pages), key=str)
