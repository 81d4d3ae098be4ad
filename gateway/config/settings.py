"""The effective settings, from the command line, the environment and a TOML file.

Precedence: command line, then environment, then the TOML file, then the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from gateway.config.grants import Grant
from gateway.config.places import Misplaced, among, located, syntax_message
from gateway.config.relative_paths import paths_of, with_paths
from gateway.config.setting import Setting
from gateway.config.table import SETTINGS
from gateway.config.tenancy import DEFAULT_WORKSPACE, Role, read_roles, read_workspaces

_TABLES = frozenset({"roles", "workspaces"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings of a workspace; `SETTINGS` explains each field.

    The settings of the default workspace hold those of all `others`.
    """

    host: str
    port: int
    upstream: str | None
    token_file: Path | None
    token_env: str | None
    token_command: tuple[str, ...] = field(repr=False)  # an argument may be a secret
    login_url: str | None
    login_body: str | None = field(repr=False)  # may hold a password
    login_format: str
    login_token: str | None
    login_lifetime: str | None
    oauth_token_url: str | None
    oauth_client_id: str | None
    oauth_client_secret_env: str | None
    oauth_client_secret_file: Path | None
    oauth_scope: str | None
    oauth_client_auth: str
    oauth_parameter: tuple[tuple[str, str], ...] = field(repr=False)
    contract: Path | None
    custom_field: tuple[tuple[str, str], ...]
    column_alias: tuple[tuple[str, str, date], ...]
    label: tuple[tuple[str, str], ...]
    data_dir: Path | None
    redis: str | None = field(repr=False)  # may hold a password
    workers: int
    public_url: str | None
    trusted_proxies: tuple[str, ...] | None
    allowed_hosts: tuple[str, ...]
    cors_origins: tuple[str, ...]
    hsts: int
    tls_certificate: Path | None
    tls_key: Path | None
    access_key_file: Path | None
    mask_key_file: Path | None
    keys_file: Path | None
    api_key_name: str
    explain_keys: tuple[str, ...]
    pass_through: bool
    entra_tenant: str | None
    entra_audience: tuple[str, ...]
    entra_group: tuple[Grant, ...]
    entra_authority: str
    allow_anonymous: bool
    page_size: int
    max_page_size: int
    fresh_for: float
    stale_for: float
    stale_if_error: float
    full_refresh_every: float
    early_pages: bool
    token_lifetime: float
    delta_lifetime: float
    snapshot_budget: int
    page_budget: int
    memory_limit: int | None
    query_timeout: float
    extract_concurrency: int
    trust: str
    upstream_concurrency: int
    upstream_timeout: float
    retry_budget: float
    log_format: str
    log_level: str
    request_log: int
    metrics_token_file: Path | None
    workspace: str = DEFAULT_WORKSPACE
    roles: tuple[Role, ...] = ()
    others: tuple[Settings, ...] = ()


def roles_of_workspaces(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the names of all workspaces with the names of their roles."""
    return {
        each.workspace: tuple(role.name for role in each.roles)
        for each in (settings, *settings.others)
    }


def load_settings(
    options: Mapping[str, object],
    environment: Mapping[str, str],
    file_text: str = "",
    file: str = "the configuration file",
    resolve: Callable[[str], str] = str,
) -> Settings:
    """Return the settings from options (None: not given), environment and file text.

    `resolve` returns a path of the file as the process can use it.

    Raises:
        ValueError: the message names the setting, its origin (with the line in a file), and the
            remedy.
    """
    from_file = with_paths(_parse_file(file_text, file), resolve)
    try:
        values: dict[str, Any] = {
            s.name: _value(s, options, environment, from_file) for s in SETTINGS
        }
        default = Settings(**values, roles=read_roles(from_file.get("roles", {}), "roles."))
        return replace(default, others=_others(default, from_file.get("workspaces", {})))
    except Misplaced as problem:
        raise ValueError(f"{located(file, file_text, problem.path)}: {problem}") from problem


def origins(
    options: Mapping[str, object],
    environment: Mapping[str, str],
    file_text: str = "",
    file: str = "the configuration file",
) -> dict[str, str]:
    """Return the origin of each effective value: option, variable, line of the file, `default`.

    Raises:
        ValueError: the file is not TOML, or has an unknown setting.
    """
    from_file = _parse_file(file_text, file)
    found = {}
    for setting in SETTINGS:
        given = _given(setting, options, environment, from_file)
        if given is None:
            found[setting.name] = "default"
        elif given[0] == setting.name:
            found[setting.name] = located(file, file_text, (setting.name,))
        else:
            found[setting.name] = given[0]
    return found


def file_paths(file_text: str) -> Iterator[str]:
    """Yield the paths that a configuration file names, as they are written."""
    yield from paths_of(tomllib.loads(file_text))


def _others(default: Settings, table: object) -> tuple[Settings, ...]:
    return tuple(
        replace(default, workspace=found.name, roles=found.roles, **found.values)
        for found in read_workspaces(table)
    )


def _parse_file(text: str, file: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(syntax_message(file, text, error)) from error
    unknown = sorted(set(found) - {s.name for s in SETTINGS} - _TABLES)
    if unknown:
        remedy = among(unknown[0], (*(s.name for s in SETTINGS), *sorted(_TABLES)))
        place = located(file, text, (unknown[0],))
        raise ValueError(f"{place}: there is no setting {unknown[0]!r}; {remedy}")
    return found


def _given(
    setting: Setting,
    options: Mapping[str, object],
    environment: Mapping[str, str],
    from_file: Mapping[str, Any],
) -> tuple[str, object] | None:
    """Return the origin and the value that takes precedence, or None if none was given."""
    places = (
        (setting.option, options.get(setting.name)),
        (setting.variable, environment.get(setting.variable)),
        (setting.name, from_file.get(setting.name)),
    )
    return next(((p, v) for p, v in places if v is not None and v != ()), None)


def _value(
    setting: Setting,
    options: Mapping[str, object],
    environment: Mapping[str, str],
    from_file: Mapping[str, Any],
) -> object:
    given = _given(setting, options, environment, from_file)
    if given is None:
        return setting.default
    place, value = given
    try:
        return setting.convert(value)
    except ValueError as error:
        message = f"{setting.shown(value, place)}: {error} ({setting.help})"
        if place == setting.name:
            raise Misplaced(message, (place,)) from error
        raise ValueError(message) from error
