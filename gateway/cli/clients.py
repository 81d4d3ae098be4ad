"""The question of `init` who will connect, and the settings that follow: address, TLS and key."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from gateway.auth.hosts import is_loopback
from gateway.auth.setup import requires_credentials
from gateway.cli.interview import Interview, converted
from gateway.cli.options import option_of
from gateway.cli.output import note
from gateway.cli.tls import Certificates
from gateway.config import SETTINGS, Settings
from gateway.config.converters import as_peers, as_url
from gateway.errors import ConfigurationProblem

F = TypeVar("F", bound=Callable[..., Any])
_NO = "-"
_EVERY_ADDRESS, _THIS_ADDRESS = "0.0.0.0", "127.0.0.1"  # noqa: S104 - if the owner serves others
_OPTIONS = ("port", "public_url", "trusted_proxies", "tls_certificate", "tls_key")
_SHOWN = tuple(setting for setting in SETTINGS if setting.name in _OPTIONS)


class Clients(StrEnum):
    """The programs that will connect; the value is that of `--clients`."""

    THIS_COMPUTER = "this-computer"
    NETWORK = "network"
    PROXY = "proxy"


_TEXTS = {
    Clients.THIS_COMPUTER: "only programs on this computer",
    Clients.NETWORK: "colleagues in the network",
    Clients.PROXY: "clients of a web server (proxy) in front of the gateway",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Settings to write, those to remove, and the name of a new key."""

    values: Mapping[str, object]
    removed: frozenset[str]
    key_name: str | None


def client_options(command: F) -> F:
    """Add the options that say who will connect to a command."""
    for setting in reversed(_SHOWN):
        command = option_of(setting)(command)
    return click.option(
        "--clients",
        type=click.Choice([clients.value for clients in Clients]),
        help="Who will connect: programs on this computer, colleagues in the network, or clients of"
        " a proxy in front. Sets address, TLS and key for them.  [default: this-computer]",
    )(command)


def find_access(
    interview: Interview, chosen: str | None, given: Mapping[str, Any], old: Settings
) -> Access:
    """Return the settings for the clients that the owner names.

    `given` are the options, `old` the settings so far. Without an answer, the settings stay, which
    by default serve this computer only.

    Raises:
        click.UsageError: an option is missing.
    """
    given = _converted(given)
    usual = _clients_of(old)
    if chosen is None and not interview.asks:
        if usual is Clients.THIS_COMPUTER and not given:
            click.echo(
                "only this computer can connect: to serve others, add --clients network or proxy"
            )
        return Access(given, frozenset(), interview.key_name)
    clients = Clients(chosen) if chosen else _ask_clients(usual)
    host, found = _SETTINGS_FOR[clients](interview, given, old)
    values = {"host": host} | found | given
    is_needed = clients is not Clients.THIS_COMPUTER and not requires_credentials(old)
    removed = frozenset(_OPTIONS) - {"port", *values}
    return Access(values, removed, interview.find_key_name(is_needed=is_needed))


def _converted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as values of settings.

    Raises:
        click.BadParameter: one is invalid.
    """
    found = {}
    for setting in _SHOWN:
        text = given.get(setting.name)
        if text is not None:
            try:
                found[setting.name] = setting.convert(text)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=setting.option) from error
    return found


def _clients_of(settings: Settings) -> Clients:
    """Return the clients that the settings serve."""
    is_public = not is_loopback(urlsplit(settings.public_url or "http://localhost").hostname or "")
    if is_loopback(settings.host):
        return Clients.PROXY if is_public else Clients.THIS_COMPUTER
    return Clients.PROXY if settings.trusted_proxies else Clients.NETWORK


def _ask_clients(usual: Clients) -> Clients:
    known: list[Clients] = [*Clients]
    click.echo("Who will connect?")
    for number, clients in enumerate(known, 1):
        click.echo(f"    {number}  {_TEXTS[clients]}")
    usual_number = known.index(usual) + 1
    answer: int = click.prompt("  Which", usual_number, type=click.IntRange(1, len(known)))
    return known[answer - 1]


_Found = tuple[str, dict[str, object]]


def _this_computer(_: Interview, __: Mapping[str, Any], ___: Settings) -> _Found:
    return _THIS_ADDRESS, {}


def _network(interview: Interview, given: Mapping[str, Any], old: Settings) -> _Found:
    """Return all addresses, and the URL with this computer's name; https with a certificate."""
    name = urlsplit(old.public_url or "").hostname or socket.gethostname()
    if interview.asks and "public_url" not in given:
        name = click.prompt("Name of this computer in the network", name, value_proc=_host)
    files: dict[str, object] = {}
    if interview.asks and "tls_certificate" not in given:
        files = _ask_certificate(old)
    is_safe = bool(files) or "tls_certificate" in given
    if not is_safe:
        note(
            "warning: without a certificate, others in the network can read keys and rows on their"
            " way; give --tls-certificate and --tls-key, or use a proxy"
        )
    port = given.get("port", old.port)
    host = f"[{name}]" if ":" in name else name
    return _EVERY_ADDRESS, {
        "public_url": f"{'https' if is_safe else 'http'}://{host}:{port}",
        **files,
    }


def _ask_certificate(old: Settings) -> dict[str, object]:
    """Prompt for certificate and key until they fit each other; nothing without them."""
    while True:
        certificate: str = click.prompt(
            f"File with the certificate of that name, PEM ({_NO} for none)",
            str(old.tls_certificate or _NO),
        )
        if certificate.strip() == _NO:
            return {}
        usual = None if old.tls_key is None else str(old.tls_key)
        key: str = click.prompt("File with its private key, PEM", usual)
        try:
            Certificates(Path(certificate).expanduser(), Path(key).expanduser())
        except ConfigurationProblem as problem:
            note(problem.message)
        else:
            return {"tls_certificate": certificate, "tls_key": key}


def _proxy(interview: Interview, given: Mapping[str, Any], old: Settings) -> _Found:
    """Return the address at which the proxy reaches the gateway, the public URL and the proxy."""
    if "public_url" not in given and not interview.asks:
        raise click.UsageError("--clients proxy needs --public-url URL, the URL that clients use")
    found: dict[str, Any] = {}
    if "public_url" not in given:
        found["public_url"] = click.prompt(
            "URL that clients use, such as https://bi.example.com",
            old.public_url,
            value_proc=converted(as_url),
        )
    if "trusted_proxies" not in given and interview.asks:
        found["trusted_proxies"] = click.prompt(
            "Address of the proxy, as this computer sees it",
            ",".join(old.trusted_proxies or (_THIS_ADDRESS,)),
            value_proc=converted(as_peers),
        )
    peers = given.get("trusted_proxies") or found.get("trusted_proxies", ())
    return _THIS_ADDRESS if all(map(is_loopback, peers)) else _EVERY_ADDRESS, found


def _host(text: str) -> str:
    """Return a host name or address for a URL."""
    name = text.strip()
    try:
        as_url(f"http://[{name}]" if ":" in name else f"http://{name}")
    except ValueError as error:
        raise click.BadParameter("must be a name such as bi.example.com, or an address") from error
    return name


_SETTINGS_FOR = {
    Clients.THIS_COMPUTER: _this_computer,
    Clients.NETWORK: _network,
    Clients.PROXY: _proxy,
}
