"""Filters, order and paging against a brute-force reading of the contract."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox import create_sandbox, generate
from tests.support.examples import examples

Ask = Callable[..., Coroutine[Any, Any, Any]]
Row = dict[str, Any]

DATASET = generate(400)
ROWS: list[Row] = DATASET.to_rows()
SORTABLE = (
    "id",
    "state",
    "enrollmentType",
    "progress",
    "startedAt",
    "completedAt",
    "updatedAt",
    "expiryDate",
    "certificateIssuedAt",
)


def matches(row: Row, body: dict[str, Any]) -> bool:
    user = row["user"]
    values = {field["customFieldId"]: field["value"] for field in user["customFields"]}
    groups = [group["id"] for group in user["groups"]]
    return (
        row["state"] in body.get("states", [row["state"]])
        and row["enrollmentType"] in body.get("enrollmentTypes", [row["enrollmentType"]])
        and user["id"] in body.get("userIds", [user["id"]])
        and row["content"]["id"] in body.get("contentIds", [row["content"]["id"]])
        and ("groupIds" not in body or any(group in body["groupIds"] for group in groups))
        and all(
            values.get(field["customFieldId"]) in field["values"]
            for field in body.get("customFields", [])
        )
        and in_range(row["updatedAt"], body.get("updatedAtDateRange"))
        and in_range(row["expiryDate"], body.get("expiryDateRange"))
    )


def in_range(text: str | None, ends: dict[str, str] | None) -> bool:
    if ends is None:
        return True
    if text is None:
        return False
    moment = datetime.fromisoformat(text)
    return ("from" not in ends or datetime.fromisoformat(ends["from"]) <= moment) and (
        "to" not in ends or moment <= datetime.fromisoformat(ends["to"])
    )


def ordered(rows: list[Row], name: str, descending: bool) -> list[Row]:
    """Insertion sort, so that ties and nulls are ours and not those of `sorted`."""
    result: list[Row] = []
    for row in rows:
        place = 0
        while place < len(result) and not before(row[name], result[place][name], descending):
            place += 1
        result.insert(place, row)
    return result


def before(value: Any, other: Any, descending: bool) -> bool:
    if value is None or other is None:
        return value is not None
    return bool(value > other if descending else value < other)


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=4)


def instants(name: str) -> st.SearchStrategy[str]:
    """An instant that occurs, or one a millisecond beside it, in some time zone."""
    known = sorted({row[name] for row in ROWS if row[name]})
    return st.builds(
        lambda text, step, hours: (
            (datetime.fromisoformat(text) + timedelta(milliseconds=step))
            .astimezone(UTC if hours is None else tz(hours))
            .isoformat()
        ),
        st.sampled_from(known),
        st.integers(-1, 1),
        st.sampled_from([None, 2, -5]),
    )


def tz(hours: int) -> Any:
    return datetime.strptime(f"{hours:+03}:00", "%z").tzinfo


def ranges(name: str) -> st.SearchStrategy[dict[str, str]]:
    ends = {"from": instants(name), "to": instants(name)}
    return st.fixed_dictionaries({}, optional=ends).filter(bool)


def unique(values: list[Any]) -> list[Any]:
    return sorted(set(values))


FIELDS = [field for row in ROWS for field in row["user"]["customFields"]]
CUSTOM = st.fixed_dictionaries(
    {
        "customFieldId": st.sampled_from(["cf_department", "cf_region", "cf_none"]),
        "values": some(unique([field["value"] for field in FIELDS if field["value"] is not None])),
    }
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "states": some(unique([row["state"] for row in ROWS])),
        "enrollmentTypes": some(unique([row["enrollmentType"] for row in ROWS])),
        "userIds": some([*unique([row["user"]["id"] for row in ROWS]), "nobody"]),
        "contentIds": some([*unique([row["content"]["id"] for row in ROWS]), "nothing"]),
        "groupIds": some(unique([group["id"] for row in ROWS for group in row["user"]["groups"]])),
        "customFields": st.lists(CUSTOM, min_size=1, max_size=2),
        "updatedAtDateRange": ranges("updatedAt"),
        "expiryDateRange": ranges("expiryDate"),
    },
)


@examples(150)
@given(body=BODIES, order_by=st.sampled_from(SORTABLE), descending=st.booleans())
def test_filtered_rows_come_in_order(
    ask: Ask, secret: str, body: dict[str, Any], order_by: str, descending: bool
) -> None:
    app = create_sandbox(DATASET, secret=secret)
    order = {"orderBy": order_by, "order": "DESC" if descending else "ASC", "limit": 1000}
    page = asyncio.run(ask(app, **body, options=order))
    expected = ordered([row for row in ROWS if matches(row, body)], order_by, descending)
    assert page["results"] == expected
    assert page["total"] == len(expected)


@examples(60)
@given(body=BODIES, size=st.integers(1, 150), order_by=st.sampled_from([None, "updatedAt"]))
def test_the_pages_together_are_the_matching_rows(
    ask: Ask, secret: str, body: dict[str, Any], size: int, order_by: str | None
) -> None:
    app = create_sandbox(DATASET, secret=secret)
    order = {"orderBy": order_by} if order_by else {}
    matched = [row["id"] for row in ROWS if matches(row, body)]

    async def pages() -> list[Any]:
        return [
            await ask(app, **body, options=order | {"limit": size, "skip": skip})
            for skip in range(0, len(matched) + 1, size)
        ]

    answered = asyncio.run(pages())
    assert {page["total"] for page in answered} == {len(matched)}
    assert sorted(row["id"] for page in answered for row in page["results"]) == sorted(matched)


@pytest.mark.parametrize(
    ("name", "member"),
    [("updatedAt", "updatedAtDateRange"), ("expiryDate", "expiryDateRange")],
)
def test_both_ends_of_a_range_belong_to_it(ask: Ask, secret: str, name: str, member: str) -> None:
    instant = next(row[name] for row in ROWS if row[name])
    body = {member: {"from": instant, "to": instant}}
    page = asyncio.run(ask(create_sandbox(DATASET, secret=secret), **body))
    assert page["total"] == sum(row[name] == instant for row in ROWS) > 0


def test_nulls_come_last_both_ways(ask: Ask, secret: str) -> None:
    app = create_sandbox(DATASET, secret=secret)
    for order in ("ASC", "DESC"):
        options = {"orderBy": "expiryDate", "order": order, "limit": 1000}
        page = asyncio.run(ask(app, options=options))
        nulls = [row["expiryDate"] is None for row in page["results"]]
        assert nulls == sorted(nulls)


def test_a_question_is_answered_alike_after_many_others(ask: Ask, secret: str) -> None:
    app = create_sandbox(DATASET, secret=secret)
    content_ids = [f"cnt-{number:04}" for number in range(40)]

    async def totals() -> list[int]:
        return [(await ask(app, contentIds=[content_id]))["total"] for content_id in content_ids]

    expected = [sum(row["content"]["id"] == name for row in ROWS) for name in content_ids]
    assert asyncio.run(totals()) == asyncio.run(totals()) == expected
