"""The additional headers of requests, with environment variables instead of `${env.NAME}`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")
_OWN = frozenset(
    {
        *("authorization", "host", "content-type", "content-length", "content-encoding"),
        *("transfer-encoding", "connection", "accept-encoding", "te", "trailer", "upgrade"),
        *("expect", "traceparent", "tracestate"),
    }
)
"""Headers that the gateway sets itself."""


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Check names and placeholders.

    Raises:
        ConfigurationProblem: names the header, never its value.
    """
    seen: set[str] = set()
    for name, value in headers:
        if _NAME.fullmatch(name) is None:
            raise _problem(name, "is not a valid header name")
        if name.lower() in _OWN:
            raise _problem(name, "is set by the gateway itself; remove it")
        if name.lower() in seen:
            raise _problem(
                name, "occurs twice; upper and lower case do not distinguish names of headers"
            )
        seen.add(name.lower())
        if "${" in _VARIABLE.sub("", value):
            raise _problem(name, "has a placeholder other than ${env.NAME}")
        _check_value(name, _VARIABLE.sub("", value), "it")


def resolve_headers(contract: Contract, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to send.

    Raises:
        ConfigurationProblem: a variable is not set, or no header can carry its value.
    """
    return {name: _resolved(name, text, environment) for name, text in contract.request.headers}


def digest_of(headers: Mapping[str, str], contract: Contract) -> str:
    """Return a text that differs for different values, which may select other rows; "" for none.

    It is part of the names of snapshots and does not reveal the values.
    """
    if not headers:
        return ""
    text = repr((contract.fingerprint, sorted(headers.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _resolved(header: str, text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: _variable(header, found[1], environment), text)


def _variable(header: str, name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise _problem(header, f"needs the environment variable {name}, which is not set; set it")
    _check_value(header, value, f"the environment variable {name}")
    return value


def _check_value(header: str, value: str, what: str) -> None:
    if not (value.isascii() and value.isprintable()):
        raise _problem(header, f"cannot be sent: {what} has characters that no header can have")


def _problem(header: str, remedy: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"contract file: [request] headers: {header!r} {remedy}")
