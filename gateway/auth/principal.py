"""Who asks, as the rest of the gateway knows them: workspace, role, and a name for the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.config import DEFAULT_WORKSPACE

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom an answer is for.

    `role` None sees all rows and columns of the workspace. `id` names the key or person in logs and
    tells nothing secret or personal. `token` is the caller's own token of the Analytics API, which
    is asked with it in the place of the workspace's; it never shows in a repr.
    """

    workspace: str = DEFAULT_WORKSPACE
    role: str | None = None
    id: str = ANONYMOUS
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request tells of who asks.

    Header names are in lower case, or compare without case. `query` is undecoded. `peer` is the
    address that the request comes from, as far as proxies are trusted to tell it.
    """

    headers: Mapping[str, str]
    query: bytes = field(default=b"", repr=False)  # may hold a key
    peer: str = ""


class Gate(Protocol):
    """Decides who may ask."""

    async def admit(self, asked: Asked) -> Principal:
        """Whom the answer is for.

        Raises:
            Unauthorized: 401 with the challenges that the client waits for.
            InvalidValue: 400, see `gateway.auth.hosts`.
        """
