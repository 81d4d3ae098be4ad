"""502 and 503: what the Analytics API does not do as it should."""

from __future__ import annotations

from gateway.errors.base import GatewayError, Stopgap
from gateway.errors.service import ServiceUnavailable


class UpstreamFault(GatewayError):
    """The Analytics API gave an answer that cannot be used; asking again will not help."""

    status = 502
    code = "UpstreamFault"

    def in_public(self) -> GatewayError:
        """Totals, names of columns and the API's own words are for who sees all."""
        return type(self)(
            "the gateway cannot use what the Analytics API answers; the gateway's owner finds why"
            " in its log"
        )


class UpstreamRejectedToken(UpstreamFault):
    """401 from the Analytics API: the gateway's own token, hence never 401 to the client."""

    code = "UpstreamRejectedToken"


class UpstreamDeniedAccess(UpstreamFault):
    """403 from the Analytics API: API access is not enabled for the workspace."""

    code = "UpstreamDeniedAccess"


class UpstreamRejectedRequest(UpstreamFault):
    """Any other 4xx from the Analytics API: the contract file does not fit it."""

    code = "UpstreamRejectedRequest"


class UpstreamBrokeContract(UpstreamFault):
    """A 200 whose body is whole and no JSON, or does not fit the contract file."""

    code = "UpstreamBrokeContract"


class UpstreamUnavailable(ServiceUnavailable):
    """The Analytics API cannot be reached or fails; worth asking again later."""

    code = "UpstreamUnavailable"

    def in_public(self) -> GatewayError:
        """The API's own words are for who sees all."""
        return type(self)(
            "the rows cannot be read from the Analytics API now; try again later (the gateway's"
            " owner finds why in its log)",
            retry_after_seconds=self.retry_after_seconds,
        )


class UpstreamThrottled(UpstreamUnavailable):
    """429 from the Analytics API, or a turn in the line of calls, beyond the retry budget."""

    code = "UpstreamThrottled"


class UpstreamKeepsChanging(UpstreamUnavailable):
    """The data moved so much while it was paged that no consistent extract could be read."""

    code = "UpstreamKeepsChanging"
    stopgap = Stopgap.WHILE_STALE
