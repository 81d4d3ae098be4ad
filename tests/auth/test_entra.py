"""Microsoft Entra ID's access tokens, against a real issuer on a socket with keys of its own."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.signing_keys import SigningKeys, fetch_json
from gateway.errors import SignInUnavailable
from gateway.observe import Observer
from gateway.sandbox import generate
from gateway.sandbox.issuer import AUDIENCE, GROUP, TENANT, Issuer
from gateway.sandbox.serving import SandboxServer, serve_config
from tests.support.access import bearer, from_now
from tests.support.live import bridge
from tests.support.wire import WireAnswer, send

OTHER = "00000000-0000-4000-8000-0000000000aa"
OBSERVER = Observer(logging.getLogger("sign-in"))


@dataclass(frozen=True)
class SignIn:
    """An issuer, and a gateway that believes it."""

    issuer: Issuer
    root: str

    def ask(self, token: str) -> WireAnswer:
        return send(self.root, "/odata/v4/Results?$top=1", [bearer(token)])

    def message(self, token: str, status: int) -> str:
        answer = self.ask(token)
        assert answer.status == status, answer.text
        assert token not in answer.text
        return str(answer.json()["error"]["message"])


def serve(issuer: Issuer, port: int = 0) -> SandboxServer:
    server = SandboxServer(serve_config(issuer, port=port))
    issuer.base_url = server.base_url
    server.start()
    return server


def trusting(issuer: Issuer, *grants: str, **settings: object) -> dict[str, object]:
    return {
        "entra_authority": issuer.base_url,
        "entra_tenant": TENANT,
        "entra_audience": AUDIENCE,
        "entra_group": grants or (f"{GROUP}=default",),
        **settings,
    }


@pytest.fixture(scope="module")
def sign_in() -> Iterator[SignIn]:
    issuer = Issuer()
    with serve(issuer), bridge([], settings=trusting(issuer)) as gateway:
        yield SignIn(issuer, gateway.root)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"version": 1},
        {"aud": f"{AUDIENCE}/"},  # as some clients ask
        {"aud": [AUDIENCE]},
        {"exp": -20},  # clocks differ
        {"nbf": 30},
        {"groups": [OTHER, GROUP]},
        {"oid": None, "sub": "x"},
        {"scp": None, "roles": ["Reader"], "azp": OTHER},
    ],
)
def test_a_token_of_somebody_in_the_group_is_admitted(
    sign_in: SignIn, claims: dict[str, Any]
) -> None:
    answer = sign_in.ask(sign_in.issuer.token(**from_now(claims)))
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    ("claims", "status", "said"),
    [
        ({"aud": OTHER}, 401, "entra_audience"),
        ({"aud": None}, 401, "damaged or forged"),
        ({"iss": f"https://sts.windows.net/{OTHER}/"}, 401, "another tenant's"),
        ({"iss": None}, 401, "damaged or forged"),
        ({"tid": OTHER}, 401, "another tenant's"),
        ({"tid": None}, 401, "damaged or forged"),
        ({"exp": -300}, 401, "has expired"),
        ({"exp": None}, 401, "damaged or forged"),
        ({"nbf": 300}, 401, "clocks"),
        ({"scp": None}, 401, "access token"),
        ({"scp": None, "roles": ["Reader"]}, 401, "access token"),
        ({"groups": [OTHER]}, 403, "entra_group"),
        ({"groups": None}, 403, "the claim groups or roles"),
        ({"groups": None, "_claim_names": {"groups": "src1"}}, 403, "Groups assigned"),
        ({"groups": None, "hasgroups": True}, 403, "Groups assigned"),
    ],
)
def test_other_tokens_are_refused_with_the_way_out(
    sign_in: SignIn, claims: dict[str, Any], status: int, said: str
) -> None:
    assert said in sign_in.message(sign_in.issuer.token(**from_now(claims)), status)


def _unsigned(token: str, _: Issuer) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": kid_of(token)})


def _with_the_public_key_as_secret(token: str, issuer: Issuer) -> str:
    """The classic: HS256, with what everybody knows."""
    key = jwt.PyJWK(issuer.public_keys()[0], algorithm="RS256").key
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body = encoded({"alg": "HS256", "kid": kid_of(token)}), token.split(".")[1]
    algorithm = jwt.get_algorithm_by_name("HS256")
    signature = algorithm.sign(f"{head}.{body}".encode(), secret)
    return f"{head}.{body}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def _of_somebody_elses_key(token: str, _: Issuer) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return jwt.encode(claims, other, algorithm="RS256", headers={"kid": kid_of(token)})


def _by_another_algorithm(token: str, issuer: Issuer) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    (signing,) = issuer._keys.values()
    return jwt.encode(claims, signing, algorithm="PS256", headers={"kid": kid_of(token)})


def _tampered(token: str, _: Issuer) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(urlsafe_b64decode(body + "=="))
    return f"{head}.{encoded({**claims, 'oid': OTHER})}.{signature}"


def _without_a_name(token: str, _: Issuer) -> str:
    body, signature = token.split(".")[1:]
    return f"{encoded({'alg': 'RS256'})}.{body}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _with_the_public_key_as_secret,
        _of_somebody_elses_key,
        _by_another_algorithm,
        _tampered,
        _without_a_name,
        lambda token, _: f"{token[:-8]}AAAAAAAA",
        lambda token, _: f"{token.rpartition('.')[0]}.",
        lambda token, _: "a.b.c",
    ],
)
def test_no_forged_token_is_believed(sign_in: SignIn, forge: Callable[[str, Issuer], str]) -> None:
    token = sign_in.issuer.token()
    forged = bearer(forge(token, sign_in.issuer))
    elsewhere = ("X-Forwarded-For", f"192.0.2.{hash(forge.__name__) % 250}")
    answer = send(sign_in.root, "/odata/v4/Results", [forged, elsewhere])
    assert answer.status == 401, answer.text
    assert sign_in.ask(token).status == 200


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"groups": [GROUP]}, 3),
        ({"groups": None, "roles": ["Analytics.All"]}, 3),
        ({"groups": [OTHER, GROUP]}, 0),  # the first in the owner's order, which is narrower
        ({"groups": None, "_claim_names": {"groups": "src1"}, "roles": ["First"]}, 3),
        ({"groups": None, "_claim_names": {"groups": "src1"}, "roles": ["Analytics.All"]}, 403),
        ({"groups": "not a list"}, 401),
    ],
)
def test_the_first_grant_that_fits_counts(claims: dict[str, Any], seen: int) -> None:
    """`seen` is how many rows; 403 without a grant, 401 for a claim of the wrong type."""
    grants = ("First=default", f"{OTHER}=default/hr", f"{GROUP}=default", "Analytics.All=default")
    issuer = Issuer()
    with serve(issuer):
        told = {
            **trusting(issuer, *grants),
            "early_pages": False,
            "toml": '[roles.hr]\nrows = "false"',
        }
        with bridge(generate(3), settings=told) as gateway:
            answer = send(gateway.root, "/odata/v4/Results", [bearer(issuer.token(**claims))])
    found = len(answer.json()["value"]) if answer.status == 200 else answer.status
    assert found == seen, answer.text


def test_tokens_of_entra_are_never_taken_for_the_analytics_apis() -> None:
    issuer = Issuer()
    with (
        serve(issuer),
        bridge([], settings=trusting(issuer, pass_through=True)) as gateway,
    ):
        ours = issuer.token(groups=[OTHER])
        strangers = issuer.token(iss=f"https://sts.windows.net/{OTHER}/")
        theirs = jwt.encode({"sub": "anna"}, "k" * 32, algorithm="HS256")
        found = [
            send(gateway.root, "/odata/v4/Results", [bearer(token)])
            for token in (ours, strangers, theirs)
        ]
        texts = [answer.json()["error"]["message"] for answer in found]
    assert [answer.status for answer in found] == [403, 401, 401]
    assert "entra_group" in texts[0]
    assert "Analytics API refuses your" in texts[2]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": f"https://sts.chinacloudapi.cn/{OTHER}/"},
        {"iss": f"https://login.partner.microsoftonline.cn/{OTHER}/v2.0"},
        {"iss": f"https://login.microsoftonline.us/{OTHER}/v2.0"},
        {"iss": f"https://STS.windows.net./{OTHER}/"},
        {"tid": OTHER},
        {"ver": "1.0"},
    ],
    ids=str,
)
def test_no_clouds_token_is_passed_on(claims: dict[str, object]) -> None:
    token = jwt.encode({"sub": "anna", **claims}, "k" * 32, algorithm="HS256")
    issuer = Issuer()
    with serve(issuer), bridge([], settings=trusting(issuer, pass_through=True)) as gateway:
        answer = send(gateway.root, "/odata/v4/Results", [bearer(token)])
        assert (answer.status, len(gateway.sandbox.received)) == (401, 0)
        assert "not signed by this gateway's tenant" in answer.json()["error"]["message"]


def test_keys_are_fetched_once_and_again_when_they_have_changed(sign_in: SignIn) -> None:
    issuer = Issuer()
    with serve(issuer), bridge([], settings=trusting(issuer)) as gateway:
        for _ in range(3):
            assert send(gateway.root, "/odata/v4/", [bearer(issuer.token())]).status == 200
        assert len(issuer.requested_paths) == 2
        stranger = jwt.encode({}, "k" * 32, algorithm="HS256", headers={"kid": "unknown"})
        for _ in range(5):
            assert send(gateway.root, "/odata/v4/", [bearer(stranger)]).status == 401
        assert len(issuer.requested_paths) <= 6


def test_without_its_issuer_a_first_sign_in_is_503() -> None:
    issuer = Issuer()
    with serve(issuer):
        token = issuer.token()
    with bridge([], settings=trusting(issuer)) as gateway:
        answer = send(gateway.root, "/odata/v4/", [bearer(token)])
        assert answer.status == 503
        assert answer.json()["error"]["code"] == "SignInUnavailable"
        assert 1 <= int(answer.header("Retry-After") or 0) <= 120
        assert send(gateway.root, "/odata/v4/").status == 401


class Source:
    """Documents of an issuer, fetched over a socket, as long as the line holds."""

    def __init__(self) -> None:
        self.seconds = 5_000.0
        self.cut = False
        self.fetched = 0

    async def fetch(self, url: str) -> Any:
        self.fetched += 1
        if self.cut:
            raise httpx.ConnectError("cut")
        return await fetch_json(url)


@pytest.mark.anyio
async def test_old_keys_serve_for_a_day_and_new_ones_are_asked_for_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuer, source = Issuer(), Source()
    with serve(issuer):
        url = f"{issuer.base_url}/{TENANT}/v2.0/.well-known/openid-configuration"
        keys = SigningKeys(url, source.fetch, lambda: source.seconds, OBSERVER)
        first = kid_of(issuer.token())
        found = await keys.find(first)
        assert found is not None
        assert found[0] == f"{issuer.base_url}/{TENANT}/v2.0"
        assert source.fetched == 2
        issuer.rotate()
        second = kid_of(issuer.token())
        assert await keys.find(second) is None  # asked for too soon after the last
        source.seconds += 31
        assert await keys.find(second) is not None
        assert source.fetched == 4
        assert await keys.find(first) is None
        source.cut = True
        source.seconds += 3_700
        assert await keys.find(second) is not None
        assert [record.name for record in caplog.records].count(OBSERVER.logger.name) == 1
        for _ in range(5):
            assert await keys.find(second) is not None
        assert source.fetched == 5
        with pytest.raises(SignInUnavailable):
            await keys.find("unknown")
        source.seconds += 86_400
        with pytest.raises(SignInUnavailable):
            await keys.find(second)
        source.cut = False
        source.seconds += 6
        assert await keys.find(second) is not None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"issuer": "x"},
        {"issuer": "x", "jwks_uri": "nowhere"},
        {"issuer": "x", "jwks_uri": "http://127.0.0.1:9/keys"},
        {"issuer": "x", "jwks_uri": None},
        {"issuer": "x", "jwks_uri": "https://x", "keys": []},
        {"issuer": "x", "jwks_uri": "https://x", "keys": {"kid": "any"}},
        {"issuer": "x", "jwks_uri": "https://x", "keys": [None]},
    ],
)
async def test_an_issuer_that_talks_nonsense_is_as_good_as_none(document: object) -> None:
    async def fetch(url: str) -> Any:
        return document if url.startswith("https") else await fetch_json(url)

    keys = SigningKeys("https://login.example.com/x", fetch, lambda: 1.0, OBSERVER)
    with pytest.raises(SignInUnavailable):
        await keys.find("any")


@pytest.mark.anyio
async def test_only_keys_that_sign_and_are_long_enough_count() -> None:
    issuer = Issuer()
    (good,) = issuer.public_keys()
    short = jwt.algorithms.RSAAlgorithm.to_jwk(
        rsa.generate_private_key(public_exponent=65_537, key_size=1_024).public_key(), as_dict=True
    )
    listed = [
        {**good, "kid": "good"},
        {**good, "kid": "for encryption", "use": "enc"},
        {**short, "kid": "short"},
        {**good, "kid": ""},
        {**good, "kid": "damaged", "n": "!"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "EC", "kid": "curve"},
    ]

    async def fetch(url: str) -> Any:
        return {"issuer": "x", "jwks_uri": "https://x/keys"} if "conf" in url else {"keys": listed}

    keys = SigningKeys("https://x/conf", fetch, lambda: 1.0, OBSERVER)
    assert await keys.find("good") is not None
    for name in ("for encryption", "short", "", "damaged", "shared", "curve"):
        assert await keys.find(name) is None
