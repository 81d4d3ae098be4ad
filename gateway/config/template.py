"""A commented configuration file: every setting with its help, and the chosen ones set."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from gateway.config.converters import as_pairs
from gateway.config.schema import SCHEMA_FILE
from gateway.config.setting import ENVIRONMENT_PREFIX, Setting
from gateway.config.table import SETTINGS

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEAD = f"""#:schema ./{SCHEMA_FILE}
# Configuration of the Skillhabit OData gateway. Lines that start with # are defaults or examples.
# Each setting can also be an option, --name, or an environment variable, {ENVIRONMENT_PREFIX}NAME.
# Relative paths start at the folder of this file.
"""
_TAIL = """
# What callers with a role may see.
# [roles.coach]
# rows = "groupIds/any(g:g eq 'ID')"
# hide = ["userEmail"]

# An additional workspace, with its own token and data.
# [workspaces.acme]
# token_file = "acme-token.txt"
"""


def configuration_text(chosen: Mapping[str, object]) -> str:
    """Return the file; `chosen` maps names of settings to TOML values."""
    plain = [setting for setting in SETTINGS if setting.convert is not as_pairs]
    tables = [setting for setting in SETTINGS if setting.convert is as_pairs]
    parts = [_HEAD, *(_setting(setting, chosen.get(setting.name)) for setting in plain)]
    parts += [_table(setting, chosen.get(setting.name)) for setting in tables]
    return "\n".join(parts) + _TAIL


def _setting(setting: Setting, value: object) -> str:
    if value is not None:
        return f"{_comment(setting)}{setting.name} = {as_toml(value)}\n"
    default = setting.default
    example = setting.metavar if default in (None, ()) else default
    return f"{_comment(setting)}# {setting.name} = {as_toml(example)}\n"


def _table(setting: Setting, value: object) -> str:
    if not isinstance(value, Mapping) or not value:
        name, _, field = setting.metavar.partition("=")
        return f"{_comment(setting)}# [{setting.name}]\n# {name} = {as_toml(field)}\n"
    lines = (f"{_name(name)} = {as_toml(field)}\n" for name, field in value.items())
    return f"{_comment(setting)}[{setting.name}]\n{''.join(lines)}"


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else as_toml(name)


def _comment(setting: Setting) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(setting.help, 96))


def as_toml(value: object) -> str:
    r"""Return a value in TOML syntax.

    >>> as_toml("a\tb"), as_toml(("x",)), as_toml(True), as_toml(0.5)
    ('"a\\tb"', '["x"]', 'true', '0.5')
    """
    match value:
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple() | list():
            return f"[{', '.join(map(as_toml, value))}]"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
