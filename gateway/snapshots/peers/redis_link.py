"""A connection to one Redis (or Valkey) that may be slow, full, away or back at any time.

If a call fails, the caller gets the default that it passed. An outage is logged once, and so is its
end. During an outage, Redis is called again only after a pause, so that no request waits for it
twice. Error texts of Redis are never repeated: they may quote the data that was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004 - the name that redis gives it
    RedisError,
    TimeoutError,  # noqa: A004 - the name that redis gives it
)

from gateway.observe import Clock, Observer

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """The time limit of one call, and the pause after one that failed, in seconds."""

    timeout: float = 2.0
    pause: float = 5.0


class RedisLink:
    """One Redis; `url` may hold a password, and is not stored where it could be seen."""

    def __init__(self, url: str, policy: LinkPolicy, clock: Clock, observer: Observer) -> None:
        self._redis = _client(url, policy)
        self._address = _address(url)
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._down_since: float | None = None
        self._retry_at = 0.0

    def __repr__(self) -> str:
        """Return the address without user and password."""
        return f"RedisLink({self._address})"

    async def call(self, work: Callable[[Redis], Awaitable[T]], otherwise: D) -> T | D:
        """Return the result of `work`, or `otherwise` without contact. Reconnects if necessary."""
        if self._down_since is not None and self._clock.monotonic() < self._retry_at:
            return otherwise
        before = _cancellations()
        try:
            result = await work(self._redis)
        except (RedisError, OSError) as error:
            self._lost(error)
            return otherwise
        finally:
            if _cancellations() > before:
                raise asyncio.CancelledError
        self._recovered()
        return result

    async def close(self) -> None:
        """Close the connections."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    def _lost(self, error: Exception) -> None:
        now = self._clock.monotonic()
        self._retry_at = now + self._policy.pause
        if self._down_since is None:
            self._down_since = now
            self._observer.warn(
                f"{self._address} cannot be used ({self._reason(error)}): this process shares"
                " nothing with other machines until it can"
            )

    def _recovered(self) -> None:
        if self._down_since is not None:
            seconds = self._clock.monotonic() - self._down_since
            self._down_since = None
            self._observer.info(f"{self._address} can be used again, after {seconds:.0f} seconds")

    def _reason(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return f"no response within {self._policy.timeout:g} seconds"
            case AuthenticationError():
                return "it refuses the user name or the password"
            case ConnectionError() | OSError():
                return "no connection"
            case _:
                return f"it responds with an error, {type(error).__name__}"


def _cancellations() -> int:
    """Return how often this task was cancelled: Python 3.11's asyncio.wait_for may lose one."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _client(url: str, policy: LinkPolicy) -> Redis:
    """Return a client that retries once after a lost connection, and never after a timeout."""
    options: dict[str, Any] = {
        "socket_timeout": policy.timeout,
        "socket_connect_timeout": policy.timeout,
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        "protocol": 2,  # every Redis and Valkey supports it
    }
    if url.startswith("rediss:"):
        options["ssl_check_hostname"] = True
    return Redis.from_url(url, **options)


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}{parts.path}"
