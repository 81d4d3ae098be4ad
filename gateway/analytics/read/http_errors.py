"""The errors of responses other than 200: temporary or not, how long to wait, and the message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from gateway.analytics.read.allowance import seconds_until_reset
from gateway.analytics.read.bodies import UNDECODED, decode_any
from gateway.analytics.read.translate import find
from gateway.contract.model import Contract, MemberPath
from gateway.errors import (
    GatewayError,
    UpstreamDeniedAccess,
    UpstreamRejectedRequest,
    UpstreamRejectedToken,
    UpstreamThrottled,
    UpstreamUnavailable,
)

_MIN_SECRET_CHARACTERS = 8
_SIZES = re.compile(r"\b(limit|page ?size|per ?page|size|take|first|top)\b", re.IGNORECASE)
"""Words of an upstream that refuses a request because of the number of rows requested."""
_DEFAULT_WAIT_SECONDS = 10
_MAX_WAIT_SECONDS = 3600.0


class TemporaryFailure(Exception):
    """A temporary failure; `wait` is the upstream's Retry-After in seconds, or None."""

    def __init__(self, error: GatewayError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait

    @property
    def throttles(self) -> bool:
        """True if the upstream asks for fewer calls in general, not only for this one."""
        return self.wait is not None or isinstance(self.error, UpstreamThrottled)


def refusal(response: httpx.Response, contract: Contract, now: datetime) -> Exception:
    """Return the `GatewayError`, or `TemporaryFailure` with one, of a refusal."""
    status = response.status_code
    said, details = f"the Analytics API answered {status}", _words(response, contract)
    match status:
        case 401:
            return UpstreamRejectedToken(
                f"{said}. The gateway's own token is missing, expired or not valid there; its"
                " owner renews it where --token-file, --token-env or --token-command says, or"
                " corrects the account that logs in",
                details=details,
            )
        case 403:
            return UpstreamDeniedAccess(
                f"{said}. API access must be enabled for the workspace by its administrator",
                details=details,
            )
        case 429 | 503:
            wait = _retry_after(response, now)
            if wait is None and status == 429:
                wait = seconds_until_reset(response.headers, answered_at(response) or now)
                wait = None if wait is None else min(wait, _MAX_WAIT_SECONDS)
            family = UpstreamThrottled if status == 429 else UpstreamUnavailable
            later = _DEFAULT_WAIT_SECONDS if wait is None else int(wait) + 1
            return TemporaryFailure(family(said, retry_after_seconds=later, details=details), wait)
        case _ if status in (408, 425) or status >= 500:
            late = UpstreamUnavailable(said, details=details)
            late.wants_smaller_page = status in (408, 504)
            return TemporaryFailure(late)
        case _:
            rejected = UpstreamRejectedRequest(
                f"{said}. The contract file does not fit this upstream; `skillhabit-odata"
                " check` shows where",
                details=details,
            )
            rejected.wants_smaller_page = status == 413 or (
                status in (400, 422) and _SIZES.search(" ".join(details)) is not None
            )
            return rejected


def is_success(response: httpx.Response, contract: Contract) -> bool:
    """Return True if the response is one that the contract calls a success; by default any 2xx."""
    shape = contract.response
    status = response.status_code
    if not (status in shape.success if shape.success else response.is_success):
        return False
    if shape.failed_if is None:
        return True
    path, value = shape.failed_if
    try:
        return bool(find(decode_any(response.content), path) != value)
    except UNDECODED:
        return True  # the reader finds out what is wrong


def answered_at(response: httpx.Response) -> datetime | None:
    """Return the response's Date, aware, UTC; None without one."""
    return _parse_date(response.headers.get("Date", ""))


def _words(response: httpx.Response, contract: Contract) -> tuple[str, ...]:
    """Return the upstream's own message, shortened and without the token, if there is one.

    It may contain anything, even values of a row. As details, it reaches only clients that may see
    all rows, and no log.
    """
    found = _texts_at(response.content, contract.response.errors)
    names = (name for name, _ in contract.request.headers)
    text = _without_secrets("; ".join(found), response, names)
    return (f"the Analytics API says: {text[:200]}",) if text else ()


def _without_secrets(text: str, response: httpx.Response, names: Iterable[str]) -> str:
    """Remove the token, its parts and the values of these headers, if the upstream repeats them."""
    sent = response.request.headers
    token = sent.get("Authorization", "").removeprefix("Bearer ")
    for secret in (token, *token.split("."), *(sent.get(name, "") for name in names)):
        if len(secret) >= _MIN_SECRET_CHARACTERS:
            text = text.replace(secret, "[token]")
    return text


def _texts_at(body: bytes, paths: tuple[MemberPath, ...]) -> list[str]:
    """Return the texts at all paths, of lists too."""
    try:
        answer = decode_any(body)
    except UNDECODED:
        return []
    found = [find(answer, path) for path in paths]
    listed = [each for node in found for each in (node if isinstance(node, list) else [node])]
    return [text for text in listed if isinstance(text, str) and text]


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Return seconds, at most an hour; a date counts from the upstream's clock if it is known."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MAX_WAIT_SECONDS)
    moment = _parse_date(text)
    if moment is None:
        return None
    seconds = (moment - (answered_at(response) or now)).total_seconds()
    return min(max(seconds, 0.0), _MAX_WAIT_SECONDS)


def _parse_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
