"""The only module that sends credentials: one POST, limited in time and bytes.

Credentials go to the host of the configured URL alone. A redirect is followed only to the same
scheme, host and port, and only if it repeats the POST (307, 308).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
import httpx

from gateway.auth.login_request import LoginRequest
from gateway.errors import UpstreamRejectedToken, UpstreamUnavailable
from gateway.outgoing.obstacles import obstacle
from gateway.outgoing.options import client_options

LOGIN_SECONDS = 20.0
MAX_ANSWER_BYTES = 65_536
RETRY_SECONDS = 5
"""Seconds to wait after an outage that says no other time."""
_SILENCE_SECONDS = 10.0
_MAX_REDIRECTS = 3
_REPEATING = (307, 308)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; its body may be a token."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


async def post_login(
    request: LoginRequest, transport: httpx.AsyncBaseTransport | None = None
) -> Answer:
    """Send the credentials and return the response, whatever its status is.

    Raises:
        UpstreamUnavailable: there is no response, or not in time.
        UpstreamRejectedToken: it is too large, or redirects to another place.
    """
    url = httpx.URL(request.url)
    try:
        with anyio.fail_after(LOGIN_SECONDS):
            async with httpx.AsyncClient(
                timeout=_SILENCE_SECONDS, transport=transport, **client_options()
            ) as http:
                for _ in range(_MAX_REDIRECTS + 1):
                    answer = await _once(http, url, request)
                    target = _target(url, answer)
                    if target is None:
                        return answer
                    url = target
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        reason, remedy = _reason(error)
    else:
        raise UpstreamRejectedToken("it redirects in a circle; correct its URL")
    raise UpstreamUnavailable(  # outside of the handler: the error has the request
        f"{reason}; {remedy}",
        retry_after_seconds=RETRY_SECONDS,
    )


async def _once(http: httpx.AsyncClient, url: httpx.URL, request: LoginRequest) -> Answer:
    headers = {
        "Content-Type": request.content_type,
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # a few compressed bytes could unpack to any size
    }
    if request.authorization is not None:
        headers["Authorization"] = request.authorization
    body = bytearray()
    async with http.stream("POST", url, content=request.body, headers=headers) as response:
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise UpstreamRejectedToken(
                    f"its response has more than {MAX_ANSWER_BYTES // 1024} KiB; correct its URL"
                )
    return Answer(response.status_code, response.headers, bytes(body))


def _target(url: httpx.URL, answer: Answer) -> httpx.URL | None:
    """Return the URL of a redirect that may be followed; None without a redirect.

    Raises:
        UpstreamRejectedToken: the redirect leads elsewhere, or would not repeat the POST.
    """
    if not 300 <= answer.status < 400:
        return None
    try:
        target = url.join(answer.headers.get("location", ""))
    except httpx.InvalidURL:
        target = url
    if answer.status in _REPEATING and _origin(target) == _origin(url):
        return target
    raise UpstreamRejectedToken(
        f"it answers {answer.status} and leads to {target.scheme}://{target.host}, but credentials"
        " go to the configured place only; if the login has moved there, change its URL"
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    ports = {"http": 80, "https": 443}
    return url.scheme, url.host, url.port or ports.get(url.scheme)


def _reason(error: Exception) -> tuple[str, str]:
    """Return why there is no response, and what to do."""
    known = obstacle(error)
    if known is not None:
        return known.words, f"the gateway's owner: {known.remedy}"
    is_late = isinstance(error, TimeoutError | httpx.TimeoutException)
    return (
        "it did not respond in time"
        if is_late
        else f"it cannot be reached ({type(error).__name__})",
        "try again later, and if that does not help, the gateway's owner checks the network and the"
        " URL of the login",
    )
