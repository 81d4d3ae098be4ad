"""502 and 503: failures of the Analytics API."""

from __future__ import annotations

from gateway.errors.base import GatewayError, Stopgap
from gateway.errors.service import ServiceUnavailable


class UpstreamFault(GatewayError):
    """The Analytics API sent an unusable response; trying again does not help."""

    status = 502
    code = "UpstreamFault"

    def in_public(self) -> GatewayError:
        """Return the error without totals, names of columns and the API's own words."""
        return type(self)(
            "the gateway cannot use the response of the Analytics API; the gateway's owner finds"
            " the cause in its log"
        )


class UpstreamRejectedToken(UpstreamFault):
    """401 from the Analytics API for the gateway's own token, hence never 401 to the client."""

    code = "UpstreamRejectedToken"


class UpstreamDeniedAccess(UpstreamFault):
    """403 from the Analytics API: API access is not enabled for the workspace."""

    code = "UpstreamDeniedAccess"


class UpstreamRejectedRequest(UpstreamFault):
    """Any other 4xx from the Analytics API: the contract file does not match it."""

    code = "UpstreamRejectedRequest"


class UpstreamBrokeContract(UpstreamFault):
    """A complete success whose body is not JSON or does not match the contract file."""

    code = "UpstreamBrokeContract"


class UpstreamUnavailable(ServiceUnavailable):
    """The Analytics API cannot be reached or fails; try again later."""

    code = "UpstreamUnavailable"

    def in_public(self) -> GatewayError:
        """Return the error without the API's own words."""
        return type(self)(
            "the rows cannot be loaded from the Analytics API now; try again later (the gateway's"
            " owner finds the cause in its log)",
            retry_after_seconds=self.retry_after_seconds,
        )


class UpstreamThrottled(UpstreamUnavailable):
    """429 from the Analytics API, or a wait for a free call, exceeds the retry budget."""

    code = "UpstreamThrottled"


class UpstreamKeepsChanging(UpstreamUnavailable):
    """The data changed too much during paging to load a consistent extract."""

    code = "UpstreamKeepsChanging"
    stopgap = Stopgap.WHILE_STALE
