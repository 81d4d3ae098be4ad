"""The one door: who asks, and which service answers them. Only the operator has others."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.auth.principal import Asked, Gate, Principal
from gateway.service import QueryService
from gateway.tenants import Tenants

PRINCIPAL = "gateway.principal"
"""Where the scope of a request has who asks, once that is known."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Admits callers once a request; the parts of a batch come in with the batch."""

    gate: Gate
    tenants: Tenants

    async def admit(self, scope: Scope) -> QueryService:
        """The service that answers the request.

        Raises:
            GatewayError: 400 or 401, see `gateway.auth.principal.Gate`.
        """
        return self.tenants.service_of(await self.principal(scope))

    async def principal(self, scope: Scope) -> Principal:
        """Who asks; kept in the scope, from which the scopes of a batch's parts are made.

        Raises:
            GatewayError: as `admit`.
        """
        if PRINCIPAL not in scope:
            client = scope.get("client")
            asked = Asked(Headers(scope=scope), scope["query_string"], client[0] if client else "")
            scope[PRINCIPAL] = await self.gate.admit(asked)
        found: Principal = scope[PRINCIPAL]
        return found
