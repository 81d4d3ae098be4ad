"""The only module that speaks HTTP to the Analytics API.

Failures are told apart once, here: what may pass (429, 5xx, timeouts, broken bodies) is tried
again within a budget; what will not (token, access, contract) is raised at once. Calls go in the
order of one line (`gateway.analytics.pace`). A request that has just failed for good fails again
from memory: BI tools ask three times after an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass

import aiohttp
import httpx
import msgspec
from cachetools import TTLCache

from gateway.analytics.pace import Pace
from gateway.analytics.payload import PageRequest, to_payload
from gateway.analytics.plausible import check_length, check_rows
from gateway.analytics.refusals import Passing, answered_at, refusal
from gateway.analytics.rows import Page, PageReader
from gateway.contract.model import Contract
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamRejectedToken,
    UpstreamUnavailable,
)
from gateway.observe import Clock


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a failing request is tried again; all times in seconds.

    `budget` bounds the tries for one page and its waiting in line, to the last pause; Power Query
    itself waits 600. Waiting in line is no try. `remember_failure` is how long a failure is
    answered from memory.
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
        self._pace = Pace(contract.rate_limit, world.clock.monotonic, world.sleep)
        self._failures: TTLCache[bytes, GatewayError] = TTLCache(
            256, policy.remember_failure, timer=world.clock.monotonic
        )

    async def fetch(self, request: PageRequest) -> Page:
        """One page that answers the request, tried again while that makes sense.

        Raises:
            UpstreamUnavailable, UpstreamFault: see the catalogue; messages name the answer.
        """
        body = msgspec.json.encode(to_payload(request, self._contract))
        failed = self._failures.get(body)
        if failed is not None:
            raise copy(failed)
        try:
            return await self._fetch_with_retries(request, body)
        except GatewayError as error:
            self._failures[body] = copy(error)  # without traceback and causes
            raise

    async def _fetch_with_retries(self, request: PageRequest, body: bytes) -> Page:
        policy, now = self._policy, self._world.clock.monotonic
        pause, deadline = policy.first_pause, now() + policy.budget
        for attempt in range(1, policy.tries + 1):
            began = await self._pace.turn(deadline)
            try:
                page = await self._fetch_once(request, body, deadline)
            except Passing as failure:
                wait = pause if failure.wait is None else failure.wait
                if failure.throttles:
                    self._pace.throttle(began, wait)
                if attempt == policy.tries or now() + wait > deadline:
                    raise failure.error from failure.__cause__
                if not failure.throttles:  # else it waits in line, with everybody
                    await self._world.sleep(wait)
                pause = min(pause * 2, policy.longest_pause)
            else:
                self._pace.recover()
                return page
        raise AssertionError("unreachable")

    async def _fetch_once(self, request: PageRequest, body: bytes, deadline: float) -> Page:
        response = await self._post_with_token(body, deadline)
        if response.status_code != 200:
            raise refusal(response, self._contract, self._world.clock.now())
        page = self._read(response)
        check_rows(request, page, self._contract)
        try:
            check_length(request, page)
        except UpstreamBrokeContract as error:
            raise Passing(error) from None
        return page

    def _read(self, response: httpx.Response) -> Page:
        """The page; a body that breaks off may be whole the next time."""
        try:
            return self._reader.read(response.content, answered_at(response))
        except UpstreamBrokeContract as error:
            broken = _broken_body(response)
            if broken is None:
                raise
            raise Passing(broken) from error

    async def _post_with_token(self, body: bytes, deadline: float) -> httpx.Response:
        """One call; after 401 one more, if the token has been renewed meanwhile."""
        token = self._token()
        response = await self._post(body, token)
        if response.status_code == 401:
            fresh = self._token()
            if fresh != token:
                await self._pace.turn(deadline)
                return await self._post(body, fresh)
        return response

    def _token(self) -> str:
        """The token; one that no header can carry would be quoted in the failure it causes."""
        token = self._world.token()
        if token.isascii() and token.isprintable() and token.strip():
            return token.strip()
        raise UpstreamRejectedToken(
            "the gateway's token for the Analytics API is empty or has characters that no token"
            " has; its owner renews it in the token file"
        )

    async def _post(self, body: bytes, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return await self._http.post(self._contract.results_path, content=body, headers=headers)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            failure = _unanswered(error)
        raise failure  # outside of the handler: aiohttp's errors show the request and its token


def _unanswered(error: Exception) -> Passing:
    """A call without an answer.

    What aiohttp said counts: httpx-aiohttp lets some of it through as it is, and calls a refused
    or reset connection a timeout.
    """
    said = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    if isinstance(said, httpx.TimeoutException | TimeoutError):
        return Passing(
            UpstreamUnavailable("the Analytics API did not answer in time; try again later")
        )
    kind = type(said).__name__
    message = f"the connection to the Analytics API failed ({kind}); try again later"
    return Passing(UpstreamUnavailable(message))


def _broken_body(response: httpx.Response) -> GatewayError | None:
    """The failure behind a 200 that is no whole JSON; None when it is."""
    try:
        msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if response.content.lstrip()[:1] in (b"{", b"["):
            return UpstreamUnavailable(
                "the Analytics API sent a body that ends too early or is damaged; try again later"
            )
        kind = response.headers.get("Content-Type", "no type")[:80]
        return UpstreamBrokeContract(
            f"the Analytics API answered 200 with something that is not JSON ({kind}); check that"
            " the upstream's URL leads to the API and not to a login or proxy page"
        )
    return None
