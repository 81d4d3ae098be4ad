"""Settings -> login: which one, if any, and whether its settings fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast
from urllib.parse import urlsplit

from gateway.auth.hosts import is_loopback
from gateway.auth.login_request import OAuthLogin, PasswordLogin
from gateway.config import Settings
from gateway.errors import ConfigurationProblem

_LOGIN = ("login_body", "login_token", "login_lifetime")
_OAUTH = (
    *("oauth_client_id", "oauth_client_secret_env", "oauth_client_secret_file"),
    *("oauth_scope", "oauth_parameter"),
)


def login_of(
    settings: Settings, base_url: Callable[[], str], environment: Mapping[str, str]
) -> PasswordLogin | OAuthLogin | None:
    """Return the login of a workspace; paths begin at `upstream`, or at the contract's `base_url`.

    Raises:
        ConfigurationProblem: settings are missing, or exclude each other.
    """
    _check_complete(settings, "login_url", _LOGIN)
    _check_complete(settings, "oauth_token_url", _OAUTH)
    if not has_login(settings):
        return None
    base = settings.upstream or base_url()
    if settings.login_url is not None:
        if settings.oauth_token_url is not None:
            raise ConfigurationProblem("only one of --login-url and --oauth-token-url can be given")
        return _password_login(settings, settings.login_url, base, environment)
    return _oauth_login(settings, settings.oauth_token_url or "", base, environment)


def has_login(settings: Settings) -> bool:
    """Return True if the settings name a login."""
    return settings.login_url is not None or settings.oauth_token_url is not None


def _check_complete(settings: Settings, main: str, others: tuple[str, ...]) -> None:
    given = [name for name in others if getattr(settings, name)]
    if given and getattr(settings, main) is None:
        raise ConfigurationProblem(f"{_option(given[0])} also needs {_option(main)}")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _password_login(
    settings: Settings, place: str, base_url: str, environment: Mapping[str, str]
) -> PasswordLogin:
    if settings.login_body is None:
        raise ConfigurationProblem(
            "--login-url also needs --login-body, the credentials to send, such as"
            ' {"user": "${env.API_USER}", "password": "${env.API_PASSWORD}"}'
        )
    return PasswordLogin(
        _url("login_url", place, base_url),
        settings.login_body,
        cast("Literal['json', 'form']", settings.login_format),
        settings.login_token,
        settings.login_lifetime,
        environment,
    )


def _oauth_login(
    settings: Settings, place: str, base_url: str, environment: Mapping[str, str]
) -> OAuthLogin:
    variable, file = settings.oauth_client_secret_env, settings.oauth_client_secret_file
    if settings.oauth_client_id is None or (variable is None) == (file is None):
        raise ConfigurationProblem(
            "--oauth-token-url also needs --oauth-client-id, and either --oauth-client-secret-env"
            " or --oauth-client-secret-file"
        )
    scope = () if settings.oauth_scope is None else (("scope", settings.oauth_scope),)
    return OAuthLogin(
        _url("oauth_token_url", place, base_url),
        settings.oauth_client_id,
        (variable, file),
        settings.oauth_client_auth == "basic",
        (*scope, *settings.oauth_parameter),
        environment,
    )


def _url(name: str, place: str, base_url: str) -> str:
    """Return the URL of a login; credentials go unencrypted only where the token does, too."""
    if place.startswith("/"):
        return base_url.rstrip("/") + place
    parts = urlsplit(place)
    trusted = (parts.hostname, urlsplit(base_url).hostname)
    if parts.scheme != "https" and not is_loopback(parts.hostname or "") and len(set(trusted)) > 1:
        raise ConfigurationProblem(
            f"{_option(name)} {place} must be https: credentials sent over plain HTTP can be read"
            " on the way"
        )
    return place
