"""JSON that others write, with every type in every place: refused, and never a failure of ours."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.auth.authenticator import CredentialAuthenticator
from gateway.auth.caller_token import Acceptance, CallerToken
from gateway.auth.entra import EntraAccount, Tenant
from gateway.auth.identity import expires_at, token_identity
from gateway.auth.key_file import read_keys
from gateway.auth.principal import ClientRequest, Principal
from gateway.auth.signing_keys import MAX_DOCUMENT_BYTES, SigningKeys, fetch_json
from gateway.auth.throttle import Throttle
from gateway.auth.watched_file import Unreadable, WatchedFile
from gateway.config.grants import Grant
from gateway.errors import GatewayError, SignInUnavailable
from gateway.observe import Observer
from gateway.sandbox.issuer import AUDIENCE, GROUP, TENANT, Issuer
from tests.auth.test_entra import serve, trusting
from tests.support.access import bearer
from tests.support.examples import examples
from tests.support.live import bridge, running
from tests.support.wire import send

pytestmark = pytest.mark.anyio

OBSERVER = Observer(logging.getLogger("foreign"))
AUTHORITY = "https://login.example.com"
NAME = f"{AUTHORITY}/{TENANT}/v2.0"
CALLER_KEY = "a key of at least thirty-two bytes, for tests"
TEXTS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("tid", "oid", "sub", "scp", "azp", "appid", "jti"), (str,)),
    **dict.fromkeys(("groups", "roles"), (list,)),
    "_claim_names": (dict,),
    "hasgroups": (bool,),
}
"""The claims that are read once a token is verified, and the type that each must have."""
CLAIMS = (*TEXTS, "exp", "nbf", "iat", "iss", "aud", "ver")
EVERY_TYPE: tuple[object, ...] = (
    *(None, True, False, 0, 5, -1, 1.5, 10**400, float("inf"), float("nan")),
    *("", "text", "\ud83d", GROUP, [], [5], [None], [[]], [GROUP, 5], {}, {"groups": 5}, {"a": []}),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
SIGNING = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def signed(claims: Mapping[str, object], header: Mapping[str, object] | None = None) -> str:
    """A token of the issuer whatever is in it; PyJWT itself refuses to write some claims."""
    parts = [{"alg": "RS256", "kid": "one", "typ": "JWT", **(header or {})}, claims]
    head, body = (urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
    signature = jwt.get_algorithm_by_name("RS256").sign(f"{head}.{body}".encode(), SIGNING)
    return f"{head}.{body}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def claims_with(name: str, value: object) -> dict[str, object]:
    """The claims of somebody in the group, one of them replaced."""
    now = int(time.time())
    return {
        "iss": NAME,
        "aud": AUDIENCE,
        "tid": TENANT,
        "oid": "someone",
        "scp": "x",
        "groups": [GROUP],
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        name: value,
    }


def jwks(*keys: object) -> object:
    return {"keys": keys}


def public(**changes: object) -> dict[str, object]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(SIGNING.public_key(), as_dict=True), **changes}


def account(documents: Mapping[str, object], *, alone: bool = True) -> EntraAccount:
    """The sign-in of a tenant whose issuer publishes these documents, by the end of their URL."""

    async def fetch(url: str) -> Any:
        return documents[url.rpartition("/")[2]]

    tenant = Tenant(TENANT, AUTHORITY, (AUDIENCE,), (Grant(GROUP, "default"),))
    keys = SigningKeys(tenant.configuration("/v2.0"), fetch, lambda: 1.0, OBSERVER)
    return EntraAccount(tenant, keys, keys, {}, alone)


GOOD = {
    "openid-configuration": {"issuer": NAME, "jwks_uri": f"{AUTHORITY}/keys"},
    "keys": jwks(public(kid="one", use="sig")),
}


async def status_of(gate: CredentialAuthenticator, token: str) -> int:
    """What a request with the token gets; 200 for a principal. Any other exception is a failure."""
    try:
        found = await gate.admit(
            ClientRequest(Headers({"authorization": f"Bearer {token}"}), peer="::1")
        )
    except GatewayError as error:
        return error.status
    assert isinstance(found, Principal)
    return 200


def gate(*documents: Mapping[str, object]) -> CredentialAuthenticator:
    ways = [account(each) for each in documents or (GOOD,)]
    return CredentialAuthenticator((*ways,), Throttle(lambda: 1.0))


def is_wrong(name: str, value: object) -> bool:
    """True if the value has no type that the claim may have; null is as good as absent."""
    if name not in TEXTS or value is None:
        return False
    if name in ("groups", "roles"):
        return not isinstance(value, list) or not all(isinstance(each, str) for each in value)
    return not isinstance(value, TEXTS[name])


@pytest.mark.parametrize("name", CLAIMS)
async def test_a_claim_of_the_wrong_type_is_401(name: str) -> None:
    """Every claim that is read, with every type of JSON."""
    for value in EVERY_TYPE:
        status = await status_of(gate(), signed(claims_with(name, value)))
        assert status in ((401,) if is_wrong(name, value) else (200, 401, 403)), (name, value)


@examples(300)
@given(name=st.sampled_from(CLAIMS), value=JSON)
async def test_whatever_a_claim_holds_is_answered(name: str, value: object) -> None:
    status = await status_of(gate(), signed(claims_with(name, value)))
    assert status in (200, 401, 403)
    assert not is_wrong(name, value) or status == 401


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "crit", "b64", "cty", "x"])
async def test_whatever_a_header_holds_is_answered(name: str) -> None:
    for value in EVERY_TYPE:
        token = signed(claims_with("x", 1), {name: value})
        assert await status_of(gate(), token) in (200, 401), (name, value)


@pytest.mark.parametrize("body", ["5", "[]", "null", '"text"', "[" * 100_000, "{", "\x00", "NaN"])
async def test_a_token_that_is_no_object_is_401(body: str) -> None:
    part = urlsafe_b64encode(body.encode()).decode().rstrip("=")
    head = signed({}).split(".")[0]
    for token in (f"{head}.{part}.x", f"{part}.{part}.x", f"{part}.{head}.x"):
        assert await status_of(gate(), token) == 401
        assert await status_of(caller_gate(), token) == 401
        assert expires_at(token) is None
        assert len(token_identity(token)) == 16


def test_what_was_found_is_401_and_has_the_way_out() -> None:
    issuer = Issuer()
    with serve(issuer), bridge([], settings=trusting(issuer)) as gateway:
        found: tuple[dict[str, Any], ...] = (
            {"groups": 5},
            {"_claim_names": 5},
            {"roles": {}},
            {"oid": [1]},
        )
        for claims in found:
            (name,) = claims
            answer = send(gateway.root, "/odata/v4/", [bearer(issuer.token(**claims))])
            assert answer.status == 401, answer.text
            assert f"$.{name}" in answer.json()["error"]["message"]


async def test_names_are_never_taken_from_a_text_or_an_object() -> None:
    """A letter of a text, or a member's name, is no group."""
    for value in (GROUP, {GROUP: 1}):
        for name in ("groups", "roles"):
            claims = {**claims_with("groups", None), name: value}
            assert await status_of(gate(), signed(claims)) == 401


