"""Who asks, as the rest of the gateway knows them: workspace, role, and a name for the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers

from gateway.config import DEFAULT_WORKSPACE
from gateway.fairness.allowance import UNLIMITED, Allowance

ANONYMOUS = "anonymous"
SHARED = "access-key"
"""The id of all callers with the one key that they share."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom an answer is for.

    `role` None sees all rows and columns of the workspace. `id` names the key or person in logs and
    tells nothing secret or personal. `token` is the caller's own token of the Analytics API, which
    is asked with it in the place of the workspace's; it never shows in a repr. Its claims were not
    verified: what it opens is kept under `gateway.auth.identity.whole_identity`. `allowance` holds
    the limits of the caller's key.
    """

    workspace: str = DEFAULT_WORKSPACE
    role: str | None = None
    id: str = ANONYMOUS
    token: str | None = field(default=None, repr=False)
    allowance: Allowance = UNLIMITED

    @property
    def names_one_caller(self) -> bool:
        """True if the id tells this caller from others, who take turns with them."""
        return self.id not in (ANONYMOUS, SHARED)


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What a request tells of who asks.

    `keys` are those that stand in the URL. `peer` is the address
    that the request comes from, as far as proxies are trusted to tell it.
    """

    headers: Headers = field(repr=False)  # may hold a key
    keys: tuple[str, ...] = field(default=(), repr=False)
    peer: str = ""


class Authenticator(Protocol):
    """Decides who may ask."""

    async def admit(self, asked: ClientRequest) -> Principal:
        """Whom the answer is for.

        Raises:
            InvalidValue: 400, see `gateway.auth.hosts` and `gateway.auth.credentials`.
            Unauthorized: 401 with the challenges that the client waits for.
            AccessDenied: 403, who asks is known and may not.
            TooManyAttempts: 429, after many wrong keys or tokens.
            SignInUnavailable: 503, what was given cannot be checked now.
        """
