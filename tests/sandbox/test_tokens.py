"""Tokens against PyJWT, an implementation that shares nothing with ours."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from gateway.sandbox import create_sandbox, make_token

Connect = Callable[[Starlette], AbstractAsyncContextManager[httpx.AsyncClient]]
Knock = Callable[[str | None], httpx.Response]

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def knock(connect: Connect, secret: str) -> Knock:
    """Return how to ask with an Authorization header at noon of 1 June 2025."""
    app = create_sandbox([], secret=secret, clock=lambda: NOW)

    async def knocked(authorization: str | None) -> httpx.Response:
        async with connect(app) as client:
            client.headers.pop("Authorization")
            headers = {b"Authorization": (authorization or "").encode("latin-1")}
            headers = {} if authorization is None else headers
            return await client.post("/analyse/results", json={}, headers=headers)

    return lambda authorization: asyncio.run(knocked(authorization))


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "x", "exp": NOW + timedelta(minutes=1)} | more


def test_a_token_of_another_maker_is_accepted(knock: Knock, secret: str) -> None:
    token = jwt.encode(claims(analyticsAccess=True), secret, "HS256")
    assert knock(f"Bearer {token}").status_code == 200
    assert knock(f"bearer {token}").status_code == 200


def test_a_token_without_end_or_access_claim_is_accepted(knock: Knock, secret: str) -> None:
    assert knock(f"Bearer {jwt.encode({}, secret, 'HS256')}").status_code == 200


def test_our_token_is_accepted_by_another_checker(secret: str) -> None:
    token = make_token(secret, expires_in_seconds=60, access=False)
    assert jwt.decode(token, secret, ["HS256"])["analyticsAccess"] is False
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(make_token(secret, expires_in_seconds=-1), secret, ["HS256"])


def test_our_token_follows_the_given_clock(knock: Knock, secret: str) -> None:
    good = make_token(secret, expires_in_seconds=60, clock=lambda: NOW)
    gone = make_token(secret, expires_in_seconds=60, clock=lambda: NOW - timedelta(seconds=60))
    assert knock(f"Bearer {good}").status_code == 200
    assert "expired" in knock(f"Bearer {gone}").json()["message"]


def test_each_refusal_has_its_own_message(knock: Knock, secret: str) -> None:
    good = jwt.encode(claims(), secret, "HS256")
    other = "another secret of at least thirty-two bytes"
    header, payload, signature = good.split(".")
    refused = {
        None: "is missing",
        "": "is missing",
        f"Basic {good}": "must be: Bearer",
        "Bearer": "must be: Bearer",
        "Bearer abc": "malformed",
        f"Bearer {header}.{payload}": "malformed",
        f"Bearer {good}.{signature}": "malformed",
        f"Bearer {header}.!{payload}.{signature}": "malformed",
        f"Bearer {header}.{payload}.é": "malformed",
        f"Bearer {jwt.encode({'exp': 'soon'}, secret, 'HS256')}": "malformed",
        f"Bearer {jwt.encode(claims(), '', 'none')}": "HS256",
        f"Bearer {jwt.encode(claims(), other * 2, 'HS512')}": "HS256",
        f"Bearer {jwt.encode(claims(), other, 'HS256')}": "signature",
        f"Bearer {jwt.encode(claims(exp=NOW), secret, 'HS256')}": "expired",
        f"Bearer {jwt.encode(claims(nbf=NOW + timedelta(1)), secret, 'HS256')}": "not valid yet",
    }
    for authorization, message in refused.items():
        answer = knock(authorization)
        assert answer.status_code == 401, authorization
        assert message in answer.json()["message"], authorization
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_good_token_without_access_is_forbidden(knock: Knock, secret: str) -> None:
    answer = knock(f"Bearer {jwt.encode(claims(analyticsAccess=False), secret, 'HS256')}")
    assert answer.json() == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "API access is not enabled for this workspace",
    }


def test_the_token_is_looked_at_before_the_body(connect: Connect, secret: str) -> None:
    async def asked() -> int:
        async with connect(create_sandbox([], secret=secret)) as client:
            client.headers.pop("Authorization")
            return (await client.post("/analyse/results", content=b"{")).status_code

    assert asyncio.run(asked()) == 401
