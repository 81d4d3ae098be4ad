"""A configuration file that explains itself: every setting with its help, those chosen set."""

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
# Configuration of the Skillhabit OData gateway. A line with # in front is a default or an example.
# Each setting can also be an option, --name, or an environment variable, {ENVIRONMENT_PREFIX}NAME.
# Relative paths count from the folder in which the gateway is started.
"""
_TAIL = """
# What callers with a role may see.
# [roles.coach]
# rows = "groupIds/any(g:g eq 'ID')"
# hide = ["userEmail"]

# A further workspace, with a token and data of its own.
# [workspaces.acme]
# token_file = "acme-token.txt"
"""


def configuration_text(chosen: Mapping[str, object]) -> str:
    """The file; `chosen` are values as TOML has them, by the names of settings."""
    plain = [setting for setting in SETTINGS if setting.convert is not as_pairs]
    tables = [setting for setting in SETTINGS if setting.convert is as_pairs]
    parts = [_HEAD, *(_setting(setting, chosen.get(setting.name)) for setting in plain)]
    parts += [_table(setting, chosen.get(setting.name)) for setting in tables]
    return "\n".join(parts) + _TAIL


def _setting(setting: Setting, value: object) -> str:
    if value is not None:
        return f"{_comment(setting)}{setting.name} = {written(value)}\n"
    default = setting.default
    example = setting.metavar if default in (None, ()) else default
    return f"{_comment(setting)}# {setting.name} = {written(example)}\n"


def _table(setting: Setting, value: object) -> str:
    if not isinstance(value, Mapping) or not value:
        name, _, field = setting.metavar.partition("=")
        return f"{_comment(setting)}# [{setting.name}]\n# {name} = {written(field)}\n"
    lines = (f"{_name(name)} = {written(field)}\n" for name, field in value.items())
    return f"{_comment(setting)}[{setting.name}]\n{''.join(lines)}"


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else written(name)


def _comment(setting: Setting) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(setting.help, 96))


def written(value: object) -> str:
    r"""A value as TOML writes it.

    >>> written("a\tb"), written(("x",)), written(True), written(0.5)
    ('"a\\tb"', '["x"]', 'true', '0.5')
    """
    match value:
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple() | list():
            return f"[{', '.join(map(written, value))}]"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