# --- callers' own tokens, and the gateway's -------------------------------------------------------


def caller_gate() -> CredentialAuthenticator:
    async def ask(token: str) -> None:
        """Accept every token."""

    acceptance = Acceptance(ask, lambda: 1.0)
    return CredentialAuthenticator((CallerToken(acceptance),), Throttle(lambda: 1.0))


def unsigned(claims: Mapping[str, object]) -> str:
    head, body, _ = signed(claims).split(".")
    return f"{head}.{body}.x"


@pytest.mark.parametrize("name", [*CLAIMS, "workspace"])
async def test_a_callers_token_with_strange_claims_is_answered(name: str) -> None:
    for value in EVERY_TYPE:
        token = unsigned(claims_with(name, value))
        assert await status_of(caller_gate(), token) in (200, 401), (name, value)
        assert len(token_identity(token)) == 16
        end = expires_at(token)
        assert end is None or isinstance(end, float)


# --- what an issuer publishes ---------------------------------------------------------------------


@examples(200)
@given(document=JSON | st.fixed_dictionaries({"issuer": JSON, "jwks_uri": JSON}))
async def test_a_configuration_of_any_form_makes_signing_in_unavailable(document: object) -> None:
    status = await status_of(gate({**GOOD, "openid-configuration": document}), signed({}))
    assert status == 503


