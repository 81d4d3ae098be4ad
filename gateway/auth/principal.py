"""The caller as the rest of the gateway knows them: workspace, role, and a name for the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers

from gateway.config import DEFAULT_WORKSPACE
from gateway.fairness.allowance import UNLIMITED, Allowance

ANONYMOUS = "anonymous"
SHARED = "access-key"
"""The id of all callers that use the shared access key."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An admitted caller.

    `role` None sees all rows and columns of the workspace. `id` names the key or person in logs and
    holds nothing secret or personal. `token` is the caller's own token of the Analytics API, which
    the gateway then uses instead of the workspace's; it never shows in a repr. Its claims are not
    verified, so snapshots loaded with it are stored under the digest of the whole token
    (`gateway.auth.identity.digest`). `allowance` holds the limits of the caller's key.
    """

    workspace: str = DEFAULT_WORKSPACE
    role: str | None = None
    id: str = ANONYMOUS
    token: str | None = field(default=None, repr=False)
    allowance: Allowance = UNLIMITED

    @property
    def names_one_caller(self) -> bool:
        """True if the id belongs to one caller, who then has a queue of their own."""
        return self.id not in (ANONYMOUS, SHARED)


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """The parts of a request that identify its caller.

    `keys` are the keys in the URL. `peer` is the client's address; behind trusted proxies it is the
    address that they report.
    """

    headers: Headers = field(repr=False)  # may hold a key
    keys: tuple[str, ...] = field(default=(), repr=False)
    peer: str = ""


class Authenticator(Protocol):
    """Decides which callers are admitted."""

    async def admit(self, request: ClientRequest) -> Principal:
        """Return the caller.

        Raises:
            InvalidValue: 400; see `gateway.auth.hosts` and `gateway.auth.credentials`.
            Unauthorized: 401, with the challenges that the client expects.
            AccessDenied: 403; the caller is known and has no access.
            TooManyAttempts: 429, after many wrong keys or tokens.
            SignInUnavailable: 503; the credential cannot be checked now.
        """
