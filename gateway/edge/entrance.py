"""The one door: who asks, and which service answers them. Every route but /healthz goes through."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.auth.principal import Asked, Gate, Principal
from gateway.errors import GatewayError, Unauthorized, UpstreamRejectedToken
from gateway.service import QueryService
from gateway.tenants import Tenants

_PRINCIPAL = "gateway.principal"


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
        if _PRINCIPAL not in scope:
            client = scope.get("client")
            asked = Asked(Headers(scope=scope), scope["query_string"], client[0] if client else "")
            scope[_PRINCIPAL] = await self.gate.admit(asked)
        found: Principal = scope[_PRINCIPAL]
        return found


def in_the_callers_words(error: GatewayError, scope: Scope) -> GatewayError:
    """A token that the Analytics API refuses is the caller's fault if it is the caller's own."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    if principal is None or principal.token is None or not isinstance(error, UpstreamRejectedToken):
        return error
    return Unauthorized(
        "the Analytics API refuses your Skillhabit token: it has ended, or may not read analytics;"
        " get a new one, and give that"
    )
