"""The addresses of a gateway and its ways of signing in, as `serve` and `init` show them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from gateway.auth.hosts import is_loopback
from gateway.auth.setup import requires_credentials
from gateway.config import Settings
from gateway.edge.public_root import SERVICE_PATH

_ALL_ADDRESSES = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not bound
_LOG = logging.getLogger("gateway")


def base_url(settings: Settings, port: int) -> str:
    """Return the URL before /odata/v4/ that clients use, as far as the settings show it.

    A gateway that listens on all addresses without a public URL has this computer's name.
    """
    if settings.public_url is not None:
        return settings.public_url
    scheme = "http" if settings.tls_certificate is None else "https"
    host = socket.gethostname() if settings.host in _ALL_ADDRESSES else settings.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def feed_url(settings: Settings, port: int) -> str:
    """Return the URL to paste into Power BI or Excel."""
    return f"{base_url(settings, port)}{SERVICE_PATH}/"


def announce(settings: Settings, port: int) -> None:
    """Print where the gateway serves and how callers sign in, or log it if the log is JSON."""
    rows = [
        ("Feed", feed_url(settings, port)),
        ("Pages", f"{base_url(settings, port)}/"),
        ("Sign in", sign_in(settings)),
    ]
    if settings.log_format == "json":
        _LOG.info("%s", "; ".join(f"{name}: {text}" for name, text in rows))
        return
    for name, text in rows:
        click.echo(f"{name:<8} {text}")


def sign_in(settings: Settings) -> str:
    """Return how callers sign in, for its owner to read."""
    return " or ".join(_ways(settings))


def _ways(settings: Settings) -> Iterator[str]:
    """Yield each way of signing in."""
    if settings.entra_tenant is not None:
        yield "with an organizational account"
    if settings.keys_file is not None or settings.access_key_file is not None:
        yield "with any user name, and a key as password"
    if settings.pass_through:
        yield "with a token of the Analytics API"
    if not requires_credentials(settings):
        yield (
            "not required, from any computer that reaches this address"
            if settings.allow_anonymous
            else "not required, and only this computer can connect"
        )


def exposure(settings: Settings) -> str | None:
    """Return why others could read all rows without signing in, and the remedy; None if not."""
    if requires_credentials(settings) or settings.allow_anonymous:
        return None
    if not is_loopback(settings.host):
        place = f"--host {settings.host} is reachable from other computers"
    elif not is_loopback(urlsplit(settings.public_url or "http://localhost").hostname or ""):
        place = f"--public-url {settings.public_url} is an address for other computers"
    else:
        return None
    return (
        f"{place}, and callers would not have to sign in: create a key with `skillhabit-odata keys"
        " create --keys-file keys.json --name NAME` and add `--keys-file keys.json` (or"
        " --access-key-file FILE, --pass-through true, --entra-tenant ID); or add"
        " `--allow-anonymous true` if a proxy in front authenticates clients"
    )
