"""5xx of the gateway itself."""

from __future__ import annotations

from gateway.errors.base import GatewayError, Stopgap, retry_after


class InternalError(GatewayError):
    """A fault of the gateway; its log tells why."""

    status = 500
    code = "InternalError"

    @classmethod
    def unexpected(cls) -> InternalError:
        """Return the error that hides an unexpected exception; the log has its details."""
        return cls("the gateway failed unexpectedly; its log has the cause")


class InsufficientStorage(InternalError):
    """The gateway's memory or data directory has no room for what the answer needs."""

    status = 507
    code = "InsufficientStorage"
    stopgap = Stopgap.IF_ERROR


class QueryTimeout(GatewayError):
    """A query took longer than `--query-timeout` or its key allows, and would again: ask for less.

    `key_seconds` is the time limit of the key, where that is the one that counts.
    """

    status = 504
    code = "QueryTimeout"

    def __init__(self, key_seconds: float | None = None) -> None:
        allowed, remedy = "the gateway allows", "its owner can raise --query-timeout"
        if key_seconds is not None:
            allowed = f"the {key_seconds:g} seconds that this key allows"
            remedy = "the gateway's owner can raise the key's query_seconds"
        super().__init__(
            f"the query took longer than {allowed}; ask for less at once: a narrower $filter,"
            " fewer columns in groupby, orderby or $compute, fewer rows in $expand"
            f" ({remedy})"
        )


class NotSupported(GatewayError):
    """Legal OData that this service does not evaluate (Protocol 9.3.1)."""

    status = 501
    code = "NotImplemented"


class ServiceUnavailable(GatewayError):
    """The gateway has too much to do at once; worth asking again later.

    At most 120 of the seconds are told, the longest wait that Power Query honours.
    """

    status = 503
    code = "ServiceUnavailable"
    stopgap = Stopgap.IF_ERROR

    def __init__(
        self, message: str, *, retry_after_seconds: int = 10, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """When to ask again."""
        return retry_after(self.retry_after_seconds)


class SignInUnavailable(ServiceUnavailable):
    """Credentials cannot be checked now: their issuer is out of reach, or the file of the keys."""

    code = "SignInUnavailable"
    stopgap = Stopgap.NEVER
