"""TLS without a proxy: a certificate that can be renewed while the service runs.

Each handshake checks the files (one stat each). After a change, that client and later ones get the
new certificate. A pair that cannot be used, such as a partly written one, leaves the last good one
in use.
"""

from __future__ import annotations

import logging
import os
import ssl
from functools import partial
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.errors import ConfigurationProblem

_LOG = logging.getLogger("gateway")
_Connection = ssl.SSLObject | ssl.SSLSocket


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return uvicorn's options for https; none unless the settings name a certificate.

    Raises:
        ConfigurationProblem: only one of the two files is named, or they do not match.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return {}
    if certificate is None or key is None:
        raise ConfigurationProblem("--tls-certificate and --tls-key require each other: give both")
    Certificates(certificate, key)
    return {"ssl_context_factory": partial(_build_context, certificate, key)}


def _build_context(certificate: Path, key: Path, *_: object) -> ssl.SSLContext:
    """Return the context; uvicorn calls this hook in the process that serves."""
    return Certificates(certificate, key).context


class Certificates:
    """A certificate and its key; `context` gives each new client the current ones.

    Raises:
        ConfigurationProblem: the files cannot be read, or do not match.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._state()
        try:
            self.context = self._current = self._load()
        except OSError as error:
            raise ConfigurationProblem(
                f"--tls-certificate {certificate} and --tls-key {key} cannot be used: {_why(error)}"
            ) from error
        self.context.sni_callback = self._on_handshake

    def _on_handshake(
        self, connection: _Connection, name: str | None, context: ssl.SSLContext
    ) -> None:
        """Choose the context; called at each handshake, with or without a name."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._current = self._load()
            except OSError as error:
                _LOG.warning("the renewed certificate cannot be used yet: %s", _why(error))
            else:
                _LOG.info("a renewed certificate is in use")
        connection.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(*self._files, password=_no_password)
        return context

    def _state(self) -> tuple[object, ...]:
        """Return the state of both files; replaced links, as certbot makes them, change it too."""
        return tuple(map(_stat, self._files))


def _no_password() -> str:
    """Return an empty password; without it, OpenSSL would prompt on the terminal."""
    return ""


def _stat(path: Path) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 - at each handshake
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
