"""The storm of one request for each row: pages made ahead are those that would be made then."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from gateway.engine import run
from gateway.sandbox import Dataset
from tests.support.examples import sparse
from tests.support.live import Bridge, bridge

QUERIES = [
    ("Users", "results", ""),
    ("Users", "results", "?$select=id,progress&$filter=state ne 'FAILED'"),
    ("Users", "results", "?$top=2&$skip=1&$compute=progress div 2 as half&$select=half,updatedAt"),
    ("Users", "results", "?$filter=state eq @s&@s='APPROVED'&$search=a"),
    ("Users", "results", "?$select=groupIds($orderby=$this desc;$top=1)&_=1"),
    ("Users", "memberships", ""),
    ("Contents", "results", "?$select=contentName"),
]
FORMATS = [
    {},
    {"Accept": "application/json;odata.metadata=full;IEEE754Compatible=true"},
    {"Accept": "application/json;odata.metadata=none", "Prefer": "omit-values=nulls"},
    {"OData-MaxVersion": "4.01", "Accept-Encoding": "identity"},
]
OF_SERVER = (
    *("date", "age", "cache-status", "last-modified", "etag", "content-length"),
    *("x-request-id", "server-timing"),
)


@pytest.fixture(scope="module")
def eager(dataset: Dataset) -> Iterator[Bridge]:
    with bridge(dataset, settings={"fresh_for": 10_000}) as gateway:
        gateway.feed("Results?$select=id")
        yield gateway


@pytest.fixture(scope="module")
def plain(dataset: Dataset) -> Iterator[Bridge]:
    """A gateway that keeps no pages makes none ahead."""
    with bridge(dataset, settings={"fresh_for": 10_000, "page_budget": 0}) as gateway:
        gateway.feed("Results?$select=id")
        yield gateway


@pytest.mark.parametrize("headers", FORMATS, ids=str)
@pytest.mark.parametrize(("table", "way", "query"), sparse(QUERIES), ids=str)
def test_what_is_made_ahead_is_what_would_be_made(
    eager: Bridge, plain: Bridge, table: str, way: str, query: str, headers: dict[str, str]
) -> None:
    keys = [row["id"] for row in plain.feed(f"{table}?$select=id")]
    assert len(keys) > 40
    for key in keys[:40]:
        quoted = quote(key.replace("'", "''"), safe="")
        path = f"{table}('{quoted}')/{way}{query}"
        ahead, then = eager.get(path, headers), plain.get(path, headers)
        assert ahead.text.replace(eager.root, plain.root) == then.text
        shown = [(n, v) for n, v in ahead.headers.items() if n not in OF_SERVER]
        assert shown == [(n, v) for n, v in then.headers.items() if n not in OF_SERVER]


def test_a_storm_asks_the_engine_a_few_times(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    answer = run.execute

    def counted(*arguments: object) -> object:
        nonlocal asked
        asked += 1
        return answer(*arguments)  # type: ignore[arg-type]

    with bridge(dataset, settings={"fresh_for": 10_000}) as gateway:
        people = [row["id"] for row in gateway.feed("Users?$select=id")]
        gateway.feed("Results?$select=id")
        monkeypatch.setattr(run, "execute", counted)
        for key in people:
            quoted = quote(key.replace("'", "''"), safe="")
            assert gateway.get(f"Users('{quoted}')/results").status_code == 200
    assert asked < len(people) / 4


def test_few_requests_make_nothing_ahead(dataset: Dataset) -> None:
    with bridge(dataset, settings={"fresh_for": 10_000}) as gateway:
        people = [row["id"] for row in gateway.feed("Users?$select=id&$top=2")]
        for key in people:
            assert gateway.get(f"Users('{key}')/results").json()["value"]
        assert gateway.get("Users('nobody')/results").status_code == 404
