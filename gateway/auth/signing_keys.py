"""The public keys of a token's issuer, found by its OpenID configuration and kept for a while.

An unknown key makes them be fetched again, but seldom, so that strangers' tokens cause no storm.
While the issuer cannot be reached, keys that were good yesterday still are.
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

from gateway.errors import SignInUnavailable
from gateway.observe import Observer

_FRESH_SECONDS = 3_600.0
_USABLE_SECONDS = 86_400.0
_BETWEEN_SECONDS = 30.0
_BETWEEN_WITHOUT_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0
DOCUMENT_SECONDS = 10.0
MAX_DOCUMENT_BYTES = 1_048_576
_LEAST_BITS = 2_048

_NO_ANSWER = (
    *(httpx.HTTPError, httpx.InvalidURL, TimeoutError),
    *(ValueError, msgspec.MsgspecError, RecursionError),  # no such document
)

_UNCODED = {"Accept-Encoding": "identity"}
"""A few compressed bytes would unpack to any size before they could be counted."""

Fetch = Callable[[str], Awaitable[Any]]


async def fetch_json(url: str) -> Any:
    """Fetch a document of at most 1 MiB within 10 seconds; no connection is kept.

    Raises:
        httpx.HTTPError: the server cannot be reached, or refuses.
        TimeoutError: the document takes too long.
        ValueError: it is too large.
        msgspec.DecodeError, RecursionError: it is no JSON, or too deep.
    """
    body = bytearray()
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as http:
        with anyio.fail_after(DOCUMENT_SECONDS):
            async with http.stream("GET", url, headers=_UNCODED) as answer:
                answer.raise_for_status()
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MAX_DOCUMENT_BYTES:
                        raise ValueError("the document is too large")
    return msgspec.json.decode(bytes(body))


class _Configuration(msgspec.Struct, frozen=True):
    """The members of an OpenID configuration that are read (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct, frozen=True):
    """A set of JSON Web Keys (RFC 7517 5); each is converted by itself."""

    keys: list[Any]


class _RsaKey(msgspec.Struct, frozen=True):
    """The members of an RSA key that are read (RFC 7517 4, RFC 7518 6.3.1)."""

    kty: str
    kid: str
    n: str
    e: str
    use: str | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """What an issuer has told of itself: its name in tokens, and its keys by their id."""

    name: str
    keys: dict[str, jwt.PyJWK]
    fetched: float


class SigningKeys:
    """Knows the issuer whose OpenID configuration is at `url`; `monotonic` counts seconds."""

    def __init__(
        self, url: str, fetch: Fetch, monotonic: Callable[[], float], observer: Observer
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._now = monotonic
        self._observer = observer
        self._known: Issuer | None = None
        self._tried: float | None = None
        self._failed = False
        self._turn = asyncio.Lock()

    async def find(self, key_id: str) -> tuple[str, jwt.PyJWK] | None:
        """The issuer's name and the key; None when the issuer has no such key.

        Raises:
            SignInUnavailable: the issuer cannot be asked, and what it told before does not do.
        """
        known = self._usable()
        has_it = known is not None and key_id in known.keys
        if not has_it or (self._is_old(known) and not self._turn.locked()):
            async with self._turn:
                await self._renew(key_id)
        known = self._usable()
        if known is None or (key_id not in known.keys and self._failed):
            raise SignInUnavailable(
                "your sign-in cannot be checked now, because the gateway cannot reach who issued"
                " it; try again in a moment"
            )
        return (known.name, known.keys[key_id]) if key_id in known.keys else None

    def _usable(self) -> Issuer | None:
        known = self._known
        return known if known and self._now() - known.fetched < _USABLE_SECONDS else None

    def _is_old(self, known: Issuer | None) -> bool:
        return known is None or self._now() - known.fetched >= _FRESH_SECONDS

    async def _renew(self, key_id: str) -> None:
        """Fetch, unless somebody has just done so."""
        known = self._usable()
        if known and key_id in known.keys and not self._is_old(known):
            return
        between = _BETWEEN_WITHOUT_SECONDS if known is None else _BETWEEN_SECONDS
        if self._tried is not None and self._now() - self._tried < between:
            return
        try:
            self._known, self._failed = await self._asked(), False
        except _NO_ANSWER as error:
            self._failed = True
            self._observer.warn(f"{self._url}: keys cannot be fetched ({type(error).__name__})")
        finally:
            self._tried = self._now()  # at its end: who has waited for it does not try again

    async def _asked(self) -> Issuer:
        told = msgspec.convert(await self._fetch(self._url), _Configuration)
        if self._url.startswith("https:") and not told.jwks_uri.startswith("https:"):
            raise ValueError("keys over an open line")
        listed = msgspec.convert(await self._fetch(told.jwks_uri), _KeySet).keys
        keys = dict(named for found in listed if (named := _usable_key(found)))
        if not keys:
            raise ValueError("no keys that sign")
        return Issuer(told.issuer, keys, self._now())


def _usable_key(found: object) -> tuple[str, jwt.PyJWK] | None:
    """Return an RSA key for signatures with its name; None for a key of any other kind.

    An issuer may list keys for other purposes, and one of them that is damaged must not take the
    others away.
    """
    try:
        told = msgspec.convert(found, _RsaKey)
        if told.kty != "RSA" or told.use not in ("sig", None) or not told.kid:
            return None
        key = jwt.PyJWK({"kty": "RSA", "n": told.n, "e": told.e}, algorithm="RS256")
    except (msgspec.ValidationError, jwt.PyJWTError, ValueError):
        return None
    return (told.kid, key) if key.key.key_size >= _LEAST_BITS else None
