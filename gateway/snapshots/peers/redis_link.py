"""Contact with one Redis (or Valkey) that may be slow, full, away or back at any time.

Whatever fails, the caller gets the answer it named for that case. An outage is told once, and once
that it is over; in between Redis is asked again only after a pause, so that no request waits for
it twice. Nothing of an error's text is repeated: it may quote what was sent.
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
    ConnectionError,  # noqa: A004 - redis names it so
    RedisError,
    TimeoutError,  # noqa: A004 - redis names it so
)

from gateway.observe import Clock, Observer

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """How long one call may take, and how long Redis is left alone after one failed; seconds."""

    timeout: float = 2.0
    pause: float = 5.0


class RedisLink:
    """One Redis; `url` may hold a password and is not kept where it could be seen."""

    def __init__(self, url: str, policy: LinkPolicy, clock: Clock, observer: Observer) -> None:
        self._redis = _client(url, policy)
        self._place = _place(url)
        self._policy = policy
        self._clock = clock
        self._observer = observer
        self._down_since: float | None = None
        self._ask_again_at = 0.0

    def __repr__(self) -> str:
        """Without user and password."""
        return f"RedisLink({self._place})"

    async def ask(self, work: Callable[[Redis], Awaitable[T]], otherwise: D) -> T | D:
        """What `work` answers, or `otherwise` without contact. A lost connection is made anew."""
        if self._down_since is not None and self._clock.monotonic() < self._ask_again_at:
            return otherwise
        before = _cancellations()
        try:
            answer = await work(self._redis)
        except (RedisError, OSError) as error:
            self._lost(error)
            return otherwise
        finally:
            if _cancellations() > before:
                raise asyncio.CancelledError
        self._found()
        return answer

    async def close(self) -> None:
        """Close the connections."""
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    def _lost(self, error: Exception) -> None:
        now = self._clock.monotonic()
        self._ask_again_at = now + self._policy.pause
        if self._down_since is None:
            self._down_since = now
            self._observer.warn(
                f"{self._place} cannot be used ({self._reason(error)}): this process stands alone"
                " until it can"
            )

    def _found(self) -> None:
        if self._down_since is not None:
            seconds = self._clock.monotonic() - self._down_since
            self._down_since = None
            self._observer.info(f"{self._place} can be used again, after {seconds:.0f} seconds")

    def _reason(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return f"no answer within {self._policy.timeout:g} seconds"
            case AuthenticationError():
                return "it refuses the user name or the password"
            case ConnectionError() | OSError():
                return "no connection"
            case _:
                return f"it answers with an error, {type(error).__name__}"


def _cancellations() -> int:
    """How often this task was told to end: asyncio.wait_for of Python 3.11 may lose one."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _client(url: str, policy: LinkPolicy) -> Redis:
    """A client that tries once more when a connection was lost, and never when time ran out."""
    options: dict[str, Any] = {
        "socket_timeout": policy.timeout,
        "socket_connect_timeout": policy.timeout,
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        "protocol": 2,  # every Redis and Valkey speaks it
    }
    if url.startswith("rediss:"):
        options["ssl_check_hostname"] = True
    return Redis.from_url(url, **options)


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}{parts.path}"
