"""The one door: who asks, and which service answers them. Only the operator has others."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.auth.caller_token import CHALLENGE
from gateway.auth.gate import BASIC
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
"""Where the scope of a request has who asks, once that is known."""
_KEYS = "gateway.keys"


@dataclass(frozen=True, slots=True)
class Entrance:
    """Admits callers once a request; the parts of a batch come in with the batch.

    `explain_keys` are the ids of the keys that may see plans of queries; empty for every caller.
    """

    gate: Authenticator
    tenants: Tenants
    option: KeyOption | None = None
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    meter: Meter = field(default_factory=lambda: Meter(time.monotonic))
    explain_keys: tuple[str, ...] = ()

    async def admit(self, scope: Scope) -> QueryService:
        """The service that answers the request.

        Raises:
            GatewayError: 400 to 503, see `gateway.auth.principal.Gate`.
            TooManyRequests: the key makes more requests than it may.
        """
        return self.tenants.service_of(await self.principal(scope))

    async def principal(self, scope: Scope) -> Principal:
        """Who asks; kept in the scope, from which the scopes of a batch's parts are made.

        Raises:
            GatewayError: as `admit`.
        """
        if PRINCIPAL not in scope:
            headers, client = Headers(scope=scope), scope.get("client")
            peer = self.proxies.client(client[0] if client else "", headers)
            keys = self.option.split(scope["query_string"])[1] if self.option else ()
            found = await self.gate.admit(ClientRequest(headers, keys, peer))
            scope[PRINCIPAL], scope[_KEYS] = found, keys
            line = found.id if found.names_one_caller else f"address {network_of(peer)}"
            current_budget().admit(line, found.id, found.allowance, self.meter)
        principal: Principal = scope[PRINCIPAL]
        return principal

    async def may_explain(self, scope: Scope) -> bool:
        """Return whether the caller may see plans of queries.

        Raises:
            GatewayError: as `admit`.
        """
        if not self.explain_keys:
            return True
        principal = await self.principal(scope)
        return principal.id.removeprefix("key:") in self.explain_keys

    async def check_explain(self, scope: Scope) -> None:
        """Refuse a caller who may not see plans of queries.

        Raises:
            AccessDenied: the caller's key is not one of `explain_keys`.
            GatewayError: as `admit`.
        """
        if not await self.may_explain(scope):
            raise AccessDenied(
                "plans of queries are shown to some keys only; ask the gateway's owner to add the"
                " id of yours to --explain-keys"
            )

    def without_key(self, scope: Scope, query: bytes) -> tuple[bytes, CarriedKey | None]:
        """The query, of the request, its body or a batch's part, without the key; for the links.

        Raises:
            Unauthorized: the key is not the one in the URL of the request itself, which was
                admitted: no other is looked at.
        """
        if self.option is None:
            return query, None
        rest, keys = self.option.split(query)
        if not keys:
            return query, None
        if set(keys) != set(scope[_KEYS]):
            raise Unauthorized(
                f"{self.option.name}: inside a body or a batch only the key may stand that is in"
                " the URL of the request itself",
                challenges=(BASIC,),
                target=self.option.name,
            )
        digest = hashlib.sha256(keys[0].encode()).hexdigest()
        return rest, CarriedKey(self.option.name, keys[0], digest)


def in_the_callers_words(error: GatewayError, scope: Scope) -> GatewayError:
    """A token that the Analytics API refuses is the caller's fault if it is the caller's own."""
    principal: Principal | None = scope.get(PRINCIPAL)
    if principal is None or principal.token is None or not isinstance(error, UpstreamRejectedToken):
        return error
    return Unauthorized(
        "the Analytics API refuses your Skillhabit token: it has ended, or may not read analytics;"
        " get a new one, and give that",
        challenges=(CHALLENGE,),
    )
