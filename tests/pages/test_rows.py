"""The table of rows: its form filters by the value of a column, and its URL keeps the condition."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.pages.languages import read_texts
from tests.support.live import Bridge

HTML = {"Accept": "text/html"}
WORDS = read_texts()
Row = dict[str, Any]


def sent(live: Bridge, **fields: str) -> httpx.Response:
    """The answer to the form above the table, or where it leads."""
    answer = form(live, **fields)
    location = answer.headers.get("Location")
    url = live.root.removesuffix("/odata/v4/")
    return live.client.get(f"{url}{location}", headers=HTML) if location else answer


def form(live: Bridge, **fields: str) -> httpx.Response:
    url = live.root.removesuffix("odata/v4/") + "rows"
    return live.client.get(url, params={"table": "Results", **fields}, headers=HTML)


def count(answer: httpx.Response) -> int:
    assert answer.status_code == 200, answer.text
    if WORDS.rows.none in answer.text:
        return 0
    if f'class="lead">{WORDS.rows.shown.forms["one"]}<' in answer.text:
        return 1
    (number,) = re.findall(r'class="lead">Rows 1 to \d+ of ([\d,]+)<', answer.text)
    return int(number.replace(",", ""))


@pytest.fixture(scope="module")
def rows(live: Bridge) -> list[Row]:
    return live.feed("Results")


CASES: list[tuple[dict[str, str], Any]] = [
    ({"column": "state", "is": "eq", "value": "failed"}, lambda r: r["state"] == "FAILED"),
    (
        {"column": "state", "is": "ne", "value": "In Progress"},
        lambda r: r["state"] != "IN_PROGRESS",
    ),
    (
        {"column": "contentName", "is": "contains", "value": "SAFETY"},
        lambda r: "safety" in (r["contentName"] or "").lower(),
    ),
    ({"column": "contentName", "is": "eq", "value": "it's"}, lambda r: r["contentName"] == "it's"),
    ({"column": "progress", "is": "ge", "value": "50"}, lambda r: (r["progress"] or 0) >= 50),
    ({"column": "completedAt", "is": "null"}, lambda r: r["completedAt"] is None),
    ({"column": "completedAt", "is": "notnull"}, lambda r: r["completedAt"] is not None),
    (
        {"column": "updatedAt", "is": "le", "value": "2025-03-31"},
        lambda r: r["updatedAt"][:10] <= "2025-03-31",
    ),
    (
        {"column": "updatedAt", "is": "eq", "value": "2025-03-31"},
        lambda r: r["updatedAt"][:10] == "2025-03-31",
    ),
    (
        {"column": "expiryDate", "is": "ne", "value": "2025-03-31"},
        lambda r: (r["expiryDate"] or "")[:10] != "2025-03-31",
    ),
]


@pytest.mark.parametrize(("fields", "test"), CASES, ids=[str(each[0]) for each in CASES])
def test_a_value_narrows_the_rows(
    live: Bridge, rows: list[Row], fields: dict[str, str], test: Any
) -> None:
    first = "enrollmentType eq 'MANDATORY' or progress gt 10"
    found = count(sent(live, **{"$filter": first, **fields}))
    chosen = (r for r in rows if r["enrollmentType"] == "MANDATORY" or (r["progress"] or 0) > 10)
    assert found == sum(map(test, chosen))


def test_the_condition_is_in_the_url_and_can_be_removed(live: Bridge) -> None:
    answer = form(live, column="state", value="FAILED", of="failed", **{"is": "eq"})
    assert answer.status_code == 303
    kept = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (kept["$filter"], kept["of"]) == (["state eq 'FAILED'"], ["failed"])
    assert not {"column", "is", "value"} & kept.keys()
    text = sent(live, **{"$filter": "state eq 'FAILED'"}).text
    whole = re.findall(rf'href="([^"]+)">{WORDS.rows.whole}<', text)[0]
    assert "filter" not in unescape(whole)


@pytest.mark.parametrize(
    "query",
    [
        {"$select": "userName,userEmail,state"},
        {"$apply": "groupby((state),aggregate(userName with max as userName))"},
        {"$apply": "groupby((userName,userEmail,state))"},
    ],
    ids=str,
)
def test_personal_values_do_not_get_into_the_url(live: Bridge, query: dict[str, str]) -> None:
    text = sent(live, **query).text
    offered = re.findall(r'<option value="(\w+)">', text.partition('name="column"')[2])
    assert "state" in offered
    assert not {"userName", "userEmail"} & set(offered)
    refused = sent(live, column="userName", value="Ann", **{"is": "eq"})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"column": "state", "is": "eq", "value": " "},
        {"column": "nothing", "is": "eq", "value": "1"},
        {"column": "state", "is": "like", "value": "1"},
        {"column": "progress", "is": "contains", "value": "1"},
        {"column": "progress", "is": "ge", "value": "many"},
        {"column": "updatedAt", "is": "ge", "value": "soon"},
        {"column": "updatedAt", "is": "contains", "value": "2025-03-31"},
    ],
    ids=str,
)
def test_a_wrong_form_is_explained(live: Bridge, fields: dict[str, str]) -> None:
    answer = sent(live, **fields)
    assert answer.status_code == 400
    assert WORDS.error.title in answer.text


def test_totals_can_be_narrowed_too(live: Bridge, rows: list[Row]) -> None:
    apply = "groupby((contentName),aggregate($count as results))"
    answer = sent(live, column="results", value="40", **{"is": "ge", "$apply": apply})
    names = [row["contentName"] for row in rows]
    assert count(answer) == sum(names.count(name) >= 40 for name in {*names})
