"""The callers' own tokens that the Analytics API has accepted, and the call that checks one.

Anyone can write a token, so a caller sees nothing before the Analytics API has accepted theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cachetools import TTLCache

from gateway.auth.identity import digest
from gateway.errors import UpstreamRejectedToken

_MAX_ACCEPTED, _ACCEPTED_SECONDS = 4_096, 900


class Acceptance:
    """A cache of accepted tokens, for 15 minutes; callers check `exp`, which may come sooner.

    `ask` makes a cheap call with a token; it raises `UpstreamRejectedToken` if it is refused.
    """

    def __init__(
        self, ask: Callable[[str], Awaitable[object]], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._accepted: TTLCache[str, bool] = TTLCache(_MAX_ACCEPTED, _ACCEPTED_SECONDS, monotonic)

    def remembers(self, token: str) -> bool:
        """Return True if the token was accepted recently; the cache holds digests, not tokens."""
        return digest(token) in self._accepted

    async def accepts(self, token: str) -> bool:
        """Return True if the token was accepted recently, or is accepted by the Analytics API now.

        Raises:
            UpstreamUnavailable, UpstreamFault: the Analytics API did not decide.
        """
        if self.remembers(token):
            return True
        try:
            await self._ask(token)
        except UpstreamRejectedToken:
            return False
        self._accepted[digest(token)] = True
        return True

    def forget(self, token: str) -> None:
        """Remove a token that has been refused since."""
        self._accepted.pop(digest(token), None)
