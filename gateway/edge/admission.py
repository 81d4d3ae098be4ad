"""Admission: the caller of a request, and their service. Only operator endpoints bypass it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.auth.authenticator import BASIC
from gateway.auth.caller_token import CHALLENGE
from gateway.auth.identity import digest
from gateway.auth.key_option import KeyOption
from gateway.auth.principal import Authenticator, ClientRequest, Principal
from gateway.auth.throttle import network_of
from gateway.edge.proxies import TrustedProxies
from gateway.errors import AccessDenied, GatewayError, Unauthorized, UpstreamRejectedToken
from gateway.fairness.allowance import Meter
from gateway.fairness.budget import current_budget
from gateway.service.service import QueryService
from gateway.tenants import Tenants
from gateway.writer.links import CarriedKey

PRINCIPAL = "gateway.principal"
"""The key of the admitted caller in the scope of a request."""
_KEYS = "gateway.keys"


@dataclass(frozen=True, slots=True)
class Admission:
    """Admits the caller of a request once; the parts of a batch are admitted with the batch.

    `explain_keys` are the ids of the keys that may see query plans; if empty, every caller may.
    """

    gate: Authenticator
    tenants: Tenants
    option: KeyOption | None = None
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    meter: Meter = field(default_factory=lambda: Meter(time.monotonic))
    explain_keys: tuple[str, ...] = ()

    async def admit(self, scope: Scope) -> QueryService:
        """Return the service of the caller.

        Raises:
            GatewayError: 400 to 503, see `gateway.auth.principal.Authenticator`.
            TooManyRequests: the key has exceeded its limit of requests.
        """
        return self.tenants.service_of(await self.principal(scope))

    async def principal(self, scope: Scope) -> Principal:
        """Return the caller; store it in the scope, which the parts of a batch inherit.

        Raises:
            GatewayError: as `admit`.
        """
        if PRINCIPAL not in scope:
            headers, client = Headers(scope=scope), scope.get("client")
            peer = self.proxies.client(client[0] if client else "", headers)
            keys = self.option.split(scope["query_string"])[1] if self.option else ()
            caller = await self.gate.admit(ClientRequest(headers, keys, peer))
            scope[PRINCIPAL], scope[_KEYS] = caller, keys
            queue = caller.id if caller.names_one_caller else f"address {network_of(peer)}"
            current_budget().admit(queue, caller.id, caller.allowance, self.meter)
        principal: Principal = scope[PRINCIPAL]
        return principal

    async def may_explain(self, scope: Scope) -> bool:
        """Return True if the caller may see query plans.

        Raises:
            GatewayError: as `admit`.
        """
        if not self.explain_keys:
            return True
        principal = await self.principal(scope)
        return principal.id.removeprefix("key:") in self.explain_keys

    async def check_explain(self, scope: Scope) -> None:
        """Refuse a caller who may not see query plans.

        Raises:
            AccessDenied: the caller's key is not one of `explain_keys`.
            GatewayError: as `admit`.
        """
        if not await self.may_explain(scope):
            raise AccessDenied(
                "your key may not see query plans; ask the gateway's owner to add its id to"
                " --explain-keys"
            )

    def without_key(self, scope: Scope, query: bytes) -> tuple[bytes, CarriedKey | None]:
        """Split a query of a URL, a body or a batch's part into the rest and the key for links.

        Raises:
            Unauthorized: the key differs from the one in the request's own URL, which is the only
                one that was checked.
        """
        if self.option is None:
            return query, None
        rest, keys = self.option.split(query)
        if not keys:
            return query, None
        if set(keys) != set(scope[_KEYS]):
            raise Unauthorized(
                f"{self.option.name}: the key in a body or a batch must be the same as the one in"
                " the URL of the request itself; leave it out there",
                challenges=(BASIC,),
                target=self.option.name,
            )
        return rest, CarriedKey(self.option.name, keys[0], digest(keys[0]))


def attribute_to_caller(error: GatewayError, scope: Scope) -> GatewayError:
    """Return a 401 instead of a 502 if the Analytics API has refused the caller's own token."""
    principal: Principal | None = scope.get(PRINCIPAL)
    if principal is None or principal.token is None or not isinstance(error, UpstreamRejectedToken):
        return error
    return Unauthorized(
        "the Analytics API refuses your Skillhabit token: it has expired, or may not read"
        " analytics; get a new one",
        challenges=(CHALLENGE,),
    )
