"""From settings to the gate: which ways in there are, and that they can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from cachetools import TTLCache

from gateway.auth.acceptance import Acceptance
from gateway.auth.caller_token import CallerToken
from gateway.auth.entra import EntraAccount, Tenant
from gateway.auth.gate import CredentialAuthenticator, OpenAuthenticator, SignInMethod
from gateway.auth.hosts import HostGate, is_loopback
from gateway.auth.key_list import read_keys
from gateway.auth.key_option import KeyOption, build_key_option
from gateway.auth.key_sign_in import LONG_ENOUGH, GatewayKeys, SharedKey, read_shared_key
from gateway.auth.principal import Authenticator, Principal
from gateway.auth.signing_keys import SigningKeys, fetch_json
from gateway.auth.throttle import Throttle
from gateway.auth.watched import Unreadable, WatchedFile
from gateway.config import Settings
from gateway.errors import ConfigurationProblem
from gateway.observe import Clock, Observer

_VERIFIED, _VERIFIED_SECONDS = 2_048, 60
_ENTRA = ("entra_tenant", "entra_audience", "entra_group")


def asks_who(settings: Settings) -> bool:
    """Whether callers must show who they are."""
    files = settings.access_key_file or settings.keys_file
    return bool(files or settings.pass_through or settings.entra_tenant)


def weaknesses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what makes it easy to get in, by the name of the setting, with the way out."""
    if "*" in (settings.trusted_proxies or ()) and asks_who(settings):
        yield (
            "trusted_proxies",
            "* lets every client claim any address, and so try as many keys as it likes: name the"
            " proxies, unless nothing but them reaches the gateway",
        )
    if settings.access_key_file is not None:
        with suppress(OSError, ValueError):  # told elsewhere
            if read_shared_key(settings.access_key_file.read_bytes()).is_short:
                yield (
                    "access_key_file",
                    f"the key in {settings.access_key_file} has fewer than {LONG_ENOUGH} characters"
                    " and could be guessed; after many wrong keys from an address it is refused"
                    " there too: write a longer one, e.g. from `openssl rand -base64 24`",
                )


def build_gate(
    settings: Settings, clock: Clock, observer: Observer, acceptance: Acceptance
) -> Authenticator:
    """Every way that the settings name, the owner's word that everyone may ask, or loopback only.

    `acceptance` is that of the workspace in which callers' own tokens count.

    Raises:
        ConfigurationProblem: a file or setting cannot be used.
    """
    ways = _ways(settings, clock, observer, acceptance)
    if ways:
        return CredentialAuthenticator(ways, Throttle(clock.monotonic))
    if settings.allow_anonymous:
        return OpenAuthenticator()
    return OpenAuthenticator(HostGate(urlsplit(settings.public_url or "").hostname))


def key_option(settings: Settings) -> KeyOption | None:
    """The query option that holds a key; where nobody asks for one it is a client's own.

    Raises:
        ConfigurationProblem: OData has another use for the name.
    """
    option = build_key_option(settings.api_key_name)
    return option if asks_who(settings) else None


def _ways(
    settings: Settings, clock: Clock, observer: Observer, acceptance: Acceptance
) -> tuple[SignInMethod, ...]:
    """Tokens first, so that Bearer's challenge stands before Basic's; each takes only its own."""
    found: list[SignInMethod] = []
    tenant = _tenant(settings)
    if tenant is not None:
        first, second = (
            SigningKeys(tenant.configuration(version), fetch_json, clock.monotonic, observer)
            for version in ("", "/v2.0")
        )
        verified: TTLCache[str, Principal] = TTLCache(_VERIFIED, _VERIFIED_SECONDS, clock.monotonic)
        alone = not settings.pass_through
        found.append(EntraAccount(tenant, first, second, verified, alone))
    if settings.keys_file is not None:
        keys = WatchedFile(settings.keys_file, read_keys, observer)
        _check("keys_file", keys)
        found.append(GatewayKeys(keys, clock))
    if settings.access_key_file is not None:
        shared = WatchedFile(settings.access_key_file, read_shared_key, observer)
        _check("access_key_file", shared)
        found.append(SharedKey(shared))
    if settings.pass_through:
        found.append(CallerToken(acceptance))
    return tuple(found)


def _check(setting: str, file: WatchedFile[Any]) -> None:
    try:
        file.current()
    except Unreadable as problem:
        raise ConfigurationProblem(f"{setting} {problem}") from problem


def _tenant(settings: Settings) -> Tenant | None:
    given = [name for name in _ENTRA if getattr(settings, name)]
    if not given:
        return None
    missing = [name for name in _ENTRA if name not in given]
    if missing:
        raise ConfigurationProblem(f"{given[0]} needs {' and '.join(missing)} too")
    assert settings.entra_tenant is not None  # noqa: S101 - it was given
    authority = urlsplit(settings.entra_authority)
    if authority.scheme != "https" and not is_loopback(authority.hostname or ""):
        raise ConfigurationProblem(
            f"entra_authority {settings.entra_authority} must be https: keys that come over an open"
            " line may be anybody's"
        )
    return Tenant(
        settings.entra_tenant,
        settings.entra_authority,
        settings.entra_audience,
        settings.entra_group,
    )
