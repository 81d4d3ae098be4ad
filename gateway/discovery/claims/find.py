"""Look for a description of the API on the API's own host: GET only, a few calls, no other host.

Each call is first made without the token; the token is sent only where the host asks for it, and
only to the host of the base URL. Redirects to another host are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

from gateway.discovery.claims.claims import Claims, origin_of
from gateway.discovery.claims.document import MAX_DOCUMENT_BYTES, is_yaml_description, text_of
from gateway.discovery.claims.files import MAX_FILE_BYTES
from gateway.discovery.claims.openapi import claims_from_openapi
from gateway.discovery.claims.pages import embedded_description, linked_documents
from gateway.errors import ConfigurationProblem

MAX_CALLS = 20
MAX_SECONDS = 90.0
MAX_FAILURES = 3
"""Failures of the connection in a row, after which the search ends."""

USUAL_PLACES = (
    "/openapi.json", "/api-json", "/docs-json", "/swagger.json", "/openapi.yaml", "/v3/api-docs",
    "/api-docs", "/swagger/v1/swagger.json", "/docs", "/api", "/swagger", "/redoc",
)  # fmt: skip
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CLOSED = frozenset({401, 403})
_PLAIN = {"Accept-Encoding": "identity"}
"""Refuse compression: a small response must not become large before its size is known."""

Pause = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Search:
    """The result of a search.

    Attributes:
        claims: of the description that was found; None if there is none.
        url: the URL of that description, or of the page that holds it.
        calls: GET requests that were made.
        refused: True if the host answered 429, which ended the search.
    """

    claims: Claims | None = None
    url: str = ""
    calls: int = 0
    refused: bool = False


async def _no_pause() -> None:
    """Make the next call at once."""


@dataclass(slots=True)
class _Searcher:
    """One search: the remaining calls, and the visited URLs."""

    http: httpx.AsyncClient
    origin: str
    token: str = field(repr=False)
    pause: Pause
    calls: int = 0
    failures: int = 0
    refused: bool = False
    is_closed: bool = False
    """True if the host asked for the token before; from then on it is sent at once."""

    visited: set[str] = field(default_factory=set)
    best: tuple[Claims, str] | None = None

    @property
    def is_over(self) -> bool:
        return self.calls >= MAX_CALLS or self.failures >= MAX_FAILURES or self.refused

    async def search(self, first: list[str]) -> None:
        """Visit the URLs and what they link to, until a description has the results."""
        waiting = list(first)
        while waiting and not self.is_over:
            url = waiting.pop(0).partition("#")[0]
            if url in self.visited or origin_of(url) != self.origin:
                continue
            text = await self._get(url)
            if not text:
                continue
            if await self._describes(text, url):
                return
            waiting = [*linked_documents(text, url), *waiting]

    async def _describes(self, text: str, url: str) -> bool:
        """Return True if a text is, or holds, a description with the endpoint of the results."""
        document = text if _is_description(text) else embedded_description(text)
        if document is None:
            return False
        try:
            claims = await asyncio.to_thread(claims_from_openapi, document, url)
        except ConfigurationProblem:
            return False
        if self.best is None or (self.best[0].is_empty and not claims.is_empty):
            self.best = (claims, url)
        return claims.results is not None

    async def _get(self, url: str) -> str:
        """Return the text at a URL of the API's host; empty if there is none."""
        authorised = self.is_closed
        tried: set[tuple[str, bool]] = set()
        while (url, authorised) not in tried and not self.is_over:
            tried.add((url, authorised))
            self.visited.add(url)
            status, location, text = await self._call(url, authorised=authorised)
            if status in _CLOSED and self.token and not authorised:
                authorised = True
                self.is_closed = True
            elif status in _REDIRECTS and origin_of(location) == self.origin:
                url, authorised = location, self.is_closed
            else:
                return text if status == 200 else ""
        return ""

    async def _call(self, url: str, *, authorised: bool) -> tuple[int, str, str]:
        """Make one call; return status (0 for no response), target of a redirect, and text."""
        await self.pause()
        self.calls += 1
        headers = dict(_PLAIN)
        if authorised:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            async with self.http.stream(
                "GET", url, headers=headers, follow_redirects=False
            ) as response:
                self.failures = 0
                self.refused = response.status_code == 429
                target = response.headers.get("location", "")
                data = await _read(response, MAX_DOCUMENT_BYTES)
                return response.status_code, urljoin(url, target), text_of(data)
        except (httpx.HTTPError, httpx.InvalidURL):
            self.failures += 1
        except (ConfigurationProblem, ValueError):
            pass  # too large, not text, or a redirect without a valid URL: skipped
        return 0, "", ""


