"""The checks of `doctor` over the network: the Analytics API, Redis, the public URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from gateway.analytics.read.client import RetryPolicy
from gateway.analytics.read.connection_errors import connection_failure
from gateway.analytics.read.request import PageRequest
from gateway.app import clock_and_observer, own_token, read_contract
from gateway.auth.hosts import is_loopback
from gateway.cli.examination import CheckResult, fail, ok, warn
from gateway.cli.learn import reader
from gateway.cli.options import token_place
from gateway.config import Settings
from gateway.contract.loader import built_in_contract
from gateway.discovery.kept.entries import entries_of
from gateway.edge.unnamed_proxies import Forwarding
from gateway.errors import (
    ConfigurationProblem,
    GatewayError,
    UpstreamRejectedToken,
    UpstreamUnavailable,
)
from gateway.outgoing.obstacles import obstacle
from gateway.outgoing.options import client_options
from gateway.planner.pushdown import Pushdown
from gateway.service.undecoded import is_systematic, undecoded_in_page

_MAX_SKEW_SECONDS = 60
_TIMEOUT_SECONDS = 10.0
_FEW_ROWS = 10


async def examine_network(settings: Settings) -> AsyncIterator[CheckResult]:
    """Yield the checks; each runs even if others fail."""
    try:
        client_options()
    except ConfigurationProblem as problem:
        yield fail("certificates", problem.message)
        return
    try:
        base_url = settings.upstream or read_contract(settings).base_url
    except ConfigurationProblem:  # reported by another check
        base_url = settings.upstream or ""
    if base_url:
        async for result in _upstream(settings, base_url):
            yield result
    if settings.redis is not None:
        yield await _redis(settings.redis)
    if settings.public_url is not None:
        async for result in _public(settings.public_url):
            yield result


async def _upstream(settings: Settings, base_url: str) -> AsyncIterator[CheckResult]:
    """Check the Analytics API with two calls at most: the first page, and the oldest rows."""
    timeout = max(settings.upstream_timeout, _TIMEOUT_SECONDS)
    async with httpx.AsyncClient(base_url=base_url, timeout=timeout, **client_options()) as http:
        heard: list[httpx.Response] = []
        fits = await _contract_fits(http, settings, heard)
        if not heard:
            try:
                heard.append(await http.get("/", timeout=_TIMEOUT_SECONDS))
            except httpx.HTTPError as error:
                yield fail("upstream", _unreachable(base_url, error))
                return
        yield _reached(base_url)
        yield _clock(heard[0])
        yield fits


def _unreachable(url: str, error: httpx.HTTPError) -> str:
    why, known = connection_failure(error), obstacle(error)
    remedy = "check the name, the network and proxy variables" if known is None else known.remedy
    return f"{url} cannot be reached ({why}); {remedy}"


def _reached(url: str) -> CheckResult:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return warn("upstream", f"{url} responds, but without TLS: others can read the token")
    return ok("upstream", f"{url} responds")


def _clock(response: httpx.Response) -> CheckResult:
    """Compare clocks: changes follow the upstream's clock, tokens and ages this computer's."""
    try:
        theirs = parsedate_to_datetime(response.headers["date"])
        skew = (datetime.now(UTC) - theirs).total_seconds()
    except (KeyError, ValueError, TypeError):
        return ok("clock", "the Analytics API sends no time to compare with")
    if abs(skew) > _MAX_SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        return warn(
            "clock", f"{abs(skew):.0f} s {side} the Analytics API's; set this computer's by NTP"
        )
    return ok("clock", "agrees with the Analytics API's")


async def _contract_fits(
    http: httpx.AsyncClient, settings: Settings, heard: list[httpx.Response]
) -> CheckResult:
    """Read two pages as the feed reads them; `heard` receives the responses."""

    async def hear(response: httpx.Response) -> None:
        heard.append(response)

    try:
        contract = read_contract(settings)
        source = own_token(settings, *clock_and_observer())
        await source()
    except (ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable):
        return warn("check", "skipped: it needs the token and the contract")
    http.event_hooks["response"].append(hear)
    try:
        client = reader(http, contract, source, RetryPolicy(tries=1))
        order, limit = contract.order_column, contract.request.page_limit
        page = await client.fetch(PageRequest(Pushdown(), 0, limit, order))
        await client.fetch(PageRequest(Pushdown(), 0, min(limit, _FEW_ROWS), order, not order))
    except UpstreamRejectedToken as error:
        return fail("check", f"{error.message}; renew {token_place(settings)}")
    except UpstreamUnavailable as error:
        return fail("check", error.message)
    except GatewayError as error:
        return fail("check", f"{error.message}; run skillhabit-odata check to see what differs")
    undecoded = undecoded_in_page(page.odd).items()
    wrong = [name for name, n in undecoded if is_systematic(n, page.rows.num_rows)]
    if wrong:
        return fail(
            "check",
            f"no query can use {', '.join(sorted(wrong))}: `decode` in the contract file cannot"
            " read the values; run skillhabit-odata check to see why",
        )
    return ok("check", f"two pages fit the contract file, which has {_evidence(settings)}")


def _evidence(settings: Settings) -> str:
    """Return where the entries of the contract file come from."""
    path = settings.contract
    entries = entries_of(built_in_contract() if path is None else path.read_text("utf-8"))
    sources = Counter(e.get("source", "") for e in entries.values() if isinstance(e, dict))
    del sources[""]
    counts = ", ".join(f"{number} {source}" for source, number in sources.most_common())
    return f"{sources.total()} entries: {counts}"


async def _redis(url: str) -> CheckResult:
    """Check Redis without showing its URL or the library's messages: both may hold a password."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    parts = urlsplit(url)
    address = f"{parts.hostname}:{parts.port or 6379}"
    client = Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    try:
        info = await client.info("server")
    except (RedisError, OSError) as error:
        kind = type(error).__name__
        return fail(
            "redis", f"{address} does not respond ({kind}); check address, password and TLS"
        )
    finally:
        await client.aclose()
    return ok("redis", f"{address} responds, version {info.get('redis_version', 'unknown')}")


async def _public(url: str) -> AsyncIterator[CheckResult]:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, **client_options()) as http:
            health = await http.get(f"{url}/healthz")
            readiness = await http.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        yield warn("public_url", f"{_unreachable(url, error)}; is the gateway running?")
        return
    if health.status_code == 200 and health.text == "ok":
        yield ok("public_url", f"{url} leads to a gateway")
        yield _proxy(url, readiness)
        return
    yield fail(
        "public_url",
        f"{url}/healthz returns {health.status_code} and is not a gateway; the proxy must forward"
        " everything below the public URL, without the path of that URL",
    )


def _proxy(url: str, readiness: httpx.Response) -> CheckResult:
    """Check how the gateway treats the proxies in front of it, as `/readyz` reports it."""
    try:
        headers = msgspec.json.decode(readiness.content, type=_Readiness).forwardingHeaders
    except (msgspec.MsgspecError, RecursionError):
        headers = ""
    if headers == Forwarding.IGNORED:
        return warn(
            "trusted_proxies",
            f"the proxy in front of {url} sends forwarding headers that the gateway ignores: all"
            " clients count as one address; name the proxy's address in --trusted-proxies",
        )
    return ok("trusted_proxies", f"forwarding headers through {url}: {headers or 'not known'}")


class _Readiness(msgspec.Struct, frozen=True):
    forwardingHeaders: str = "none"  # noqa: N815 - its name on the wire
