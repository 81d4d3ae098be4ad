"""The settings in force, read from the command line, the environment and a TOML file.

Precedence: command line, then environment, then the TOML file, then the default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.table import SETTINGS, Setting


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; fields as in `SETTINGS`, where each is explained."""

    host: str
    port: int
    upstream: str | None
    token_file: Path | None
    contract: Path | None
    custom_field: tuple[tuple[str, str], ...]
    data_dir: Path | None
    redis: str | None = field(repr=False)  # may hold a password
    workers: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    cors_origins: tuple[str, ...]
    hsts: int
    tls_certificate: Path | None
    tls_key: Path | None
    access_key_file: Path | None
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
    upstream_concurrency: int
    upstream_timeout: float
    retry_budget: float


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
    return Settings(**values)


def _parse_file(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the configuration file is not TOML: {error}") from error
    unknown = sorted(set(found) - {s.name for s in SETTINGS})
    if unknown:
        known = ", ".join(s.name for s in SETTINGS)
        raise ValueError(
            f"the configuration file has no setting {unknown[0]!r}; there are: {known}"
        )
    return found


def _convert(setting: Setting, place: str, value: object) -> object:
    try:
        return setting.convert(value)
    except ValueError as error:
        given = "" if setting.secret else f" = {value!r}"
        raise ValueError(f"{place}{given}: {error} ({setting.help})") from error
