"""The catalogue of failures: what a client can see, with HTTP status and OData code.

Status and code live here and nowhere else. Every message names the option, the place and the way
out (OData 4.01 Protocol 9.4; Power Query shows `error.message` to the analyst). `docs/errors.md`
lists the catalogue; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stops being right: `position` counts characters, `len(text)` is its end."""

    text: str
    position: int


class GatewayError(Exception):
    """A failure with a place in the catalogue.

    Attributes:
        message: for people; names the option, the position and the remedy.
        target: the query option, header or path the failure is about; empty when it is the whole.
        details: further messages about the same failure, e.g. the caret line of a syntax error.
        place: of a syntax error, for who shows it in another way than a caret line.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        target: str = "",
        details: tuple[str, ...] = (),
        place: Place | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.details = details
        self.place = place

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Extra response headers, e.g. `Allow` or `Retry-After`."""
        return ()

    def in_public(self) -> GatewayError:
        """The same failure for who may not see all rows: itself, if it tells nothing of them."""
        return self


class InvalidSyntax(GatewayError):
    """The URL is not OData; nothing was guessed."""

    status = 400
    code = "InvalidSyntax"


class InvalidValue(GatewayError):
    """An option, header or literal has a value outside its range."""

    status = 400
    code = "InvalidValue"


class UnknownOption(GatewayError):
    """A `$` option that OData does not know (Protocol 6.1: never ignored)."""

    status = 400
    code = "UnknownOption"


class UnknownName(GatewayError):
    """A property, variable or alias that the entity type does not have."""

    status = 400
    code = "UnknownName"


class TypeMismatch(GatewayError):
    """Operands or arguments whose types do not go together; OData converts nothing silently."""

    status = 400
    code = "TypeMismatch"


class OptionNotAllowed(GatewayError):
    """The option is known but has no meaning on this resource (URL Conventions 5.1)."""

    status = 400
    code = "OptionNotAllowed"


class LimitExceeded(GatewayError):
    """The request is larger or deeper than the gateway accepts."""

    status = 400
    code = "LimitExceeded"


class InvalidSkipToken(GatewayError):
    """The `$skiptoken` was not issued by this service, or for another query."""

    status = 400
    code = "InvalidSkipToken"


class InvalidDeltaToken(GatewayError):
    """The `$deltatoken` was not issued by this service, or for another query."""

    status = 400
    code = "InvalidDeltaToken"


class UnsupportedVersion(GatewayError):
    """`OData-MaxVersion` excludes every version that the service speaks."""

    status = 400
    code = "UnsupportedVersion"


class Unauthorized(GatewayError):
    """The gateway's own credentials are missing or wrong; never used for the upstream's token.

    `challenges` tell how to sign in; Tableau and Power BI send credentials only after them.
    """

    status = 401
    code = "Unauthorized"

    def __init__(self, message: str, *, challenges: tuple[str, ...], target: str = "") -> None:
        super().__init__(message, target=target)
        self.challenges = challenges

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """A line for each: not every client finds two in one."""
        return tuple(("WWW-Authenticate", challenge) for challenge in self.challenges)


class AccessDenied(GatewayError):
    """Who asks is known, and nothing is open to them; never used for what another try may mend."""

    status = 403
    code = "AccessDenied"


class ResourceNotFound(GatewayError):
    """No such entity set, property, entity or service path."""

    status = 404
    code = "NotFound"


class MethodNotAllowed(GatewayError):
    """The service is read-only, or only POST reads this resource: see `Allow`."""

    status = 405
    code = "MethodNotAllowed"

    def __init__(
        self, message: str, *, allow: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    ) -> None:
        super().__init__(message)
        self.allow = allow

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """`Allow` is required with 405 (RFC 9110 15.5.6)."""
        return (("Allow", ", ".join(self.allow)),)


class NotAcceptable(GatewayError):
    """No representation fits `Accept` or `$format`."""

    status = 406
    code = "NotAcceptable"


