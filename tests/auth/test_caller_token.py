"""The caller's own token: its time is looked at, all else is the Analytics API's decision."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jwt
import pytest

from gateway.auth.authenticator import CredentialRefusal, PendingCheck
from gateway.auth.caller_token import Acceptance, CallerToken
from gateway.auth.claims import read_claims
from gateway.auth.credentials import Credential, CredentialKind
from gateway.auth.identity import digest, token_identity
from gateway.auth.principal import Principal
from gateway.errors import UpstreamRejectedToken
from gateway.sandbox import generate, make_token
from tests.support.access import basic, bearer, from_now
from tests.support.live import SECRET, Ahead, Bridge, bridge
from tests.support.wire import WireAnswer, send

KEY = "a key of at least thirty-two bytes, for tests"


def made(**claims: object) -> str:
    return jwt.encode({"sub": "anna@example.com", **from_now(claims)}, KEY, algorithm="HS256")


async def taken(token: str) -> None:
    """An Analytics API that takes every token."""


async def judged(
    token: str, kind: CredentialKind = CredentialKind.BEARER
) -> Principal | CredentialRefusal | None:
    found = await CallerToken(Acceptance(taken, lambda: 0.0)).admit(Credential(kind, token))
    return await found.run() if isinstance(found, PendingCheck) else found


def shown(gateway: Bridge, target: str, token: str, peer: str = "192.0.2.1") -> WireAnswer:
    return send(gateway.root, target, [bearer(token), ("X-Forwarded-For", peer)])


@pytest.mark.anyio
@pytest.mark.parametrize("claims", [{}, {"exp": -30}, {"exp": 60, "nbf": 30}])
async def test_a_token_in_its_time_is_passed_on(claims: dict[str, object]) -> None:
    token = made(**claims)
    found = await judged(token)
    assert isinstance(found, Principal)
    assert (found.token, found.role) == (token, None)
    assert found.id == f"caller:{digest(token)[:12]}"
    assert token not in repr(found)
    assert "anna" not in repr(found)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("claims", "said", "genuine"),
    [
        ({"exp": -90}, "get a new one", True),
        ({"nbf": 900}, "clocks", True),
        ({"exp": "tomorrow"}, "not a JSON Web Token", False),
    ],
)
async def test_a_token_out_of_its_time_is_refused_with_the_way_out(
    claims: dict[str, object], said: str, genuine: bool
) -> None:
    found = await judged(made(**claims))
    assert isinstance(found, CredentialRefusal)
    assert said in found.reason
    assert found.genuine == genuine


@pytest.mark.anyio
async def test_what_is_no_token_is_left_to_others() -> None:
    assert await judged("no token") is None
    assert await judged(made(), CredentialKind.PASSWORD) is None
    assert isinstance(await judged("a.b.c"), CredentialRefusal)


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
    assert isinstance(await judged(token), CredentialRefusal)
    with pytest.raises(jwt.InvalidTokenError):
        read_claims(token, timely=True)


def test_claims_that_anyone_can_write_open_no_other_snapshots() -> None:
    """Without verification, equal claims do not make the same caller."""
    forged = jwt.encode({"sub": "anna@example.com"}, KEY + "another", algorithm="HS256")
    assert token_identity(made()) == token_identity(forged)
    assert digest(made()) != digest(forged)


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


@pytest.mark.parametrize(
    "target",
    [
        *(
            "/odata/v4/",
            "/odata/v4/$metadata",
            "/openapi.json",
            "/status",
            "/dashboard",
            "/insights",
        ),
        *("/connect/skillhabit.pbids", "/explain/odata/v4/Results", "/odata/v4/Results?$top=0"),
    ],
)
def test_nothing_is_shown_before_the_token_was_accepted(target: str) -> None:
    with bridge([], settings={"pass_through": True}) as gateway:
        assert shown(gateway, target, make_token("a secret that is somebody else's")).status == 401
        assert len(gateway.sandbox.received) == 1
        assert shown(gateway, target, make_token(SECRET)).status != 401


def test_an_accepted_token_is_remembered() -> None:
    with bridge(generate(3), settings={"pass_through": True}) as gateway:
        token = make_token(SECRET)
        for target in ("/odata/v4/", "/odata/v4/$metadata", "/openapi.json"):
            assert shown(gateway, target, token).status == 200
        assert len(gateway.sandbox.received) == 1
        assert gateway.sandbox.received[0].body["options"]["limit"] == 1


def test_junk_is_counted_by_address_and_then_not_asked_about() -> None:
    with bridge([], settings={"pass_through": True}) as gateway:
        known, unknown = make_token(SECRET), make_token(SECRET, expires_in_seconds=600)
        assert shown(gateway, "/odata/v4/", known).status == 200
        found = [shown(gateway, "/odata/v4/", made(number=number)) for number in range(14)]
        assert [answer.status for answer in found] == [401] * 10 + [429] * 4
        assert 1 <= int(found[-1].header("Retry-After") or 0) <= 12
        assert shown(gateway, "/odata/v4/", unknown).status == 429
        assert len(gateway.sandbox.received) == 11
        assert shown(gateway, "/odata/v4/", known).status == 200
        assert shown(gateway, "/odata/v4/", unknown, "192.0.2.2").status == 200


def test_junk_that_comes_all_at_once_costs_little_more() -> None:
    with bridge([], settings={"pass_through": True}) as gateway, ThreadPoolExecutor(40) as pool:
        gateway.sandbox.faults.latency_seconds = 0.1
        junk = [made(number=number) for number in range(80)]
        found = [answer.status for answer in pool.map(partial(shown, gateway, "/odata/v4/"), junk)]
        assert set(found) == {401, 429}
        assert len(gateway.sandbox.received) <= 14


def test_that_the_upstream_cannot_be_asked_is_no_wrong_token() -> None:
    away = {"pass_through": True, "upstream": "http://127.0.0.1:1", "retry_budget": 0.1}
    with bridge([], settings=away) as gateway:
        found = [shown(gateway, "/odata/v4/", made()).status for _ in range(2)]
    assert found == [503, 503]


@pytest.mark.anyio
async def test_it_is_asked_again_after_a_quarter_of_an_hour_or_a_refusal() -> None:
    moment, asked = [0.0], list[str]()

    async def ask(token: str) -> None:
        asked.append(token)
        if token == "junk":
            raise UpstreamRejectedToken("no")

    acceptance = Acceptance(ask, lambda: moment[0])
    assert [await acceptance.accepts("good") for _ in range(2)] == [True, True]
    assert [await acceptance.accepts("junk") for _ in range(2)] == [False, False]
    assert asked == ["good", "junk", "junk"]
    moment[0] += 901
    assert not acceptance.remembers("good")
    assert await acceptance.accepts("good")
    acceptance.forget("good")
    assert not acceptance.remembers("good")


def test_a_token_that_is_refused_later_is_forgotten() -> None:
    """The gateway's clock may be a minute late, so it still believes the token."""
    api = Ahead()
    with bridge(generate(3), settings={"pass_through": True}, clock=api.clock.now) as gateway:
        token = make_token(SECRET, expires_in_seconds=30)
        assert shown(gateway, "/odata/v4/", token).status == 200
        api.seconds += 31
        assert shown(gateway, "/odata/v4/Results", token).status == 401
        assert shown(gateway, "/odata/v4/", token).status == 401
