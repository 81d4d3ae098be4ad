"""Which service answers whom: each caller's workspace, and in it what their role may see."""

from __future__ import annotations

from typing import Protocol

from gateway.auth.principal import DEFAULT_WORKSPACE, Principal
from gateway.errors import AccessDenied
from gateway.service import QueryService


class Tenants(Protocol):
    """Finds the service of a caller."""

    def service_of(self, principal: Principal) -> QueryService:
        """The service; nothing that it answers from is shared with another workspace or role."""


class OneTenant:
    """The same service for everybody."""

    def __init__(self, service: QueryService) -> None:
        self._service = service

    def service_of(self, principal: Principal) -> QueryService:
        """The one service, for who may see all that it sees.

        Raises:
            AccessDenied: the caller is another workspace's, or a role's, or has a token of theirs.
        """
        if principal.workspace != DEFAULT_WORKSPACE or principal.role or principal.token:
            raise AccessDenied(
                "what you may see is not served here: the gateway's owner has let you in to a"
                " workspace, a role or with a token that it does not know"
            )
        return self._service