class RequestTimeout(GatewayError):
    """The body of a POST did not come in time."""

    status = 408
    code = "RequestTimeout"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The rest of it is not waited for (RFC 9110 15.5.9)."""
        return (("Connection", "close"),)


class FeedGone(GatewayError):
    """What a nextLink leads into, a snapshot or a long query, is no longer kept."""

    status = 410
    code = "FeedGone"


class ChangesGone(GatewayError):
    """What a deltaLink compares with is no longer kept: read all rows again, see `Location`."""

    status = 410
    code = "ChangesGone"

    def __init__(self, message: str, *, target: str, location: str) -> None:
        super().__init__(message, target=target)
        self.location = location

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Where all rows are (Protocol 11.3)."""
        return (("Location", self.location),)


class PreconditionFailed(GatewayError):
    """`If-Match` has no current ETag, or `Isolation` is not snapshot (Protocol 8.2.4, 8.2.5)."""

    status = 412
    code = "PreconditionFailed"


class ContentTooLarge(GatewayError):
    """The body of a POST is larger than the limit."""

    status = 413
    code = "ContentTooLarge"


class UriTooLong(GatewayError):
    """The URL is longer than the limit."""

    status = 414
    code = "UriTooLong"


class UnsupportedMediaType(GatewayError):
    """The body of a POST has a media type or a content coding that is not read there."""

    status = 415
    code = "UnsupportedMediaType"


class MisdirectedRequest(GatewayError):
    """The service is not known by the host that was asked: see `--allowed-hosts`."""

    status = 421
    code = "MisdirectedRequest"


class FailedDependency(GatewayError):
    """A request of a `$batch` was not tried, because another that it needs has failed."""

    status = 424
    code = "FailedDependency"


class TooManyAttempts(GatewayError):
    """Too many wrong keys or tokens came from an address, or for one key; known ones get in."""

    status = 429
    code = "TooManyAttempts"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """When a wrong one is answered with 401 again."""
        return _retry_after(self.retry_after_seconds)


class InternalError(GatewayError):
    """A fault of the gateway; its log tells why."""

    status = 500
    code = "InternalError"


class InsufficientStorage(InternalError):
    """The gateway's memory or data directory has no room for what the answer needs."""

    status = 507
    code = "InsufficientStorage"


class QueryTimeout(GatewayError):
    """A query took longer than `--query-timeout` allows, and would again: ask for less."""

    status = 504
    code = "QueryTimeout"

    def __init__(self) -> None:
        super().__init__(
            "the query took longer than the gateway allows; ask for less at once: a narrower"
            " $filter, fewer columns in groupby, orderby or $compute, fewer rows in $expand (its"
            " owner can raise --query-timeout)"
        )


class NotSupported(GatewayError):
    """Legal OData that this service does not evaluate (Protocol 9.3.1)."""

    status = 501
    code = "NotImplemented"


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
    """A 200 whose body does not fit the contract file."""

    code = "UpstreamBrokeContract"


class ServiceUnavailable(GatewayError):
    """The gateway has too much to do at once; worth asking again later.

    `retry_after_seconds` is at most 120, the longest wait that Power Query honours.
    """

    status = 503
    code = "ServiceUnavailable"

    def __init__(
        self, message: str, *, retry_after_seconds: int = 10, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after_seconds = max(1, min(retry_after_seconds, 120))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Whole seconds: Power Query ignores an HTTP date."""
        return (("Retry-After", str(self.retry_after_seconds)),)


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


class SignInUnavailable(GatewayError):
    """Credentials cannot be checked now: their issuer is out of reach, or the file of the keys."""

    status = 503
    code = "SignInUnavailable"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """A client that waits need not ask its user for other credentials."""
        return _retry_after(10)


def _retry_after(seconds: float) -> tuple[tuple[str, str], ...]:
    """Whole seconds, since Power Query ignores dates, and no more than the 120 it waits."""
    return (("Retry-After", str(max(1, min(ceil(seconds), 120)))),)


class ConfigurationProblem(Exception):
    """A setting, contract file or token file that cannot be used; ends the command with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
