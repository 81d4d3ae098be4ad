"""The only module that speaks HTTP to the Analytics API.

It classifies failures: temporary ones (429, 5xx, timeouts, broken bodies) are retried within a
budget; permanent ones (token, access, contract) are raised at once. All calls wait in one queue
(`gateway.analytics.read.rate_limit`), and fail at once while the upstream is known to be down
(`gateway.analytics.read.circuit_breaker`). A request that has just failed permanently fails again
from a cache: BI tools send three requests after an error. A failure of a refused token does not
count for the next token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import aiohttp
import httpx
import msgspec
from cachetools import TTLCache

from gateway.analytics.read.allowance import is_used_up, seconds_until_reset
from gateway.analytics.read.bodies import Flaw, flaw_of, repaired
from gateway.analytics.read.circuit_breaker import BreakerPolicy, CircuitBreaker
from gateway.analytics.read.connection_errors import connection_failure
from gateway.analytics.read.http_errors import (
    TemporaryFailure,
    answered_at,
    is_success,
    refusal,
)
from gateway.analytics.read.locate import Spot, find_spot, in_row
from gateway.analytics.read.page import Page, page_reader
from gateway.analytics.read.rate_limit import RateLimiter
from gateway.analytics.read.request import PageRequest, filters_payload, to_payload
from gateway.analytics.read.statistics import Figures, read_figures
from gateway.analytics.read.validate import check_length, check_rows
from gateway.analytics.read.validate_statistics import check_sums, check_values
from gateway.contract.model import Contract
from gateway.errors import (
    GatewayError,
    UpstreamBrokeContract,
    UpstreamDeniedAccess,
    UpstreamRejectedToken,
    UpstreamUnavailable,
)
from gateway.observe import Clock
from gateway.outgoing.obstacles import obstacle
from gateway.planner.pushdown import Pushdown

T = TypeVar("T")
_WITHOUT_BODY = (204, 205)
_LONGEST_HOLD_SECONDS = 50.0
"""Shorter than the usual retry budget: a header that says too much makes no call fail."""
_NOT_UNPACKED = (
    "the Analytics API sent a body that cannot be unpacked: it is not what its Content-Encoding"
    " says; a retry does not help, so the operator of the API, or of a proxy in between, has"
    " to correct it"
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of retries; all times in seconds.

    `budget` limits one call's attempts and its time in the queue, up to the last pause; Power Query
    itself waits 600. Time in the queue is not an attempt. `remember_failure` is how long a failure
    is cached. While the upstream limits the rate, `throttled_budget` is the limit, if it is longer,
    and pauses that the upstream does not name begin with `first_throttled_pause` and double: its
    window is often a minute.
    """

    budget: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 10.0
    tries: int = 5
    remember_failure: float = 5.0
    outage: BreakerPolicy = field(default_factory=BreakerPolicy)
    throttled_budget: float = 0.0
    first_throttled_pause: float = 0.25


def retry_policy(budget: float) -> RetryPolicy:
    """Return the policy for `--retry-budget`; a rate that is limited by the minute needs longer."""
    return RetryPolicy(budget, throttled_budget=2 * budget, first_throttled_pause=budget / 12)


@dataclass(slots=True)
class _Retries:
    """The deadlines and the next pauses of one call; deadlines are monotonic."""

    policy: RetryPolicy
    began: float
    pause: float
    throttled_pause: float

    @property
    def patience(self) -> float:
        """The deadline while the upstream limits the rate."""
        return self.began + max(self.policy.budget, self.policy.throttled_budget)

    def deadline(self, failure: TemporaryFailure) -> float:
        """Return the deadline of a retry after this failure."""
        return self.patience if failure.throttles else self.began + self.policy.budget

    def next_pause(self, failure: TemporaryFailure) -> float:
        """Return the pause after a failure: what the upstream says, or twice the last one."""
        pause = self.throttled_pause if failure.throttles else self.pause
        self.pause = min(self.pause * 2, self.policy.longest_pause)
        self.throttled_pause *= 2 if failure.throttles else 1
        return pause if failure.wait is None else failure.wait


class Token(Protocol):
    """A source of the gateway's own token; see `gateway.auth.tokens`."""

    async def __call__(self, refused: str = "") -> str:
        """Return the current JWT; not `refused`, if there is another one."""


@dataclass(frozen=True, slots=True)
class World:
    """The client's dependencies, injected so that tests do not wait.

    `retried` is called for each retry.
    """

    token: Token
    sleep: Callable[[float], Awaitable[None]]
    clock: Clock
    retried: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Call(Generic[T]):
    """A request and its path, and the function that reads and checks a successful response."""

    path: str
    body: bytes
    read: Callable[[httpx.Response], T]


