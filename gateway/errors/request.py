"""4xx: failures that the client can correct."""

from __future__ import annotations

from gateway.errors.base import GatewayError, retry_after, with_wait


class InvalidSyntax(GatewayError):
    """The URL is not valid OData; the gateway does not guess."""

    status = 400
    code = "InvalidSyntax"


class InvalidValue(GatewayError):
    """An option, header or literal has a value outside its range."""

    status = 400
    code = "InvalidValue"


class UnknownOption(GatewayError):
    """OData defines no such `$` option (Protocol 6.1: never ignored)."""

    status = 400
    code = "UnknownOption"


class UnknownName(GatewayError):
    """The entity type has no such property, variable or alias."""

    status = 400
    code = "UnknownName"


class TypeMismatch(GatewayError):
    """Operands or arguments have incompatible types; OData converts nothing implicitly."""

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

    `challenges` say how to sign in; Tableau and Power BI send credentials only after them.
    """

    status = 401
    code = "Unauthorized"

    def __init__(self, message: str, *, challenges: tuple[str, ...], target: str = "") -> None:
        super().__init__(message, target=target)
        self.challenges = challenges

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return a header for each challenge: some clients see only the first of a header."""
        return tuple(("WWW-Authenticate", challenge) for challenge in self.challenges)


class AccessDenied(GatewayError):
    """The caller is authenticated but has access to nothing; trying again does not help."""

    status = 403
    code = "AccessDenied"


class ResourceNotFound(GatewayError):
    """There is no such entity set, property, entity or service path."""

    status = 404
    code = "NotFound"


class MethodNotAllowed(GatewayError):
    """The service is read-only, or this resource accepts only POST: see `Allow`."""

    status = 405
    code = "MethodNotAllowed"

    def __init__(
        self, message: str, *, allow: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    ) -> None:
        super().__init__(message)
        self.allow = allow

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Allow`, which 405 requires (RFC 9110 15.5.6)."""
        return (("Allow", ", ".join(self.allow)),)


class NotAcceptable(GatewayError):
    """No representation matches `Accept` or `$format`."""

    status = 406
    code = "NotAcceptable"


class RequestTimeout(GatewayError):
    """The body of a POST did not arrive in time."""

    status = 408
    code = "RequestTimeout"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Connection: close`: the rest of the body is not read (RFC 9110 15.5.9)."""
        return (("Connection", "close"),)


class FeedGone(GatewayError):
    """The snapshot or long query that a nextLink refers to is no longer retained."""

    status = 410
    code = "FeedGone"


class ChangesGone(GatewayError):
    """The snapshot of a deltaLink is no longer retained: read all rows again, see `Location`."""

    status = 410
    code = "ChangesGone"

    def __init__(self, message: str, *, target: str, location: str) -> None:
        super().__init__(message, target=target)
        self.location = location

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Location`, the URL of all rows (Protocol 11.3)."""
        return (("Location", self.location),)


class PreconditionFailed(GatewayError):
    """`If-Match` lists no current ETag, or `Isolation` is not snapshot (Protocol 8.2.4, 8.2.5)."""

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
    """This resource does not accept the media type or content coding of the body of a POST."""

    status = 415
    code = "UnsupportedMediaType"


class MisdirectedRequest(GatewayError):
    """The request names a host that is not one of the service: see `--allowed-hosts`."""

    status = 421
    code = "MisdirectedRequest"


class RequestHeaderFieldsTooLarge(GatewayError):
    """The head or the framing of the body is larger than the limit (RFC 6585 5)."""

    status = 431
    code = "RequestHeaderFieldsTooLarge"


class FailedDependency(GatewayError):
    """A request of a `$batch` did not run, because another that it depends on failed."""

    status = 424
    code = "FailedDependency"


class TooManyAttempts(GatewayError):
    """Too many wrong keys or tokens from one address or for one key; valid ones still work."""

    status = 429
    code = "TooManyAttempts"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(with_wait(message, retry_after_seconds))
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Retry-After`: after it, wrong credentials get 401 again."""
        return retry_after(self.retry_after_seconds)


class TooManyRequests(GatewayError):
    """A key makes more requests, concurrently or in a minute, than the gateway's owner allows."""

    status = 429
    code = "TooManyRequests"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(with_wait(message, retry_after_seconds))
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Retry-After`: after it, the key may make requests again."""
        return retry_after(self.retry_after_seconds)