@examples(200)
@given(document=JSON | st.fixed_dictionaries({"keys": JSON}))
async def test_keys_of_any_form_make_signing_in_unavailable(document: object) -> None:
    assert await status_of(gate({**GOOD, "keys": document}), signed({})) == 503


@pytest.mark.parametrize("name", ["kty", "kid", "n", "e", "use", "alg", "d", "oth", "x5c"])
async def test_a_strange_key_takes_no_other_away(name: str) -> None:
    for value in EVERY_TYPE:
        strange = {**public(kid="two"), name: value}
        keys = jwks(strange, value, public(kid="one"))
        token = signed(claims_with("x", 1))
        assert await status_of(gate({**GOOD, "keys": keys}), token) == 200, (name, value)


async def test_a_document_has_a_limit_in_bytes() -> None:
    async def endless(request: Request) -> Response:
        return Response(b'"' + b"a" * MAX_DOCUMENT_BYTES + b'"')

    async def deep(request: Request) -> Response:
        return Response(b"[" * 100_000)

    async def damaged(request: Request) -> Response:
        return Response(b'"\xff"')

    pages = [("endless", endless), ("deep", deep), ("damaged", damaged)]
    with running(Starlette(routes=[Route(f"/{name}", page) for name, page in pages])) as base:
        for name, _ in pages:
            keys = SigningKeys(f"{base}/{name}", fetch_json, lambda: 1.0, OBSERVER)
            with pytest.raises(SignInUnavailable):
                await keys.find("one")


@pytest.mark.parametrize(
    "place", ["", "//", "http://", "http://[", "http://a b", "ftp://x", "http://x:99999999", "\x00"]
)
async def test_a_place_that_is_none_makes_signing_in_unavailable(place: str) -> None:
    async def fetch(url: str) -> Any:
        return {"issuer": NAME, "jwks_uri": place} if url == "http://x" else await fetch_json(url)

    with pytest.raises(SignInUnavailable):
        await SigningKeys("http://x", fetch, lambda: 1.0, OBSERVER).find("one")


# --- the file of keys -----------------------------------------------------------------------------

_KEY: dict[str, object] = {
    "id": "0" * 12,
    "name": "Anna",
    "sha256": "0" * 64,
    "workspace": "default",
    "created": "2026-01-01T00:00:00Z",
    "role": None,
    "expires": None,
    "revoked": None,
}


def check_keys(folder: Path, content: bytes) -> None:
    """Either keys or `Unreadable`, and never another failure."""
    file = folder / "keys.json"
    file.write_bytes(content)
    with contextlib.suppress(Unreadable):
        WatchedFile(file, read_keys, OBSERVER).current()


def test_a_file_of_keys_of_any_form_opens_nothing(tmp_path: Path) -> None:
    for name in (*_KEY, "unknown"):
        for value in EVERY_TYPE:
            listed = {"keys": [{**_KEY, name: value}]}
            check_keys(tmp_path, json.dumps(listed).encode())
    for value in EVERY_TYPE:
        for document in (value, {"keys": value}, {"keys": [value]}, {"keys": [], "version": value}):
            check_keys(tmp_path, json.dumps(document).encode())
    for broken in (b"\xff", b"[" * 100_000, b'{"keys":' * 50_000, b"{", b'{"keys":[]} x'):
        check_keys(tmp_path, broken)
