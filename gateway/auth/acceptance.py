"""Which callers' own tokens the Analytics API has accepted; it is asked when that is not known.

Anyone can write a token, so nothing is shown to who brings one before it has opened something.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cachetools import TTLCache

from gateway.auth.identity import whole_identity
from gateway.errors import UpstreamRejectedToken

_REMEMBERED, _REMEMBERED_SECONDS = 4_096, 900


class Acceptance:
    """Remembers for 15 minutes; `exp`, which may come before, is looked at by who asks.

    `ask` makes a cheap call with a token, or raises `UpstreamRejectedToken`.
    """

    def __init__(
        self, ask: Callable[[str], Awaitable[object]], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._accepted: TTLCache[str, bool] = TTLCache(_REMEMBERED, _REMEMBERED_SECONDS, monotonic)

    def remembers(self, token: str) -> bool:
        """Whether it was accepted lately; digests are kept, no tokens."""
        return whole_identity(token) in self._accepted

    async def accepts(self, token: str) -> bool:
        """Whether it is accepted, as remembered or as the Analytics API says now.

        Raises:
            UpstreamUnavailable, UpstreamFault: that cannot be told, or it opens nothing there.
        """
        if self.remembers(token):
            return True
        try:
            await self._ask(token)
        except UpstreamRejectedToken:
            return False
        self._accepted[whole_identity(token)] = True
        return True

    def forget(self, token: str) -> None:
        """It was refused since."""
        self._accepted.pop(whole_identity(token), None)
