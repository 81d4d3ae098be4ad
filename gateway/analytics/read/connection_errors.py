"""Descriptions of connection failures, by the classes of the libraries' exceptions."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import httpx

from gateway.outgoing.obstacles import causes, obstacle

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_REASONS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLError, ssl.CertificateError), "TLS fails: is its certificate valid for that name?"),
    ((socket.gaierror,), "its name is not known"),
    ((ConnectionRefusedError,), "refused"),
    (
        (ConnectionResetError, aiohttp.ServerDisconnectedError, BrokenPipeError),
        "it was cut before an answer",
    ),
    ((aiohttp.ClientPayloadError,), "the answer ended too early"),
    ((httpx.DecodingError,), "the answer cannot be unpacked"),
    ((aiohttp.ClientResponseError, httpx.RemoteProtocolError), "the answer is not HTTP"),
    ((TimeoutError, httpx.TimeoutException), "timed out"),
    ((httpx.ConnectError,), "no connection"),
)
"""Descriptions by kind; the first kind among an error and its causes counts."""


def connection_failure(error: BaseException) -> str:
    """Describe an error without quoting it: libraries may quote a request with its token.

    >>> connection_failure(httpx.ConnectTimeout("x")), connection_failure(ConnectionRefusedError())
    ('timed out', 'refused')
    """
    known = obstacle(error)
    if known is not None:
        return known.words
    found = [*causes(error)]
    if any(isinstance(each, OSError) and each.errno in _NO_WAY for each in found):
        return "no network leads there"
    for kinds, words in _REASONS:
        if any(isinstance(each, kinds) for each in found):
            return words
    return type(found[0]).__name__
