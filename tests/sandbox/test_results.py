import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox import Dataset, create_sandbox, generate

Ask = Callable[..., Coroutine[Any, Any, Any]]
Connect = Callable[[Starlette], AbstractAsyncContextManager[httpx.AsyncClient]]
Post = Callable[..., httpx.Response]
pytestmark = pytest.mark.anyio

DATASET = generate(500)


@pytest.fixture
def post(connect: Connect, secret: str) -> Post:
    """Return how to post a body to results of 500 rows, 100 to the page at most."""
    app = create_sandbox(DATASET, secret=secret, page_limit=100)

    async def posted(**request: Any) -> httpx.Response:
        async with connect(app) as client:
            return await client.post("/analyse/results", **request)

    return lambda **request: asyncio.run(posted(**request))


async def test_a_page_has_twenty_rows_in_the_order_of_insertion_unless_asked_otherwise(
    ask: Ask, secret: str
) -> None:
    page = await ask(create_sandbox(DATASET, secret=secret))
    assert page == {"total": 500, "results": DATASET.to_rows()[:20]}


async def test_a_window_behind_the_last_row_is_empty_and_keeps_the_total(
    ask: Ask, secret: str
) -> None:
    page = await ask(create_sandbox(DATASET, secret=secret), options={"skip": 500})
    assert page == {"total": 500, "results": []}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"userId": ["usr-000001"]}, "userId"),
        ({"options": {"offset": 3}}, "offset"),
        ({"options": {"limit": 0}}, "$.options.limit"),
        ({"options": {"limit": 101}}, "$.options.limit"),
        ({"options": {"limit": "5"}}, "$.options.limit"),
        ({"options": {"limit": True}}, "$.options.limit"),
        ({"options": {"skip": -1}}, "$.options.skip"),
        ({"options": {"orderBy": "updated_at"}}, "$.options.orderBy"),
        ({"options": {"orderBy": "updatedAt", "order": "asc"}}, "$.options.order"),
        ({"options": {"order": "ASC"}}, "orderBy"),
        ({"options": None}, "$.options"),
        ({"userIds": "usr-000001"}, "$.userIds"),
        ({"userIds": [1]}, "$.userIds[0]"),
        ({"userIds": None}, "$.userIds"),
        ({"groupIds": []}, "$.groupIds"),
        ({"states": ["DONE"]}, "$.states[0]"),
        ({"enrollmentTypes": ["mandatory"]}, "$.enrollmentTypes[0]"),
        ({"customFields": [{"customFieldId": "cf_region"}]}, "$.customFields[0]"),
        ({"customFields": [{"customFieldId": "x", "values": []}]}, "$.customFields[0].values"),
        ({"customFields": [{"name": "Region", "values": ["x"]}]}, "name"),
        ({"updatedAtDateRange": {}}, "$.updatedAtDateRange"),
        ({"updatedAtDateRange": {"from": "2024-01-01"}}, "$.updatedAtDateRange.from"),
        ({"expiryDateRange": {"to": "2024-01-01T00:00:00"}}, "$.expiryDateRange.to"),
        ({"expiryDateRange": {"until": "2024-01-01T00:00:00Z"}}, "until"),
        ([], "object"),
    ],
)
def test_what_the_contract_does_not_name_is_refused_and_named(
    post: Post, body: object, named: str
) -> None:
    answer = post(json=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"statusCode", "error", "message"}
    assert answer.json()["error"] == "Bad Request"
    assert named in answer.json()["message"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"userIds":["\xff"]}'])
def test_a_body_that_is_not_json_is_refused(post: Post, content: bytes) -> None:
    answer = post(content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "JSON" in answer.json()["message"]


def test_a_body_of_another_media_type_is_refused(post: Post) -> None:
    assert post(data={"limit": "5"}).status_code == 415


async def test_other_paths_and_methods_answer_the_error_body(connect: Connect, secret: str) -> None:
    async with connect(create_sandbox([], secret=secret)) as client:
        for path, status in (("/analyse", 404), ("/analyse/results", 405)):
            answer = await client.get(path)
            assert answer.status_code == status
            assert answer.json()["statusCode"] == status
        assert (await client.get("/sandbox/faults")).status_code == 404
        assert (await client.get("/health")).status_code == 200


async def test_nested_rows_are_answered_as_they_were_given(ask: Ask, secret: str) -> None:
    rows: list[dict[str, object]] = [
        {"id": "1", "progress": None, "updatedAt": None, "surprise": [1, {"a": "ü"}]},
        {"id": "2", "user": {"id": "u", "nickname": "x"}, "content": {"id": "c"}},
        {"id": "3", "user": None, "content": {"id": "c"}, "updatedAt": "2024-01-01T01:00:00+01:00"},
    ]
    page = await ask(create_sandbox(rows, secret=secret), options={"orderBy": "updatedAt"})
    nulls = {"user": None, "content": None}
    assert page["results"] == [nulls | rows[2], nulls | rows[0], nulls | rows[1]]
    assert Dataset.from_rows(rows).to_rows() == [nulls | row for row in rows]


@pytest.mark.parametrize(
    "row", [{}, {"id": 1}, {"id": "1", "progress": "x"}, {"id": "1", "updatedAt": "2024-01-01"}]
)
def test_nested_rows_of_other_types_are_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Expected|missing|Invalid"):
        Dataset.from_rows([row])


async def test_statistics_aggregate_the_matching_rows(connect: Connect, secret: str) -> None:
    rows: list[Any] = [row for row in DATASET.to_rows() if row["state"] == "APPROVED"]
    async with connect(create_sandbox(DATASET, secret=secret)) as client:
        answer = await client.post("/analyse/statistics", json={"states": ["APPROVED"]})
        refused = await client.post("/analyse/statistics", json={"options": {}})
    types = [row["enrollmentType"] for row in rows]
    assert answer.json() == {
        "total": len(rows),
        "users": len({row["user"]["id"] for row in rows}),
        "contents": len({row["content"]["id"] for row in rows}),
        "certificatesIssued": sum(bool(row["certificateIssuedAt"]) for row in rows),
        "averageProgress": 100,
        "states": {"APPROVED": len(rows)},
        "enrollmentTypes": {kind: types.count(kind) for kind in set(types)},
    }
    assert refused.status_code == 400


async def test_statistics_of_nothing_are_zero(connect: Connect, secret: str) -> None:
    async with connect(create_sandbox([{"id": "1"}], secret=secret)) as client:
        answer = await client.post("/analyse/statistics", json={})
    statistics = answer.json()
    assert (statistics["total"], statistics["users"], statistics["averageProgress"]) == (1, 0, 0)
