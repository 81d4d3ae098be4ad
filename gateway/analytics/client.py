"""The only module that speaks HTTP to the Analytics API.

Failures are told apart once, here: what may pass (429, 5xx, timeouts, broken bodies) is tried
again within a budget; what will not (token, access, contract) is raised at once. A request that has
just failed for good fails again from memory: BI tools ask three times after an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec
from cachetools import TTLCache

from gateway.analytics.payload import PageRequest, to_payload
from gateway.analytics.rows import Page, PageReader
from gateway.contract.model import Contract, MemberPath
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamDeniedAccess,
    UpstreamRejectedRequest,
    UpstreamRejectedToken,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from gateway.observe import Clock


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a failing request is tried again; all times in seconds.

    `budget` bounds the waiting for one page over all its tries; Power Query itself waits 600.
    `remember_failure` is how long a failure is answered from memory.
    """

    budget: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 10.0
    tries: int = 5
    remember_failure: float = 5.0


@dataclass(frozen=True, slots=True)
class World:
    """What the client needs of the outside, injected so that tests do not wait.

    `token` returns the current JWT and may re-read a file.
    """

    token: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]]
    clock: Clock


class _Passing(Exception):
    """A failure that may pass; `wait` is what the upstream asked for, in seconds, or None."""

    def __init__(self, error: UpstreamUnavailable, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


class AnalyticsClient:
    """Fetches pages; safe for concurrent use. The token never leaves the request's header."""

    def __init__(
        self, http: httpx.AsyncClient, contract: Contract, world: World, policy: RetryPolicy
    ) -> None:
        self._http = http
        self._contract = contract
        self._world = world
        self._policy = policy
        self._reader = PageReader(contract)
        self._failures: TTLCache[bytes, GatewayError] = TTLCache(
            256, policy.remember_failure, timer=world.clock.monotonic
        )

    async def fetch(self, request: PageRequest) -> Page:
        """One page, tried again while that makes sense.

        Raises:
            UpstreamUnavailable, UpstreamFault: see the catalogue; messages name the answer.
        """
        body = msgspec.json.encode(to_payload(request, self._contract))
        failed = self._failures.get(body)
        if failed is not None:
            raise failed.with_traceback(None)
        try:
            return await self._fetch_with_retries(body)
        except GatewayError as error:
            self._failures[body] = error
            raise

    async def _fetch_with_retries(self, body: bytes) -> Page:
        policy = self._policy
        pause, waited = policy.first_pause, 0.0
        for attempt in range(1, policy.tries + 1):
            try:
                return await self._fetch_once(body)
            except _Passing as failure:
                wait = pause if failure.wait is None else failure.wait
                if attempt == policy.tries or waited + wait > policy.budget:
                    raise failure.error from failure
                await self._world.sleep(wait)
                waited += wait
                pause = min(pause * 2, policy.longest_pause)
        raise AssertionError("unreachable")

    async def _fetch_once(self, body: bytes) -> Page:
        token = self._world.token()
        response = await self._post(body, token)
        if response.status_code == 401:
            fresh = self._world.token()
            if fresh != token:
                response = await self._post(body, fresh)
        if response.status_code != 200:
            raise self._failure(response)
        try:
            return self._reader.read(response.content, _date(response))
        except UpstreamBrokeContract as error:
            if _is_whole_json(response.content):
                raise
            raise _Passing(
                UpstreamUnavailable("the Analytics API sent a body that ends too early; try later")
            ) from error

    async def _post(self, body: bytes, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return await self._http.post(self._contract.results_path, content=body, headers=headers)
        except httpx.TimeoutException as error:
            message = "the Analytics API did not answer in time; try again later"
            raise _Passing(UpstreamUnavailable(message)) from error
        except httpx.HTTPError as error:
            message = f"the Analytics API cannot be reached ({type(error).__name__}); try later"
            raise _Passing(UpstreamUnavailable(message)) from error

    def _failure(self, response: httpx.Response) -> Exception:
        """The failure that an answer other than 200 means."""
        status = response.status_code
        said = f"the Analytics API answered {status}{_said(response, self._contract)}"
        match status:
            case 401:
                return UpstreamRejectedToken(
                    f"{said}. The gateway's own token is missing, expired or not valid there; its"
                    " owner renews it in the token file"
                )
            case 403:
                return UpstreamDeniedAccess(
                    f"{said}. API access must be enabled for the workspace by its administrator"
                )
            case 429 | 503:
                wait = _retry_after(response)
                family = UpstreamThrottled if status == 429 else UpstreamUnavailable
                later = 10 if wait is None else int(wait) + 1
                return _Passing(family(said, retry_after_seconds=later), wait)
            case 408 | 500 | 502 | 504:
                return _Passing(UpstreamUnavailable(said))
            case _:
                return UpstreamRejectedRequest(
                    f"{said}. The contract file does not fit this upstream; `skillhabit-odata"
                    " check` shows where"
                )


def _said(response: httpx.Response, contract: Contract) -> str:
    """The upstream's own words, shortened; empty when it gave none."""
    text = _text_at(response.content, contract.response.error)
    return f" ({text[:200]})" if text else ""


def _text_at(body: bytes, path: MemberPath) -> str:
    try:
        node = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def _retry_after(response: httpx.Response) -> float | None:
    """Whole seconds only; an HTTP date is treated as absent."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None


def _is_whole_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    return True
