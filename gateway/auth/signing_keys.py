"""The public keys of a token's issuer, found by its OpenID configuration and kept for a while.

An unknown key makes them be fetched again, but seldom, so that strangers' tokens cause no storm.
While the issuer cannot be reached, keys that were good yesterday still are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from gateway.errors import SignInUnavailable
from gateway.observe import Observer

_FRESH_SECONDS = 3_600.0
_USABLE_SECONDS = 86_400.0
_BETWEEN_SECONDS = 30.0
_BETWEEN_WITHOUT_SECONDS = 5.0
_TIMEOUT_SECONDS = 5.0
_LEAST_BITS = 2_048

_NO_ANSWER = (
    *(httpx.HTTPError, httpx.InvalidURL),
    *(ValueError, LookupError, TypeError, AttributeError),  # no such document
)

Fetch = Callable[[str], Awaitable[Any]]


async def fetch_json(url: str) -> Any:
    """A document; fetched so seldom that no connection is kept.

    Raises:
        httpx.HTTPError: the server cannot be reached, or refuses.
        ValueError: it is no JSON.
    """
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as http:
        answer = await http.get(url)
        answer.raise_for_status()
        return answer.json()


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
        configuration = await self._fetch(self._url)
        name, place = str(configuration["issuer"]), str(configuration["jwks_uri"])
        if self._url.startswith("https:") and not place.startswith("https:"):
            raise ValueError("keys over an open line")
        listed = (await self._fetch(place))["keys"]
        keys = {found["kid"]: key for found in listed if (key := _usable_key(found))}
        if not keys:
            raise ValueError("no keys that sign")
        return Issuer(name, keys, self._now())


def _usable_key(found: dict[str, Any]) -> jwt.PyJWK | None:
    """An RSA key for signatures with a name; an issuer may have others for other purposes."""
    if found.get("kty") != "RSA" or found.get("use", "sig") != "sig" or not found.get("kid"):
        return None
    try:
        key = jwt.PyJWK(found, algorithm="RS256")
    except jwt.PyJWTError:
        return None
    return key if key.key.key_size >= _LEAST_BITS else None
