"""Converters of the settings of a login; see `gateway.config.converters`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.config.converters import as_text, as_url

CREDENTIAL = re.compile(r"\$\{(env|file)\.([^${}]+)\}")
"""A placeholder for a value that is kept outside of the configuration."""
_MEMBER = re.compile(r"[^.\s$]+(?:\.[^.\s$]+)*")
_PATH = re.compile(r"/(?!/)[^?#\"<>\\\s]*")


def as_endpoint(value: object) -> str:
    """Return a path that starts with one slash, or a URL."""
    text = as_text(value)
    if _PATH.fullmatch(text):
        return text
    try:
        return as_url(text)
    except ValueError as error:
        raise ValueError(
            "must be a path such as /auth/login, or a URL such as https://host/auth/login, without"
            " ?, #, user name and password"
        ) from error


def as_member(value: object) -> str:
    """Return the path of a member, with dots."""
    text = as_text(value)
    if not _MEMBER.fullmatch(text):
        raise ValueError("must be names of members with dots between them, such as data.token")
    return text


def as_lifetime(value: object) -> str:
    """Return seconds or the path of a member, as text."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    try:
        seconds = float(as_text(text))
    except ValueError:
        return _member_or_seconds(text)
    if not 0 < seconds <= 10_000_000:
        return _member_or_seconds("")
    return as_text(text)


def _member_or_seconds(value: object) -> str:
    try:
        return as_member(value)
    except ValueError as error:
        raise ValueError(
            "must be a number of seconds from 1 to 10000000, or names of members such as"
            " data.expiresIn"
        ) from error


def as_login_body(value: object) -> str:
    """Return a JSON object as text, from a text or a TOML table; messages repeat none of it."""
    tree = _decoded(value)
    texts = [*_texts(tree)]
    if not isinstance(tree, Mapping) or not tree or any(map(_has_rest, texts)):
        raise ValueError(
            'must be a JSON object such as {"user": "${env.API_USER}", "password":'
            ' "${file.secret.txt}"}; placeholders are ${env.NAME} and ${file.PATH}'
        )
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def _decoded(value: object) -> Any:
    try:
        tree = json.loads(value) if isinstance(value, str) else value
        json.dumps(tree, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return tree


def _texts(tree: Any) -> list[str]:
    match tree:
        case str():
            return [tree]
        case Mapping():
            return [text for inner in tree.values() for text in _texts(inner)]
        case list():
            return [text for inner in tree for text in _texts(inner)]
        case _:
            return []


def _has_rest(text: str) -> bool:
    """Return True if the text has the beginning of a placeholder that is none."""
    return "${" in CREDENTIAL.sub("", text)
