"""Admission: paths, required headers and constants, the pace, and logging in."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Literal

from starlette.datastructures import Headers

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.variations.reader import MISSING, BodyReader

USER, PASSWORD = "reports@example.com", "correct horse battery staple"  # invented
CLIENT_ID, CLIENT_SECRET = "gateway", "a client secret of the sandbox"  # invented
_WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class DoorForm:
    """The conditions that a client meets before it gets rows.

    Attributes:
        prefix: the path before all endpoints, such as `/api/v1`.
        results: the path of the endpoint for rows, below the prefix.
        headers: pairs of a required header and its value.
        constants: pairs of a required member of the body and its value.
        calls_a_minute: the most calls in a minute, or None.
        retry_after: True if a 429 says how long to wait.
        rate_headers: the headers of each response that show the calls that are left.
        seconds_a_page: how long a page takes.
        blocked: the page that a client gets instead of the API: a proxy's 403, a sign-in page with
            status 200, or a redirect to that page.
        login: the way to obtain tokens, or None if they are issued by hand.
        token_seconds: the lifetime of a token from the login.
    """

    prefix: str = ""
    results: str = "/analyse/results"
    headers: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, object], ...] = ()
    calls_a_minute: int | None = None
    retry_after: bool = True
    rate_headers: Literal["none", "x-ratelimit", "ratelimit"] = "none"
    seconds_a_page: float = 0.0
    blocked: Literal["never", "proxy", "sign_in", "redirect"] = "never"
    login: Literal["password", "oauth"] | None = None
    token_seconds: float = 3600.0


def check_headers(headers: Headers, form: DoorForm) -> None:
    """Check the headers that the API needs besides the token.

    Raises:
        ApiFailure: 400; the message names the header.
    """
    for name, value in form.headers:
        given = headers.get(name)
        if given is None:
            raise ApiFailure(400, f"The header {name} is required")
        if given != value:
            raise ApiFailure(400, f"The header {name} has an unknown value")


def take_constants(reader: BodyReader, form: DoorForm) -> None:
    """Take the members that every request must have."""
    for path, value in form.constants:
        given = reader.take(path)
        if given is MISSING:
            reader.refuse("required", path)
        elif given != value:
            reader.refuse("equal", path, value)


class Pace:
    """A fixed window of a minute with a number of calls; any clock will do."""

    def __init__(self, form: DoorForm) -> None:
        self._form = form
        self._calls: deque[float] = deque()

    def admit(self, now: datetime) -> dict[str, str]:
        """Count a call and return the headers that show the pace.

        Raises:
            ApiFailure: 429 after too many calls in the last minute.
        """
        most = self._form.calls_a_minute
        if most is None:
            return {}
        seconds = now.timestamp()
        while self._calls and self._calls[0] <= seconds - _WINDOW_SECONDS:
            self._calls.popleft()
        admitted = len(self._calls) < most
        if admitted:
            self._calls.append(seconds)
        wait = ceil(self._calls[0] + _WINDOW_SECONDS - seconds)
        headers = self._headers(most - len(self._calls), wait, now)
        if admitted:
            return headers
        retry = {"Retry-After": str(wait)} if self._form.retry_after else {}
        raise ApiFailure(429, "Too many requests", headers | retry)

    def _headers(self, left: int, wait: int, now: datetime) -> dict[str, str]:
        most = self._form.calls_a_minute
        match self._form.rate_headers:
            case "x-ratelimit":
                return {
                    "X-RateLimit-Limit": str(most),
                    "X-RateLimit-Remaining": str(left),
                    "X-RateLimit-Reset": str(int(now.timestamp()) + wait),
                }
            case "ratelimit":
                return {"RateLimit": f"limit={most}, remaining={left}, reset={wait}"}
            case _:
                return {}
