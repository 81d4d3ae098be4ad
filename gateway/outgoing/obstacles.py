"""Failures between the gateway and a server that it calls: a proxy, or an unknown authority."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

from gateway.outgoing.options import DIRECT_HOSTS

_STATUS = re.compile(r"\b([45]\d\d)\b")
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_*: self-signed, self-signed in the chain, no issuer, no first signature."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An obstacle in a few words, and what the owner of the gateway does about it.

    Both quote nothing of the request or of the variables, which may hold a password.
    """

    words: str
    remedy: str


_UNREACHED = Obstacle(
    "the proxy cannot be reached",
    "check the address in HTTPS_PROXY, or name the API's host in NO_PROXY to call it directly",
)
_PASSWORD = Obstacle(
    "the proxy asks for a password, 407",
    "write user and password into HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT",
)
_AUTHORITY = Obstacle(
    "TLS fails: its certificate has an authority that is not known here",
    "if a proxy of your company opens connections, add its authority to the certificates of the"
    " system, or name a file with it in SSL_CERT_FILE",
)


def obstacle(error: BaseException) -> Obstacle | None:
    """Return the obstacle behind an error; None if it is none of these."""
    found = [*causes(error)]
    if any(_is_unknown_authority(each) for each in found):
        return _AUTHORITY
    if any(isinstance(each, aiohttp.ClientProxyConnectionError) for each in found):
        return _UNREACHED
    for each in found:
        if isinstance(each, aiohttp.ClientHttpProxyError):
            return _refused(each.status)
        if isinstance(each, httpx.ProxyError):
            return _of_httpx(each)
    return _UNREACHED if any(_is_of_proxy(each) for each in found) else None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes; the addresses of one name fail as a group."""
    if error is None:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from causes(each)
    if isinstance(error, aiohttp.ClientConnectorError):
        yield from causes(error.os_error)
    yield from causes(error.__cause__ or error.__context__)  # httpcore hides the cause


def _is_unknown_authority(error: BaseException) -> bool:
    return (
        isinstance(error, ssl.SSLCertVerificationError)
        and getattr(error, "verify_code", None) in _UNKNOWN_AUTHORITY
    )


def _is_of_proxy(error: BaseException) -> bool:
    """Return True if a connection failed that leads to a proxy; httpx does not tell them apart."""
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return False
    try:
        url = error.request.url
    except RuntimeError:  # made without a request
        return False
    proxies = getproxies()
    is_proxied = bool(proxies.get(url.scheme) or proxies.get("all"))
    return is_proxied and url.host not in DIRECT_HOSTS and not proxy_bypass(url.host)


def _of_httpx(error: httpx.ProxyError) -> Obstacle:
    """Return what a proxy answered; httpx has its status at the beginning of a text only."""
    status = _STATUS.search(str(error))
    return _UNREACHED if status is None else _refused(int(status[1]))


def _refused(status: int) -> Obstacle:
    if status == 407:
        return _PASSWORD
    return Obstacle(
        f"the proxy refuses the connection, {status}",
        "have the API's host allowed at the proxy, or name it in NO_PROXY to call it directly",
    )
