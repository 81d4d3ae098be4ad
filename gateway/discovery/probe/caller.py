"""Calls to an unknown API: paced, counted and limited. No message contains values of rows.

Only POST requests are made, to the base URL's host alone. A throttled call is repeated
after the time that the API states, or after a minute. A failure before any row is seen raises
`DoorProblem`, whose message says what to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from gateway.analytics.read.bodies import UNDECODED, decode_any
from gateway.analytics.read.connection_errors import connection_failure
from gateway.analytics.read.members import MISSING

_THROTTLED_SECONDS = 60.0
_MAX_WAIT_SECONDS = 300.0
_CUT_OFF = 500
"""The status of a call without an answer: the API has answered others, so it fails on this one."""
_ATTEMPTS = 3
_WINDOW_SECONDS = 60.0
_MAX_TIMES = 1000


class Door(StrEnum):
    """The reason why the gateway cannot see any row."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    TOKEN = "token"  # noqa: S105 - the name of a cause
    FORBIDDEN = "forbidden"
    PROXY = "proxy"
    WRONG_PLACE = "wrong place"
    NOT_JSON = "not JSON"
    REFUSED = "refused"
    NO_ROWS = "no rows"


class DoorProblem(Exception):
    """A reason why discovery cannot begin; `door` says which, the message what to do."""

    def __init__(self, door: Door, message: str) -> None:
        super().__init__(message)
        self.door = door
        self.message = message


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: its JSON is `MISSING` if the body is none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    answer: Any = field(repr=False)
    seconds: float = 0.0
    is_html: bool = False

    @property
    def succeeded(self) -> bool:
        """True for a 2xx with JSON that does not call itself an error."""
        return (
            200 <= self.status < 300 and self.answer is not MISSING and not _is_error(self.answer)
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of calls: seconds between two of them, and their largest number.

    `sleep` and `monotonic` are injected, so that tests do not wait.
    """

    sleep: Callable[[float], Awaitable[None]]
    monotonic: Callable[[], float]
    seconds: float = 2.0
    most_calls: int = 200


class Caller:
    """A caller of one API; `calls` counts the requests made.

    `slowest` is the longest response in seconds. `calls_per_second` is a rate that the API has not
    refused, None if it has refused none.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        token: Callable[[str], Awaitable[str]],
        pace: Pace,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.calls = 0
        self.slowest = 0.0
        self._has_answered = False
        self.calls_per_second: float | None = None
        self._times: deque[float] = deque(maxlen=_MAX_TIMES)
        self.headers = dict(headers or {})
        self._http = http
        self._token = token
        self._pace = pace
        self._next = 0.0
        self._gap = pace.seconds

    async def post(self, path: str, body: Any) -> Reply:
        """Post a body, and return the response, whatever its status is.

        Raises:
            DoorProblem: there is no response, or the token is refused.
        """
        for _ in range(_ATTEMPTS):
            reply = await self._once(path, body)
            if reply.status not in (429, 503):
                return self._checked(path, reply)
            if reply.status == 429:
                self._note_throttling()
            wait = _retry_after(reply.headers)
            self._gap = max(self._gap * 2, 1.0) if self._pace.seconds else self._gap
            await self._pace.sleep(wait)
        raise DoorProblem(
            Door.BUSY,
            f"the Analytics API answered {reply.status} {_ATTEMPTS} times, though the gateway"
            " waited as requested; run the command again later",
        )

    def _note_throttling(self) -> None:
        """Remember how many calls a second were too many, less a tenth."""
        now = self._pace.monotonic()
        recent = sum(1 for at in self._times if now - at <= _WINDOW_SECONDS)
        rate = round(0.9 * max(recent - 1, 1) / _WINDOW_SECONDS, 3)
        self.calls_per_second = min(rate, self.calls_per_second or rate)

    async def _once(self, path: str, body: Any) -> Reply:
        if self.calls >= self._pace.most_calls:
            raise DoorProblem(
                Door.BUSY,
                f"{self.calls} calls did not suffice to learn this API; `init --from FILE` with a"
                " description of it, or a recorded request, needs fewer",
            )
        await self._wait()
        self.calls += 1
        self._times.append(self._pace.monotonic())
        began = self._pace.monotonic()
        try:
            response = await self._post(path, body)
        except httpx.TimeoutException:
            raise DoorProblem(
                Door.UNREACHABLE,
                "the Analytics API did not answer within two minutes; try again later",
            ) from None
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            if not self._has_answered:
                raise _unreachable(error, str(self._http.base_url)) from None
            return Reply(_CUT_OFF, httpx.Headers(), MISSING, 0.0, is_html=False)
        except httpx.HTTPError as error:
            raise _unreachable(error, str(self._http.base_url)) from None
        self._has_answered = True
        seconds = self._pace.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        return _reply(response, seconds)

    async def _post(self, path: str, body: Any) -> httpx.Response:
        """Post the body; after a 401, post it again if there is another token."""
        token = await self._token("")
        response = await self._http.post(path, json=body, headers=self._headers(token))
        if response.status_code == 401 and (fresh := await self._token(token)) != token:
            return await self._http.post(path, json=body, headers=self._headers(fresh))
        return response

    def _headers(self, token: str) -> dict[str, str]:
        return {**self.headers, "Authorization": f"Bearer {token}"}

    async def _wait(self) -> None:
        now = self._pace.monotonic()
        if now < self._next:
            await self._pace.sleep(self._next - now)
        self._next = max(now, self._next) + self._gap

    def _checked(self, path: str, reply: Reply) -> Reply:
        if reply.status == 401:
            raise DoorProblem(
                Door.TOKEN,
                f"POST {path} answered 401: the token is expired, of another environment, or was"
                " pasted with `Bearer ` or quotes; get a new one from the API's administrator",
            )
        if reply.status in (403, 407):
            raise _forbidden(path, reply)
        return reply


def _reply(response: httpx.Response, seconds: float) -> Reply:
    """Return the reply; an error inside a 2xx has the status that it names."""
    try:
        answer = decode_any(response.content) if response.content.strip() else MISSING
    except UNDECODED:
        answer = MISSING
    is_html = response.content.lstrip()[:1] == b"<"
    status = response.status_code
    if response.is_success and _is_error(answer):
        status = _status_in(answer) or 400
    return Reply(status, response.headers, answer, seconds, is_html)


def _status_in(answer: Any) -> int | None:
    found = [answer.get(name) for name in ("code", "statusCode", "status", "errorCode")]
    return next((n for n in found if isinstance(n, int) and 400 <= n <= 599), None)


def _forbidden(path: str, reply: Reply) -> DoorProblem:
    if reply.status == 407 or reply.is_html:
        return DoorProblem(
            Door.PROXY,
            f"POST {path} answered {reply.status} with a web page: a proxy or firewall answered,"
            " not the API; have the API's host allowed, or set HTTPS_PROXY",
        )
    return DoorProblem(
        Door.FORBIDDEN,
        f"POST {path} answered 403: API access is not enabled for the workspace, or its plan does"
        " not include the Analytics API; ask the workspace's administrator",
    )


def _unreachable(error: Exception, base_url: str) -> DoorProblem:
    why = connection_failure(error)
    if "certificate" in why.lower():
        return DoorProblem(
            Door.UNREACHABLE,
            f"{base_url} has a certificate that is not known here ({why}); if a proxy of your"
            " company opens connections, name its authority in SSL_CERT_FILE",
        )
    return DoorProblem(
        Door.UNREACHABLE,
        f"{base_url} cannot be reached ({why}); check the name, the network and the proxy"
        " variables",
    )


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "").strip()
    if not text.isdigit():
        text = headers.get("x-ratelimit-reset-after", "").strip()
    seconds = float(text) if text.isdigit() else _THROTTLED_SECONDS
    return min(seconds, _MAX_WAIT_SECONDS)


def _is_error(answer: Any) -> bool:
    """Return True for an error inside a 2xx."""
    if not isinstance(answer, dict):
        return False
    status = answer.get("status")
    if isinstance(status, str) and status.lower() in ("error", "fail", "failed", "failure"):
        return True
    if answer.get("success") is False or answer.get("ok") is False:
        return True
    return bool(answer.get("errors") or answer.get("error")) and "data" not in answer