class AnalyticsClient:
    """A client for pages and statistics; safe for concurrent use.

    The token never leaves the request's header.
    """

    def __init__(
        self, http: httpx.AsyncClient, contract: Contract, world: World, policy: RetryPolicy
    ) -> None:
        self._http = http
        self._contract = contract
        self._world = world
        self._policy = policy
        self._reader = page_reader(contract)
        self._pace = RateLimiter(contract.rate_limit, world.clock.monotonic, world.sleep)
        self._outage = CircuitBreaker(policy.outage, world.clock.monotonic)
        self._failures: TTLCache[tuple[str, bytes], GatewayError] = TTLCache(
            256, policy.remember_failure, timer=world.clock.monotonic
        )
        self._refused = ""  # the last token that got a 401 or 403

    @property
    def is_down(self) -> bool:
        """True while calls pause, because the upstream has not responded for some time."""
        return self._outage.lasts

    async def fetch(self, request: PageRequest) -> Page:
        """Fetch the page of a request, with retries after temporary failures.

        Raises:
            UpstreamUnavailable, UpstreamFault: see the catalogue; messages name the response.
        """
        body = msgspec.json.encode(to_payload(request, self._contract))

        def read(response: httpx.Response) -> Page:
            return self._page(request, response)

        return await self._ask(_Call(self._contract.results_path, body, read))

    async def fetch_statistics(self, pushdown: Pushdown) -> Figures:
        """Fetch the statistics of the pushdown's rows, under the same rules as a page.

        Raises:
            UpstreamUnavailable, UpstreamFault: as `fetch`.
        """
        body = msgspec.json.encode(filters_payload(pushdown, self._contract))

        def read(response: httpx.Response) -> Figures:
            return self._figures(pushdown, response)

        return await self._ask(_Call(self._contract.statistics_path, body, read))

    async def _ask(self, call: _Call[T]) -> T:
        failed = self._failures.get((call.path, call.body))
        if failed is not None and await self._still_holds(failed):
            raise copy(failed)
        self._outage.admit()
        try:
            return await self._ask_with_retries(call)
        except GatewayError as error:
            self._failures[call.path, call.body] = copy(error)  # without traceback and causes
            raise

    async def _still_holds(self, failed: GatewayError) -> bool:
        """Return True if a cached failure counts: a refused token says nothing of the next one."""
        if not isinstance(failed, UpstreamRejectedToken | UpstreamDeniedAccess):
            return True
        return await self._token() == self._refused

    async def _ask_with_retries(self, call: _Call[T]) -> T:
        policy, now = self._policy, self._world.clock.monotonic
        retries = _Retries(policy, now(), policy.first_pause, policy.first_throttled_pause)
        for attempt in range(1, policy.tries + 1):
            began = await self._pace.turn(retries.patience)
            if attempt > 1:
                self._world.retried()
            try:
                answer = await self._ask_once(call, retries.patience)
            except TemporaryFailure as failure:
                wait = retries.next_pause(failure)
                if failure.throttles:
                    self._pace.throttle(began, wait)
                is_late = now() + wait > retries.deadline(failure)
                if attempt == policy.tries or is_late or self._outage.lasts:
                    raise failure.error from failure.__cause__
                if not failure.throttles:  # a throttled call waits in the queue
                    await self._world.sleep(wait)
            else:
                self._pace.recover()
                return answer
        raise AssertionError("unreachable")

    async def _ask_once(self, call: _Call[T], deadline: float) -> T:
        response = await self._post_with_token(call, deadline)
        self._mind_allowance(response)
        if not is_success(response, self._contract):
            raise refusal(response, self._contract, self._world.clock.now())
        return call.read(response)

    def _mind_allowance(self, response: httpx.Response) -> None:
        """Hold the next calls if the response says that none is left for now."""
        if is_used_up(response.headers):
            now = answered_at(response) or self._world.clock.now()
            wait = seconds_until_reset(response.headers, now)
            self._pace.hold(min(wait or 0.0, _LONGEST_HOLD_SECONDS))

    def _page(self, request: PageRequest, response: httpx.Response) -> Page:
        with self._reading(response, _named(request)):
            page = self._reader.read(response.content, answered_at(response), response.headers)
        check_rows(request, page, self._contract)
        with _may_fit_next_time():
            check_length(request, page)
        return page

    def _figures(self, pushdown: Pushdown, response: httpx.Response) -> Figures:
        with self._reading(response, "the statistics"):
            figures = read_figures(response.content, self._contract, answered_at(response))
        check_values(pushdown, figures, self._contract)
        with _may_fit_next_time():
            check_sums(figures, self._contract)
        return figures

    @contextmanager
    def _reading(self, response: httpx.Response, what: str) -> Iterator[None]:
        """Distinguish a body that is cut off, or not JSON, from one that breaks the contract."""
        try:
            yield
        except UpstreamBrokeContract as error:
            body = response.content
            if response.status_code in _WITHOUT_BODY:
                raise _empty(response, what) from error
            flaw = flaw_of(body)
            if flaw is None:
                raise UpstreamBrokeContract(f"{error.message} (found in {what})") from error
            shape, key = self._contract.response, self._contract.key_path
            spot = find_spot(body, flaw.byte, shape.rows, key)
            raise TemporaryFailure(_undecodable(response, flaw, spot, what)) from error

    async def _post_with_token(self, call: _Call[T], deadline: float) -> httpx.Response:
        """Send the call; after a 401, send it again if there is another token."""
        token = await self._token()
        response = await self._post(call, token)
        if response.status_code == 401:
            fresh = await self._token(token)
            if fresh != token:
                await self._pace.turn(deadline)
                return await self._post(call, fresh)
        return response

    async def _token(self, refused: str = "") -> str:
        """Return the token; refuse one that no header can carry, as the error would quote it."""
        token = await self._world.token(refused)
        if token.isascii() and token.isprintable() and token.strip():
            return token.strip()
        raise UpstreamRejectedToken(
            "the gateway's token for the Analytics API is empty or has characters that no token"
            " has; its owner has to renew it"
        )

    async def _post(self, call: _Call[T], token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            response = await self._http.post(call.path, content=call.body, headers=headers)
        except httpx.DecodingError:
            self._outage.noticed(is_answer=True)
            failure = TemporaryFailure(UpstreamBrokeContract(_NOT_UNPACKED))
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            self._outage.noticed(is_answer=False)
            failure = _unanswered(error)
        else:
            self._outage.noticed(is_answer=response.status_code < 500)
            if response.status_code in (401, 403):
                self._refused = token
            return response
        raise failure  # outside of the handler: aiohttp's errors show the request and its token


@contextmanager
def _may_fit_next_time() -> Iterator[None]:
    """Treat contradicting numbers as a temporary failure: they may come from different times."""
    try:
        yield
    except UpstreamBrokeContract as error:
        raise TemporaryFailure(error) from None


def _unanswered(error: Exception) -> TemporaryFailure:
    """Return the failure of a call without a response.

    The error of aiohttp counts: httpx-aiohttp passes some errors on as they are, and reports a
    refused or reset connection as a timeout.
    """
    said = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    known = obstacle(said)
    if known is not None:
        message = f"the connection to the Analytics API failed ({known.words}); the gateway's owner"
        return TemporaryFailure(UpstreamUnavailable(f"{message}: {known.remedy}"))
    if isinstance(said, httpx.TimeoutException | TimeoutError):
        late = UpstreamUnavailable("the Analytics API did not answer in time; try again later")
        late.wants_smaller_page = True
        return TemporaryFailure(late)
    why = connection_failure(said)
    message = (
        f"the connection to the Analytics API failed ({why}); try again later, and if that does not"
        " help, the gateway's owner checks the network and the upstream's URL"
    )
    return TemporaryFailure(UpstreamUnavailable(message))


def _undecodable(response: httpx.Response, flaw: Flaw, spot: Spot, what: str) -> GatewayError:
    """Return the failure of a success that is not JSON: cut off, or complete and invalid."""
    if not response.content.strip():
        return _empty(response, what)
    if flaw.is_cut_off:
        return UpstreamUnavailable(
            f"the Analytics API sent a body that ends too early, after {flaw.byte} bytes of {what};"
            " try again later"
        )
    if repaired(response.content).lstrip()[:1] not in (b"{", b"["):
        kind = response.headers.get("Content-Type", "no type")[:80]
        return UpstreamBrokeContract(
            f"the Analytics API answered {response.status_code} with something that is not JSON"
            f" ({kind}); check that the upstream's URL leads to the API and not to a login or proxy"
            " page"
        )
    return UpstreamBrokeContract(
        f"the Analytics API sent JSON that cannot be read: {flaw.reason} at byte {flaw.byte} of"
        f" {what}, at {spot.path}{in_row(spot.row)}; the body is complete, so a retry does not"
        " help: the API's operator has to correct it"
    )


def _empty(response: httpx.Response, what: str) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API answered {response.status_code} without a body in place of {what};"
        " check that the upstream's URL and the paths of [endpoints.*] in the contract file lead to"
        " the API"
    )


def _named(request: PageRequest) -> str:
    return f"the page of {request.limit} rows after the first {request.skip}"
