"""What an answer other than 200 means: may it pass, for how long to wait, and what to say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from gateway.analytics.read.bodies import UNDECODED, decode_any
from gateway.contract.model import Contract, MemberPath
from gateway.errors import (
    GatewayError,
    UpstreamDeniedAccess,
    UpstreamRejectedRequest,
    UpstreamRejectedToken,
    UpstreamThrottled,
    UpstreamUnavailable,
)

_SHORTEST_SECRET = 8
_UNTOLD_WAIT = 10
_LONGEST_TOLD_WAIT = 3600.0


class Passing(Exception):
    """A failure that may pass; `wait` is what the upstream asked for, in seconds, or None."""

    def __init__(self, error: GatewayError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait

    @property
    def throttles(self) -> bool:
        """Whether the upstream wants fewer calls of everybody, not only of this one."""
        return self.wait is not None or isinstance(self.error, UpstreamThrottled)


def refusal(response: httpx.Response, contract: Contract, now: datetime) -> Exception:
    """The `GatewayError`, or `Passing` around one, that an answer other than 200 means."""
    status = response.status_code
    said, details = f"the Analytics API answered {status}", _words(response, contract)
    match status:
        case 401:
            return UpstreamRejectedToken(
                f"{said}. The gateway's own token is missing, expired or not valid there; its"
                " owner renews it where --token-file, --token-env or --token-command says",
                details=details,
            )
        case 403:
            return UpstreamDeniedAccess(
                f"{said}. API access must be enabled for the workspace by its administrator",
                details=details,
            )
        case 429 | 503:
            wait = _retry_after(response, now)
            family = UpstreamThrottled if status == 429 else UpstreamUnavailable
            later = _UNTOLD_WAIT if wait is None else int(wait) + 1
            return Passing(family(said, retry_after_seconds=later, details=details), wait)
        case _ if status in (408, 425) or status >= 500:
            return Passing(UpstreamUnavailable(said, details=details))
        case _:
            return UpstreamRejectedRequest(
                f"{said}. The contract file does not fit this upstream; `skillhabit-odata"
                " check` shows where",
                details=details,
            )


def answered_at(response: httpx.Response) -> datetime | None:
    """The upstream's clock when it answered, aware, UTC; None when it did not say."""
    return _parse_date(response.headers.get("Date", ""))


def _words(response: httpx.Response, contract: Contract) -> tuple[str, ...]:
    """The upstream's own words, shortened and without the token; none when it gave none.

    They may hold anything, also of a row: as details they reach who sees all, and no log.
    """
    text = _without_token(_text_at(response.content, contract.response.error), response)
    return (f"the Analytics API says: {text[:200]}",) if text else ()


def _without_token(text: str, response: httpx.Response) -> str:
    """An upstream that repeats the token, or a part of it, must not bring it to a client or log."""
    token = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
    for secret in (token, *token.split(".")):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[token]")
    return text


def _text_at(body: bytes, path: MemberPath) -> str:
    try:
        node = decode_any(body)
    except UNDECODED:
        return ""
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds, at most an hour; a date counts from the upstream's own clock if it tells it."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_TOLD_WAIT)
    moment = _parse_date(text)
    if moment is None:
        return None
    seconds = (moment - (answered_at(response) or now)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_TOLD_WAIT)


def _parse_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
