"""The settings in force, read from the command line, the environment and a TOML file.

Precedence: command line, then environment, then the TOML file, then the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.config.grants import Grant
from gateway.config.table import SETTINGS, Setting
from gateway.config.tenancy import DEFAULT_WORKSPACE, Role, read_roles, read_workspaces

_TABLES = frozenset({"roles", "workspaces"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; fields as in `SETTINGS`, where each is explained.

    They are those of one workspace; the default one's have those of all `others` by name.
    """

    host: str
    port: int
    upstream: str | None
    token_file: Path | None
    token_env: str | None
    token_command: tuple[str, ...] = field(repr=False)  # an argument may be a secret
    contract: Path | None
    custom_field: tuple[tuple[str, str], ...]
    data_dir: Path | None
    redis: str | None = field(repr=False)  # may hold a password
    workers: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    access_key_file: Path | None
    mask_key_file: Path | None
    keys_file: Path | None
    api_key_name: str
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
    """The names of all workspaces, and of the roles in each."""
    return {
        each.workspace: tuple(role.name for role in each.roles)
        for each in (settings, *settings.others)
    }


def load_settings(
    options: Mapping[str, object], environment: Mapping[str, str], file_text: str = ""
) -> Settings:
    """Settings from the command line's options (None: not given), environment and file text.

    Raises:
        ValueError: names the setting, where it was given, and what it must be.
    """
    from_file = _parse_file(file_text)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        places = (
            (setting.option, options.get(setting.name)),
            (setting.variable, environment.get(setting.variable)),
            (f"{setting.name} in the configuration file", from_file.get(setting.name)),
        )
        given = next(((p, v) for p, v in places if v is not None and v != ()), None)
        values[setting.name] = setting.default if given is None else _convert(setting, *given)
    default = Settings(**values, roles=read_roles(from_file.get("roles", {}), "roles."))
    return replace(default, others=_others(default, from_file.get("workspaces", {})))


def _others(default: Settings, table: object) -> tuple[Settings, ...]:
    return tuple(
        replace(default, workspace=found.name, roles=found.roles, **found.values)
        for found in read_workspaces(table)
    )


def _parse_file(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the configuration file is not TOML: {error}") from error
    unknown = sorted(set(found) - {s.name for s in SETTINGS} - _TABLES)
    if unknown:
        known = ", ".join((*(s.name for s in SETTINGS), *(f"[{t}]" for t in sorted(_TABLES))))
        raise ValueError(
            f"the configuration file has no setting {unknown[0]!r}; there are: {known}"
        )
    return found


def _convert(setting: Setting, place: str, value: object) -> object:
    try:
        return setting.convert(value)
    except ValueError as error:
        raise ValueError(f"{setting.shown(value, place)}: {error} ({setting.help})") from error
