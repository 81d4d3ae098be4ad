"""The JSON schema of the configuration file, for editors that complete and check TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config.converters import (
    as_boolean,
    as_choice,
    as_command,
    as_integer,
    as_key_ids,
    as_names,
    as_pairs,
    as_peers,
    as_positive_seconds,
    as_redis,
    as_seconds,
    as_text,
    as_url,
)
from gateway.config.grants import as_audiences, as_grants
from gateway.config.login_converters import as_lifetime, as_login_body
from gateway.config.setting import Setting, Share
from gateway.config.table import SETTINGS

SCHEMA_FILE = "skillhabit-odata.schema.json"
"""The file name that `init` writes into configuration files."""
_TEXT = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}}
_MAX_SECONDS = 10_000_000
_SECONDS = {"type": "number", "minimum": 0, "maximum": _MAX_SECONDS}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0, "maximum": _MAX_SECONDS}
_FORMS: dict[object, dict[str, Any]] = {
    as_text: _TEXT,
    as_boolean: {"type": "boolean"},
    as_seconds: _SECONDS,
    as_positive_seconds: _POSITIVE,
    as_url: {"type": "string", "pattern": r'^https?://[^?#"<>\\ \s]+$'},
    as_redis: {"type": "string", "pattern": r"^rediss?://\S+$"},
    as_names: _NAMES,
    as_key_ids: {"anyOf": [_NAMES, {"type": "string"}]},
    as_peers: {"anyOf": [_NAMES, {"type": "string"}]},
    as_pairs: {"type": "object", "additionalProperties": _TEXT},
    as_grants: {"type": "object", "additionalProperties": _TEXT},
    as_audiences: {"anyOf": [_NAMES, _TEXT]},
    as_command: {"anyOf": [_NAMES, _TEXT]},
    as_login_body: {"anyOf": [{"type": "object", "minProperties": 1}, _TEXT]},
    as_lifetime: {"anyOf": [_POSITIVE, _TEXT]},
}
_NAMED = {"propertyNames": {"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}}
_ROLES: dict[str, Any] = {
    "type": "object",
    "description": "what callers with a role may see",
    **_NAMED,
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "rows": {**_TEXT, "description": "a condition on results in $filter syntax"},
            "hide": {**_NAMES, "description": "columns to remove"},
            "mask": {**_NAMES, "description": "columns to show as digests"},
            "sets": {**_NAMES, "minItems": 1, "description": "the visible entity sets"},
        },
    },
}


def json_schema() -> dict[str, Any]:
    """Return the schema. The gateway may still reject a file that it accepts."""
    shared = [setting for setting in SETTINGS if setting.share is not Share.NOT]
    workspace = _table(_properties(shared, defaults=False) | {"roles": _ROLES})
    workspaces = {
        "type": "object",
        "description": "additional workspaces, each with its own token and data",
        **_NAMED,
        "additionalProperties": workspace,
    }
    properties = _properties(SETTINGS, defaults=True)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Configuration of the Skillhabit OData gateway",
        **_table(properties | {"roles": _ROLES, "workspaces": workspaces}),
    }


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _properties(settings: list[Setting] | tuple[Setting, ...], *, defaults: bool) -> dict[str, Any]:
    return {
        setting.name: {
            **_form(setting),
            "description": setting.help,
            **(_default(setting) if defaults else {}),
        }
        for setting in settings
    }


def _form(setting: Setting) -> dict[str, Any]:
    """Return the schema of a setting by its converter; unknown converters take texts."""
    if isinstance(setting.convert, as_integer):
        bounds = setting.convert
        return {"type": "integer", "minimum": bounds.low, "maximum": bounds.high}
    if isinstance(setting.convert, as_choice):
        return {"enum": [*setting.convert.known]}
    return _FORMS.get(setting.convert, _TEXT)


def _default(setting: Setting) -> dict[str, Any]:
    match setting.default:
        case None | ():
            return {}
        case tuple() as values:
            return {"default": [*values]}
        case Path() as path:
            return {"default": str(path)}
        case value:
            return {"default": value}
