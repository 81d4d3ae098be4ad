"""A token that the gateway obtains by logging in, and renews before it ends.

A login runs once for any number of concurrent calls. A token is renewed a fifth of its lifetime
before its end, 30 seconds at most, and at once when the Analytics API refuses it; while a renewal
fails, it is used to its end. Refused credentials are not sent again for half a minute, because many
services lock an account after a few wrong passwords.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from hashlib import pbkdf2_hmac
from secrets import token_hex
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from gateway.auth.login_call import RETRY_SECONDS, Answer
from gateway.auth.login_request import LoginRequest, OAuthLogin, PasswordLogin
from gateway.auth.login_response import Grant, read_grant
from gateway.errors import GatewayError, UpstreamRejectedToken, UpstreamUnavailable
from gateway.observe import Clock, Observer
from gateway.observe.health import TokenFacts

_MAX_MARGIN_SECONDS, _MARGIN = 30.0, 0.2
_PAUSE_SECONDS = 1.0
_PAUSE_AFTER_REFUSAL_SECONDS = 30.0
_MAX_PAUSE_SECONDS = 300
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_OAUTH_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "invalid_scope"),
        *("unauthorized_client", "unsupported_grant_type"),
    }
)
"""The words of RFC 6749 5.2, which a message may repeat."""

Send = Callable[[LoginRequest], Awaitable[Answer]]


class LoginToken:
    """A source of tokens by login; `send` is `gateway.auth.login_call.post_login`."""

    def __init__(
        self, login: PasswordLogin | OAuthLogin, send: Send, clock: Clock, observer: Observer
    ) -> None:
        self._login = login
        self._send = send
        self._clock = clock
        self._observer = observer
        self._lock = anyio.Lock()
        self._token = ""
        self._renew_at = self._ends_at = self._pause_until = -math.inf
        self._failure: GatewayError | None = None
        self._request: LoginRequest | None = None
        self._identity = token_hex(8)
        try:
            self._identify(login.request())
        except UpstreamRejectedToken as error:
            observer.warn(error.message)

    async def __call__(self, refused: str = "") -> str:
        """Return the token, after a login if it ends soon or was refused.

        Raises:
            UpstreamRejectedToken: the login is refused, or its response has no token.
            UpstreamUnavailable: the login cannot be reached now.
        """
        async with self._lock:
            now = self._now()
            is_current = self._token != refused and now < self._renew_at
            if not is_current and now >= self._pause_until:
                await self._renew()
        if self._failure is not None and not self._is_usable(refused):
            raise copy(self._failure)  # without the traceback of an earlier call
        return self._token

    def identity(self) -> str:
        """Return the owner, by URL and credentials of the last login or of the next one."""
        return self._identity

    def facts(self) -> TokenFacts:
        """Return whether the last login worked, or its token still does; it is renewed in time."""
        return TokenFacts(is_there=self._failure is None or self._is_usable(""))

    def _is_usable(self, refused: str) -> bool:
        return bool(self._token) and self._token != refused and self._now() < self._ends_at

    def _now(self) -> float:
        return self._clock.monotonic()

    async def _renew(self) -> None:
        try:
            grant = await self._log_in()
        except GatewayError as error:
            self._fail(error)
        else:
            self._accept(grant)

    async def _log_in(self) -> Grant:
        request = await anyio.to_thread.run_sync(self._login.request)
        await anyio.to_thread.run_sync(self._identify, request)
        try:
            answer = await self._send(request)
            return self._read(answer)
        except UpstreamRejectedToken as error:
            raise UpstreamRejectedToken(self._failed(error.message)) from None
        except UpstreamUnavailable as error:
            raise UpstreamUnavailable(
                self._failed(error.message), retry_after_seconds=error.retry_after_seconds
            ) from None

    def _failed(self, problem: str) -> str:
        return f"the gateway cannot log in to the Analytics API by {self._login.place}: {problem}"

    def _read(self, answer: Answer) -> Grant:
        if answer.status == 429 or answer.status in (408, 425) or answer.status >= 500:
            raise UpstreamUnavailable(
                f"it answered {answer.status}; try again later",
                retry_after_seconds=_retry_after(answer.headers),
            )
        decoded = _decoded(answer.body)
        if not 200 <= answer.status < 300:
            raise UpstreamRejectedToken(_refusal(self._login, answer.status, decoded))
        if decoded is None:
            raise UpstreamRejectedToken(
                f"it answered {answer.status} with something that is not JSON, perhaps a web page;"
                " correct its URL"
            )
        now_seconds = self._clock.now().timestamp()
        return read_grant(decoded, self._login.token, self._login.lifetime, now_seconds)

    def _accept(self, grant: Grant) -> None:
        seconds = math.inf if grant.seconds is None else grant.seconds
        now = self._now()
        self._token, self._failure = grant.token, None
        self._ends_at = now + seconds
        self._renew_at = self._ends_at - min(_MAX_MARGIN_SECONDS, seconds * _MARGIN)
        self._pause_until = now + _PAUSE_SECONDS

    def _fail(self, error: GatewayError) -> None:
        if self._failure is None or self._failure.message != error.message:
            self._observer.warn(error.message)
        self._failure = error
        pause = _PAUSE_AFTER_REFUSAL_SECONDS
        if isinstance(error, UpstreamUnavailable):
            pause = error.retry_after_seconds
        self._pause_until = self._now() + pause

    def _identify(self, request: LoginRequest) -> None:
        """Derive the owner from the request; slowly, as the identity is in names of snapshots."""
        if request == self._request:
            return
        parts = (request.url, request.body.decode(), request.authorization or "")
        text = msgspec.json.encode(parts)
        self._identity = pbkdf2_hmac("sha256", text, b"login", 100_000).hex()[:16]
        self._request = request


def _refusal(login: PasswordLogin | OAuthLogin, status: int, decoded: Any) -> str:
    """Return what a 4xx means; the only text of the response that is repeated is a fixed word."""
    word = decoded.get("error") if isinstance(decoded, dict) else None
    known = f" {word}" if isinstance(word, str) and word in _OAUTH_ERRORS else ""
    if status in (404, 405):
        remedy = "correct its URL"
    elif isinstance(login, OAuthLogin):
        other = "body" if login.in_header else "basic"
        remedy = (
            "check --oauth-client-id, the secret and --oauth-scope; some servers need"
            f" --oauth-client-auth {other}, or an audience in --oauth-parameter"
        )
    else:
        remedy = (
            "check the credentials, and the members' names in --login-body; some need"
            " --login-format form"
        )
    return f"it answered {status}{known}; the gateway's owner has to {remedy}"


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except _NOT_JSON:
        return None


def _retry_after(headers: Mapping[str, str]) -> int:
    text = headers.get("retry-after", "").strip()
    seconds = int(text[:9]) if text.isascii() and text.isdigit() else 0
    return min(max(seconds, RETRY_SECONDS), _MAX_PAUSE_SECONDS)
