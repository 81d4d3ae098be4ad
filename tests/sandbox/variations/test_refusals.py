"""Errors of a variation: what is refused, in which body and in whose words."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.sandbox import generate
from gateway.sandbox.variations import VARIATIONS, Variation, create_variant
from tests.support.variants import Ask, ask_results, build_body, opened

DATASET = generate(30)
SECRET = "s" * 32


def post(variation: Variation, body: Any, **headers: str) -> httpx.Response:
    """Post a body to the endpoint for results."""

    async def posted() -> httpx.Response:
        variant = create_variant(variation, DATASET, secret=SECRET)
        async with opened(variant) as client:
            path = variation.door.prefix + variation.door.results
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(posted())


TOO_MANY = {"options": {"limit": 5000, "extra": 1}}


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        (
            "assumed",
            400,
            {
                "statusCode": 400,
                "error": "Bad Request",
                "message": "Expected `int` <= 1000 - at `$.options.limit`; "
                "Object contains unknown field `extra` - at `$.options.extra`",
            },
        ),
        (
            "error-list",
            400,
            {
                "message": [
                    "options.limit must not be greater than 1000",
                    "options.property extra should not exist",
                ],
                "error": "Bad Request",
                "statusCode": 400,
            },
        ),
        (
            "error-problem",
            400,
            {
                "type": "about:blank",
                "title": "One or more validation errors occurred.",
                "status": 400,
                "errors": {
                    "options.limit": ['"options.limit" must be less than or equal to 1000'],
                    "options.extra": ['"options.extra" is not allowed'],
                },
            },
        ),
        (
            "error-errors",
            400,
            {
                "errors": [
                    {
                        "status": "400",
                        "title": "Bad Request",
                        "detail": "options.limit: Number must be less than or equal to 1000",
                    },
                    {
                        "status": "400",
                        "title": "Bad Request",
                        "detail": "Unrecognized key(s) in object: 'extra'",
                    },
                ]
            },
        ),
        (
            "error-detail",
            422,
            {
                "detail": [
                    {
                        "type": "less_than_equal",
                        "loc": ["body", "options", "limit"],
                        "msg": "Input should be less than or equal to 1000",
                    },
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "options", "extra"],
                        "msg": "Extra inputs are not permitted",
                    },
                ]
            },
        ),
        (
            "error-nested",
            400,
            {
                "error": {
                    "code": "BAD_REQUEST",
                    "message": "options.limit: Number must be less than or equal to 1000",
                }
            },
        ),
        (
            "error-inside-200",
            200,
            {
                "status": "error",
                "code": 400,
                "message": "Expected `int` <= 1000 - at `$.options.limit`; "
                "Object contains unknown field `extra` - at `$.options.extra`",
            },
        ),
    ],
)
def test_a_request_that_does_not_validate_is_refused_in_the_form(
    name: str, status: int, body: object
) -> None:
    response = post(VARIATIONS[name], TOO_MANY)
    assert (response.status_code, response.json()) == (status, body)


def test_a_flat_request_is_refused_in_the_words_of_class_validator() -> None:
    variation = VARIATIONS["limit-flat"]
    nestjs = VARIATIONS["error-list"]
    flat = Variation(paging=variation.paging, status=nestjs.status)
    response = post(flat, {"limit": 5000, "orderBy": "updatedAt", "states": ["nonsense"]})
    assert response.json()["message"] == [
        "limit must not be greater than 1000",
        "each value in states must be one of the following values: "
        "NOT_STARTED, IN_PROGRESS, APPROVED, FAILED, EXPIRED",
        "property orderBy should not exist",
    ]


def test_a_text_is_no_json_and_a_mute_api_names_nothing() -> None:
    text = post(VARIATIONS["error-text"], TOO_MANY)
    assert text.headers["content-type"].startswith("text/plain")
    assert "options.limit" in text.text
    mute = post(VARIATIONS["error-mute"], TOO_MANY)
    assert set(mute.json()["message"].split("; ")) == {"The request is invalid"}


def test_problem_details_have_their_media_type() -> None:
    response = post(VARIATIONS["error-problem"], TOO_MANY)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["error-list", "error-inside-200", "error-problem"])
def test_a_wrong_token_is_401_in_every_form(name: str) -> None:
    response = post(VARIATIONS[name], {}, Authorization="Bearer nonsense")
    assert response.status_code == 401
    assert "malformed" in response.text


@pytest.mark.parametrize("name", VARIATIONS)
def test_unknown_members_are_refused_or_ignored_as_the_variation_says(name: str) -> None:
    variation = VARIATIONS[name]
    body = build_body(Ask(limit=10), variation) | {"xNoSuchMember": 1}
    response = post(variation, body)
    if variation.status.unknown_members == "ignored":
        assert response.status_code == variation.status.success
    else:
        refused = variation.status.success if variation.status.error == "inside" else None
        assert response.status_code == (refused or variation.status.invalid)
        assert variation.status.wording == "mute" or "xNoSuchMember" in response.text


@pytest.mark.parametrize("name", [name for name in VARIATIONS if VARIATIONS[name].door.constants])
def test_a_missing_constant_is_named(name: str) -> None:
    response = post(VARIATIONS[name], {})
    path = VARIATIONS[name].door.constants[0][0]
    assert response.status_code == 400
    assert path in response.text
    wrong = post(VARIATIONS[name], {path: "nonsense"})
    assert wrong.status_code == 400


@pytest.mark.parametrize("name", [name for name in VARIATIONS if VARIATIONS[name].door.headers])
def test_a_missing_header_is_named(name: str) -> None:
    header = VARIATIONS[name].door.headers[0][0]

    async def asked() -> httpx.Response:
        variant = create_variant(VARIATIONS[name], DATASET, secret=SECRET)
        async with opened(variant) as client:
            del client.headers[header]
            return await ask_results(client, variant, Ask())

    response = asyncio.run(asked())
    assert response.status_code == 400
    assert header in response.json()["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"options": 3}, "object"),
        ({"options": {"limit": "10"}}, "int"),
        ({"options": {"limit": 0}}, ">= 1"),
        ({"options": {"skip": -1}}, ">= 0"),
        ({"options": {"order": "ASC"}}, "orderBy"),
        ({"options": {"orderBy": "nonsense"}}, "orderBy"),
        ({"options": {"orderBy": "updatedAt", "order": "up"}}, "order"),
        ({"states": []}, ">= 1"),
        ({"states": "APPROVED"}, "array"),
        ({"userIds": [1]}, "str"),
        ({"customFields": {}}, "array"),
        ({"customFields": []}, "customFields"),
        ({"customFields": [{"customFieldId": "cf_region"}]}, "customFields"),
        ({"updatedAtDateRange": {}}, "from"),
        ({"updatedAtDateRange": {"from": "2024-01-01"}}, "updatedAtDateRange"),
        ({"updatedAtDateRange": {"since": "2024-01-01T00:00:00Z"}}, "since"),
        ({"expiryDateRange": []}, "object"),
    ],
)
def test_wrong_members_are_named(body: object, kind: str) -> None:
    response = post(VARIATIONS["assumed"], body)
    assert response.status_code == 400
    assert kind in response.json()["message"]


@pytest.mark.parametrize("body", ["[]", "nonsense", '"text"'])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    async def asked() -> httpx.Response:
        variant = create_variant(Variation(), DATASET, secret=SECRET)
        async with opened(variant) as client:
            headers = {"Content-Type": "application/json"}
            return await client.post("/analyse/results", content=body, headers=headers)

    assert asyncio.run(asked()).status_code == 400
