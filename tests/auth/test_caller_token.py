"""The caller's own token: its time is looked at, all else is the Analytics API's decision."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import jwt
import pytest

from gateway.auth.caller_token import CallerToken
from gateway.auth.claims import read_claims
from gateway.auth.credentials import Credential, Kind
from gateway.auth.gate import Refusal
from gateway.auth.identity import token_identity, whole_identity
from gateway.auth.principal import Principal
from tests.support.access import basic, bearer, from_now
from tests.support.live import bridge
from tests.support.wire import send

KEY = "a key of at least thirty-two bytes, for tests"


def made(**claims: object) -> str:
    return jwt.encode({"sub": "anna@example.com", **from_now(claims)}, KEY, algorithm="HS256")


async def judged(token: str, kind: Kind = Kind.BEARER) -> Principal | Refusal | None:
    return await CallerToken().admit(Credential(kind, token))


@pytest.mark.anyio
@pytest.mark.parametrize("claims", [{}, {"exp": -30}, {"exp": 60, "nbf": 30}])
async def test_a_token_in_its_time_is_passed_on(claims: dict[str, object]) -> None:
    token = made(**claims)
    found = await judged(token)
    assert isinstance(found, Principal)
    assert (found.token, found.role) == (token, None)
    assert found.id == f"caller:{whole_identity(token)[:12]}"
    assert token not in repr(found)
    assert "anna" not in repr(found)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("claims", "said", "genuine"),
    [
        ({"exp": -90}, "get a new one", True),
        ({"nbf": 900}, "clocks", True),
        ({"exp": "tomorrow"}, "no JSON Web Token", False),
    ],
)
async def test_a_token_out_of_its_time_is_refused_with_the_way_out(
    claims: dict[str, object], said: str, genuine: bool
) -> None:
    found = await judged(made(**claims))
    assert isinstance(found, Refusal)
    assert said in found.reason
    assert found.genuine == genuine


@pytest.mark.anyio
async def test_what_is_no_token_is_left_to_others() -> None:
    assert await judged("no token") is None
    assert await judged(made(), Kind.PASSWORD) is None
    assert isinstance(await judged("a.b.c"), Refusal)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "payload",
    ['{"exp": Infinity}', '{"exp": NaN}', '{"exp": [1]}', "[]", "[" * 9_000, '{"exp": 1e999}'],
)
@pytest.mark.parametrize("header", ['{"alg": "HS256"}', "[" * 9_000, '{"alg": "x", "kid": 5}'])
async def test_a_token_that_is_made_to_harm_is_only_refused(payload: str, header: str) -> None:
    token = ".".join(
        urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, payload, "x")
    )
    assert isinstance(await judged(token), Refusal)
    with pytest.raises(jwt.InvalidTokenError):
        read_claims(token, timely=True)


def test_claims_that_anyone_can_write_open_no_other_snapshots() -> None:
    """Without verification, equal claims do not make the same caller."""
    forged = jwt.encode({"sub": "anna@example.com"}, KEY + "another", algorithm="HS256")
    assert token_identity(made()) == token_identity(forged)
    assert whole_identity(made()) != whole_identity(forged)


def test_it_is_not_answered_from_what_the_gateways_own_token_may_see() -> None:
    with bridge([], settings={"pass_through": True}) as gateway:
        answer = send(gateway.root, "/odata/v4/Results", [bearer(made())])
        assert (answer.status, answer.json()["error"]["code"]) == (401, "Unauthorized")
        assert "Analytics API refuses your" in answer.json()["error"]["message"]
        expired = send(gateway.root, "/odata/v4/Results", [bearer(made(exp=-90))])
        assert expired.status == 401
        assert send(gateway.root, "/odata/v4/Results", [basic(made())]).status == 401
    with bridge([]) as open_gateway:
        assert send(open_gateway.root, "/odata/v4/Results", [bearer(made())]).status == 200
