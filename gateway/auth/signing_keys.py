"""The public keys of a token's issuer, found through its OpenID configuration and cached.

A token with an unknown key id refreshes the cache, but rarely, so that forged tokens cannot cause a
flood of requests. While the issuer is unreachable, keys stay valid for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import jwt
import msgspec

from gateway.errors import ConfigurationProblem, SignInUnavailable
from gateway.observe import Observer
from gateway.outgoing.obstacles import obstacle
from gateway.outgoing.options import client_options

_FRESH_SECONDS = 3_600.0
_USABLE_SECONDS = 86_400.0
_REFRESH_PAUSE_SECONDS = 30.0
_FIRST_FETCH_PAUSE_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0
DOCUMENT_SECONDS = 10.0
MAX_DOCUMENT_BYTES = 1_048_576
_MIN_KEY_BITS = 2_048

_FETCH_ERRORS = (
    *(httpx.HTTPError, httpx.InvalidURL, TimeoutError, ConfigurationProblem),
    *(ValueError, msgspec.MsgspecError, RecursionError),  # not the expected document
)

_UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""A few compressed bytes could unpack to any size before they are counted."""

Fetch = Callable[[str], Awaitable[Any]]


async def fetch_json(url: str) -> Any:
    """Fetch a JSON document of at most 1 MiB within 10 seconds; keep no connection.

    Raises:
        httpx.HTTPError: the server is unreachable, or refuses.
        TimeoutError: the document takes too long.
        ValueError: the document is too large.
        msgspec.DecodeError, RecursionError: the document is not JSON, or nested too deeply.
    """
    body = bytearray()
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, **client_options()) as http:
        with anyio.fail_after(DOCUMENT_SECONDS):
            async with http.stream("GET", url, headers=_UNCOMPRESSED) as response:
                response.raise_for_status()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_DOCUMENT_BYTES:
                        raise ValueError("the document is too large")
    return msgspec.json.decode(bytes(body))


class _Configuration(msgspec.Struct, frozen=True):
    """The members of an OpenID configuration in use (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct, frozen=True):
    """A set of JSON Web Keys (RFC 7517 5); each key is converted separately."""

    keys: list[Any]


class _RsaKey(msgspec.Struct, frozen=True):
    """The members of an RSA key in use (RFC 7517 4, RFC 7518 6.3.1)."""

    kty: str
    kid: str
    n: str
    e: str
    use: str | None = None


@dataclass(frozen=True, slots=True)
class KeyIssuer:
    """An issuer: its name in tokens, and its keys by id."""

    name: str
    keys: dict[str, jwt.PyJWK]
    fetched: float


class SigningKeys:
    """The cached keys of the issuer whose OpenID configuration is at `url`."""

    def __init__(
        self, url: str, fetch: Fetch, monotonic: Callable[[], float], observer: Observer
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._now = monotonic
        self._observer = observer
        self._known: KeyIssuer | None = None
        self._tried: float | None = None
        self._failed = False
        self._turn = asyncio.Lock()

    async def find(self, key_id: str) -> tuple[str, jwt.PyJWK] | None:
        """Return the issuer's name and the key; None if the issuer has no such key.

        Raises:
            SignInUnavailable: the issuer is unreachable, and the cache does not have the key.
        """
        known = self._usable()
        has_it = known is not None and key_id in known.keys
        if not has_it or (self._is_old(known) and not self._turn.locked()):
            async with self._turn:
                await self._renew(key_id)
        known = self._usable()
        if known is None or (key_id not in known.keys and self._failed):
            raise SignInUnavailable(
                "your sign-in cannot be checked now, because the gateway cannot reach its issuer;"
                " try again in a moment"
            )
        return (known.name, known.keys[key_id]) if key_id in known.keys else None

    def _usable(self) -> KeyIssuer | None:
        known = self._known
        return known if known and self._now() - known.fetched < _USABLE_SECONDS else None

    def _is_old(self, known: KeyIssuer | None) -> bool:
        return known is None or self._now() - known.fetched >= _FRESH_SECONDS

    async def _renew(self, key_id: str) -> None:
        """Fetch the keys, unless another request has just done so."""
        known = self._usable()
        if known and key_id in known.keys and not self._is_old(known):
            return
        pause = _FIRST_FETCH_PAUSE_SECONDS if known is None else _REFRESH_PAUSE_SECONDS
        if self._tried is not None and self._now() - self._tried < pause:
            return
        try:
            self._known, self._failed = await self._fetch_issuer(), False
        except _FETCH_ERRORS as error:
            self._failed = True
            found = obstacle(error)
            why = type(error).__name__ if found is None else f"{found.words}: {found.remedy}"
            self._observer.warn(f"{self._url}: the signing keys cannot be fetched ({why})")
        finally:
            self._tried = self._now()  # at the end, so that requests that waited do not try again

    async def _fetch_issuer(self) -> KeyIssuer:
        configuration = msgspec.convert(await self._fetch(self._url), _Configuration)
        jwks_uri = configuration.jwks_uri
        if self._url.startswith("https:") and not jwks_uri.startswith("https:"):
            raise ValueError("keys over plain HTTP")
        documents = msgspec.convert(await self._fetch(jwks_uri), _KeySet).keys
        keys = dict(named for each in documents if (named := _usable_key(each)))
        if not keys:
            raise ValueError("no signing keys")
        return KeyIssuer(configuration.issuer, keys, self._now())


def _usable_key(document: object) -> tuple[str, jwt.PyJWK] | None:
    """Return the id and the key of an RSA signing key; None for any other key.

    An issuer may list keys for other purposes, and a damaged one must not disable the others.
    """
    try:
        members = msgspec.convert(document, _RsaKey)
        if members.kty != "RSA" or members.use not in ("sig", None) or not members.kid:
            return None
        key = jwt.PyJWK({"kty": "RSA", "n": members.n, "e": members.e}, algorithm="RS256")
    except (msgspec.ValidationError, jwt.PyJWTError, ValueError):
        return None
    return (members.kid, key) if key.key.key_size >= _MIN_KEY_BITS else None
