"""`skillhabit-odata config`: the effective settings, and the configuration file's schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import read_config, read_settings, setting_options
from gateway.cli.output import print_json, print_table
from gateway.config import SETTINGS, Setting, Settings, origins
from gateway.config.schema import json_schema

_HIDDEN = "(hidden)"


@click.group()
def config() -> None:
    """Show the effective settings, or the schema of the configuration file."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options()
def show(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Show each effective setting and where its value comes from.

    The command takes the same options as `serve`. Secrets are hidden; names of files that hold
    secrets are shown.

    \b
    Examples:
      skillhabit-odata config show --config gateway.toml
      skillhabit-odata config show --json
    """
    settings = read_settings(config, given)
    origin_of = origins(given, os.environ, read_config(config), str(config))
    rows = [(s.name, _shown(s, settings), origin_of[s.name]) for s in SETTINGS]
    if as_json:
        print_json(
            {
                "settings": {n: {"value": v, "from": p} for n, v, p in rows},
                "roles": [role.name for role in settings.roles],
                "workspaces": [_workspace(other) for other in settings.others],
            }
        )
        return
    print_table(("setting", "value", "from"), [(n, _plain(v), p) for n, v, p in rows])
    for role in settings.roles:
        click.echo(role.place)
    for other in settings.others:
        click.echo(f"[workspaces.{other.workspace}]")
        for role in other.roles:
            click.echo(role.place)


@config.command()
def schema() -> None:
    """Print the JSON schema of the configuration file.

    Editors use the schema to complete and check TOML. Save it next to the file that `init` writes;
    the first line of that file names it.

    \b
    Example:
      skillhabit-odata config schema > skillhabit-odata.schema.json
    """
    click.echo(json.dumps(json_schema(), indent=2))


def _shown(setting: Setting, settings: Settings) -> Any:
    """Return a setting's value as JSON represents it."""
    value = getattr(settings, setting.name)
    if setting.secret and value is not None:
        return _HIDDEN
    match value:
        case Path():
            return str(value)
        case tuple() if value and isinstance(value[0], tuple):
            return dict(value)
        case tuple():
            return [*value]
        case _:
            return value


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _workspace(settings: Settings) -> dict[str, Any]:
    """Return the settings of a workspace, without those that only the gateway has."""
    own = {s.name: _shown(s, settings) for s in SETTINGS if s.share.value != "not"}
    roles = [role.name for role in settings.roles]
    return {"name": settings.workspace, "settings": own, "roles": roles}
