"""Which service answers whom: each caller's workspace, and in it what their role may see."""

from __future__ import annotations

from typing import Protocol

from gateway.auth.principal import Principal
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
        """The one service."""
        return self._service
