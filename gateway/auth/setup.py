"""Settings -> authenticator: construct the sign-in methods and check that they can be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from cachetools import TTLCache

from gateway.auth.authenticator import CredentialAuthenticator, OpenAuthenticator, SignInMethod
from gateway.auth.caller_token import Acceptance, CallerToken
from gateway.auth.entra import EntraAccount, Tenant
from gateway.auth.hosts import HostGate, is_loopback
from gateway.auth.key_file import read_keys
from gateway.auth.key_methods import MIN_SAFE_CHARACTERS, GatewayKeys, SharedKey, read_shared_key
from gateway.auth.key_option import KeyOption, build_key_option
from gateway.auth.principal import Authenticator, Principal
from gateway.auth.signing_keys import SigningKeys, fetch_json
from gateway.auth.throttle import Throttle
from gateway.auth.tokens import FileToken, TokenSource
from gateway.auth.watched_file import Unreadable, WatchedFile
from gateway.config import Settings
from gateway.errors import ConfigurationProblem
from gateway.observe import Clock, Observer

_MAX_VERIFIED_SECRETS, _VERIFIED_SECONDS = 2_048, 60
_ENTRA = ("entra_tenant", "entra_audience", "entra_group")


def requires_credentials(settings: Settings) -> bool:
    """Return True if callers must sign in."""
    files = settings.access_key_file or settings.keys_file
    return bool(files or settings.pass_through or settings.entra_tenant)


def weaknesses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield settings that weaken sign-in: the name of each, and a message with the remedy."""
    if "*" in (settings.trusted_proxies or ()) and requires_credentials(settings):
        yield (
            "trusted_proxies",
            "with *, every client can claim any address and try any number of keys: name your"
            " proxies instead, unless clients can reach the gateway only through them",
        )
    if settings.access_key_file is not None:
        with suppress(OSError, ValueError):  # reported elsewhere
            if read_shared_key(settings.access_key_file.read_bytes()).is_short:
                yield (
                    "access_key_file",
                    f"the key in {settings.access_key_file} has fewer than"
                    f" {MIN_SAFE_CHARACTERS} characters and could be guessed; after many wrong keys"
                    " from an address, the right key is refused there too: write a longer key, e.g."
                    " from `openssl rand -base64 24`",
                )


def build_authenticator(
    settings: Settings, clock: Clock, observer: Observer, acceptance: Acceptance
) -> Authenticator:
    """Return an authenticator for the sign-in methods that the settings name.

    Without any it admits every caller if the settings allow that, else those on this computer.
    `acceptance` belongs to the workspace that callers' own tokens open.

    Raises:
        ConfigurationProblem: a file or setting cannot be used.
    """
    methods = _methods(settings, clock, observer, acceptance)
    if methods:
        return CredentialAuthenticator(methods, Throttle(clock.monotonic))
    if settings.allow_anonymous:
        return OpenAuthenticator()
    return OpenAuthenticator(HostGate(urlsplit(settings.public_url or "").hostname))


def unusable_files(gate: Authenticator, tokens: Iterable[TokenSource]) -> tuple[str, ...]:
    """Return the settings whose files can change while the gateway runs and are unusable now.

    These are the files of keys of `gate`, and the files of the workspaces' own `tokens`.
    """
    found: dict[str, None] = {}
    for method in gate.methods if isinstance(gate, CredentialAuthenticator) else ():
        if isinstance(method, GatewayKeys) and not method.file.is_usable():
            found["keys_file"] = None
        if isinstance(method, SharedKey) and not method.file.is_usable():
            found["access_key_file"] = None
    if any(isinstance(token, FileToken) and not token.is_usable() for token in tokens):
        found["token_file"] = None
    return tuple(found)


def key_option(settings: Settings) -> KeyOption | None:
    """Return the query option that holds a key; None if callers need no key.

    Raises:
        ConfigurationProblem: the name is an option of OData.
    """
    option = build_key_option(settings.api_key_name)
    return option if requires_credentials(settings) else None


def _methods(
    settings: Settings, clock: Clock, observer: Observer, acceptance: Acceptance
) -> tuple[SignInMethod, ...]:
    """Return the methods, tokens first, so that Bearer's challenge comes before Basic's."""
    methods: list[SignInMethod] = []
    tenant = _tenant(settings)
    if tenant is not None:
        v1, v2 = (
            SigningKeys(tenant.configuration(version), fetch_json, clock.monotonic, observer)
            for version in ("", "/v2.0")
        )
        verified: TTLCache[str, Principal] = TTLCache(
            _MAX_VERIFIED_SECRETS, _VERIFIED_SECONDS, clock.monotonic
        )
        alone = not settings.pass_through
        methods.append(EntraAccount(tenant, v1, v2, verified, alone))
    if settings.keys_file is not None:
        keys = WatchedFile(settings.keys_file, read_keys, observer)
        _check("keys_file", keys)
        methods.append(GatewayKeys(keys, clock))
    if settings.access_key_file is not None:
        shared = WatchedFile(settings.access_key_file, read_shared_key, observer)
        _check("access_key_file", shared)
        methods.append(SharedKey(shared))
    if settings.pass_through:
        methods.append(CallerToken(acceptance))
    return tuple(methods)


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
        raise ConfigurationProblem(f"{given[0]} also needs {' and '.join(missing)}")
    assert settings.entra_tenant is not None  # noqa: S101 - it was given
    authority = urlsplit(settings.entra_authority)
    if authority.scheme != "https" and not is_loopback(authority.hostname or ""):
        raise ConfigurationProblem(
            f"entra_authority {settings.entra_authority} must be https: keys fetched over plain"
            " HTTP can be forged"
        )
    return Tenant(
        settings.entra_tenant,
        settings.entra_authority,
        settings.entra_audience,
        settings.entra_group,
    )