async def find_description(
    http: httpx.AsyncClient, base_url: str, token: str = "", pause: Pause = _no_pause
) -> Search:
    """Look for an OpenAPI description on the host of the base URL.

    Args:
        http: the client; its own headers must not hold the token.
        base_url: the API's URL; descriptions are looked for at its path and at the host's root.
        token: sent only where the host answers 401 or 403 without it.
        pause: awaited before each call, for the pace.
    """
    origin, base = origin_of(base_url), base_url.partition("?")[0].rstrip("/")
    searcher = _Searcher(http, origin, token, pause)
    roots = list(dict.fromkeys((origin, base) if origin else ()))
    first = [f"{root}/" for root in roots]
    first += [f"{root}{place}" for place in USUAL_PLACES for root in reversed(roots)]
    try:
        async with asyncio.timeout(MAX_SECONDS):
            await searcher.search(first)
    except TimeoutError:
        pass
    claims, url = searcher.best or (None, "")
    return Search(claims, url, searcher.calls, searcher.refused)


async def read_url(http: httpx.AsyncClient, url: str, base_url: str = "", token: str = "") -> bytes:
    """Return the bytes at a URL that the owner named, for `claims_from_file`.

    The token is sent only to the base URL's host, and only if the host asks for it.

    Raises:
        ConfigurationProblem: no response, no success, a redirect to another host, or too large.
    """
    origin, shown = origin_of(url), url.partition("?")[0]
    if not origin:
        raise ConfigurationProblem(f"{shown} is not a URL with https:// or http://")
    headers = dict(_PLAIN)
    for _ in range(MAX_FAILURES + 2):
        status, location, data = await _fetch(http, url, headers)
        if status in _REDIRECTS and origin_of(location) == origin:
            url = location
        elif status in _CLOSED and token and origin == origin_of(base_url) and headers == _PLAIN:
            headers["Authorization"] = f"Bearer {token}"
        elif status == 200:
            return data
        else:
            raise ConfigurationProblem(_no_file(shown, status, location))
    raise ConfigurationProblem(f"{shown} redirects too often")


def _no_file(url: str, status: int, location: str) -> str:
    if status in _REDIRECTS:
        return f"{url} redirects to another host ({origin_of(location)}); give that URL instead"
    if status in _CLOSED:
        return f"{url} answered {status}; download the file in a browser, and give the file"
    return f"{url} answered {status}; check the URL"


async def _fetch(
    http: httpx.AsyncClient, url: str, headers: dict[str, str]
) -> tuple[int, str, bytes]:
    try:
        async with (
            asyncio.timeout(MAX_SECONDS),
            http.stream("GET", url, headers=headers, follow_redirects=False) as response,
        ):
            target = urljoin(url, response.headers.get("location", ""))
            return response.status_code, target, await _read(response, MAX_FILE_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
        shown = url.partition("?")[0]
        raise ConfigurationProblem(
            f"{shown} cannot be read ({type(error).__name__}); check the URL and the network"
        ) from None


async def _read(response: httpx.Response, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            raise ConfigurationProblem(f"the response is larger than {limit // 1024 // 1024} MB")
        chunks.append(chunk)
    return b"".join(chunks)


def _is_description(text: str) -> bool:
    start = text[:20_000].lstrip("\ufeff \t\r\n")
    if start.startswith("{"):
        return '"paths"' in text and ('"openapi"' in text or '"swagger"' in text)
    return not start.startswith("<") and is_yaml_description(text)
