"""Options of outgoing calls: the authorities that they accept, and the proxies that they use.

Proxies are httpx's: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, or the system's settings in
Windows and macOS.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Any

import truststore

from gateway.errors import ConfigurationProblem

_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
DIRECT_HOSTS = ("localhost", "127.0.0.1", "::1")
"""The names of this computer, which no proxy leads to."""


def client_options() -> dict[str, Any]:
    """Return the options of an httpx client: its TLS context, and no proxy to this computer.

    Raises:
        ConfigurationProblem: SSL_CERT_FILE or SSL_CERT_DIR cannot be used.
    """
    return {
        "verify": _tls_context(os.environ),
        "mounts": {_pattern(host): None for host in DIRECT_HOSTS},
    }


def _tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context that accepts the authorities of the system, or only those of a variable."""
    file, folder = environment.get(_FILE), environment.get(_FOLDER)
    if not file and not folder:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    given = [f"{name}={value}" for name, value in ((_FILE, file), (_FOLDER, folder)) if value]
    try:
        if folder:
            os.listdir(folder)  # noqa: PTH208 - OpenSSL would ignore a folder that is not there
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        raise ConfigurationProblem(
            f"{' '.join(given)} cannot be used ({_why(error)}):"
            " correct the variable, or remove it to accept the authorities of the system"
        ) from error


def _why(error: OSError) -> str:
    is_tls = isinstance(error, ssl.SSLError)
    return "it has no certificates in PEM format" if is_tls else error.strerror or "unreadable"


def _pattern(host: str) -> str:
    return f"all://[{host}]" if ":" in host else f"all://{host}"
