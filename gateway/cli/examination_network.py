"""What `doctor` asks over the network: the Analytics API, Redis, and the gateway's public URL."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from gateway.analytics.read.connection_errors import connection_failure
from gateway.app import own_token, read_contract, world_outside
from gateway.auth.hosts import is_loopback
from gateway.cli.examination import Examined, fail, ok, warn
from gateway.cli.options import token_place
from gateway.config import Settings
from gateway.discovery.check import check_upstream
from gateway.edge.unnamed_proxies import Forwarding
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable

_SKEW_SECONDS = 60
_PATIENCE_SECONDS = 10.0


async def examine_network(settings: Settings) -> AsyncIterator[Examined]:
    """Each part by itself: one that fails hides none of the others."""
    try:
        base_url = settings.upstream or read_contract(settings).base_url
    except ConfigurationProblem:  # told already
        base_url = settings.upstream or ""
    if base_url:
        async for found in _upstream(settings, base_url):
            yield found
    if settings.redis is not None:
        yield await _redis(settings.redis)
    if settings.public_url is not None:
        async for found in _public(settings.public_url):
            yield found


async def _upstream(settings: Settings, base_url: str) -> AsyncIterator[Examined]:
    patience = min(settings.upstream_timeout, _PATIENCE_SECONDS)
    async with httpx.AsyncClient(base_url=base_url, timeout=patience) as http:
        try:
            answer = await http.get("/")
        except httpx.HTTPError as error:
            yield fail("upstream", _unreachable(base_url, error))
            return
        yield _reached(base_url)
        yield _clock(answer)
        yield await _contract_fits(http, settings)


def _unreachable(url: str, error: httpx.HTTPError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"{url}: TLS fails ({cause.reason}); is its certificate known to this computer?"
        cause = cause.__cause__ or cause.__context__
    why = connection_failure(error)
    return f"{url} cannot be reached ({why}); check the name, the network and a proxy's variables"


def _reached(url: str) -> Examined:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return warn("upstream", f"{url} answers, without TLS: the token crosses the network openly")
    return ok("upstream", f"{url} answers")


def _clock(answer: httpx.Response) -> Examined:
    """Changes are asked for by the upstream's clock, but tokens and ages go by ours."""
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
        skew = (datetime.now(UTC) - theirs).total_seconds()
    except (KeyError, ValueError, TypeError):
        return ok("clock", "the Analytics API tells no time to compare with")
    if abs(skew) > _SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        return warn(
            "clock", f"{abs(skew):.0f} s {side} the Analytics API's; let NTP set this computer's"
        )
    return ok("clock", "agrees with the Analytics API's")


async def _contract_fits(http: httpx.AsyncClient, settings: Settings) -> Examined:
    """What `check` says, in a line."""
    try:
        contract = read_contract(settings)
        token = await own_token(settings, *world_outside())()
    except (ConfigurationProblem, UpstreamRejectedToken):
        return warn("check", "was not tried: it needs the token and the contract")
    try:
        findings = await check_upstream(http, contract, token)
    except UpstreamRejectedToken as error:
        return fail("check", f"{error.message}; renew {token_place(settings)}")
    except UpstreamUnavailable as error:
        return fail("check", error.message)
    differing = [finding for finding in findings if not finding.fits]
    if differing:
        first = differing[0]
        return fail(
            "check",
            f"{len(differing)} to correct, first {first.subject}: {first.text}; all are told by"
            " skillhabit-odata check",
        )
    return ok("check", "the contract file fits")


async def _redis(url: str) -> Examined:
    """The URL may hold a password, and so may what the library says of it."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    parts = urlsplit(url)
    place = f"{parts.hostname}:{parts.port or 6379}"
    client = Redis.from_url(
        url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
    )
    try:
        told = await client.info("server")
    except (RedisError, OSError) as error:
        kind = type(error).__name__
        return fail("redis", f"{place} does not answer ({kind}); check address, password and TLS")
    finally:
        await client.aclose()
    return ok("redis", f"{place} answers, version {told.get('redis_version', 'unknown')}")


async def _public(url: str) -> AsyncIterator[Examined]:
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as http:
            answer = await http.get(f"{url}/healthz")
            readiness = await http.get(f"{url}/readyz")
    except httpx.HTTPError as error:
        yield warn("public_url", f"{_unreachable(url, error)}; does the gateway run?")
        return
    if answer.status_code == 200 and answer.text == "ok":
        yield ok("public_url", f"{url} leads to a gateway")
        yield _proxy(url, readiness)
        return
    yield fail(
        "public_url",
        f"{url}/healthz answers {answer.status_code} and is no gateway's; what stands in front must"
        " hand on all below the public URL, without its path",
    )


def _proxy(url: str, readiness: httpx.Response) -> Examined:
    """Return what the gateway says of the proxies in front of it, as `/readyz` shows it."""
    try:
        told = msgspec.json.decode(readiness.content, type=_Readiness).forwardingHeaders
    except (msgspec.MsgspecError, RecursionError):
        told = ""
    if told == Forwarding.IGNORED:
        return warn(
            "trusted_proxies",
            f"what stands in front of {url} says for whom it asks, and is not believed: all clients"
            " count as one address; name the proxy's address in --trusted-proxies",
        )
    return ok("trusted_proxies", f"forwarding headers through {url}: {told or 'not known'}")


class _Readiness(msgspec.Struct, frozen=True):
    forwardingHeaders: str = "none"  # noqa: N815 - as it is on the wire
