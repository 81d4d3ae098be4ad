"""4xx: what a client can mend."""

from __future__ import annotations

from gateway.errors.base import GatewayError, retry_after


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


class RequestHeaderFieldsTooLarge(GatewayError):
    """The head of the request, or what frames its body, is larger than the limit (RFC 6585 5)."""

    status = 431
    code = "RequestHeaderFieldsTooLarge"


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
        return retry_after(self.retry_after_seconds)


class TooManyRequests(GatewayError):
    """A key makes more requests, at once or in a minute, than its owner allows it."""

    status = 429
    code = "TooManyRequests"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """When the key may make requests again."""
        return retry_after(self.retry_after_seconds)
