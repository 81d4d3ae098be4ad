"""Keys and credentials for tests, made as people make them."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner

from gateway.auth.key_file import write_keys
from gateway.auth.keys import Key
from gateway.cli import main

Header = tuple[str, str]
GIVING: dict[str, Callable[[str], tuple[str, list[Header]]]] = {
    "basic": lambda key: ("", [basic(key)]),
    "header": lambda key: ("", [("X-API-Key", key)]),
    "apikey": lambda key: ("", [("apikey", key)]),
    "user": lambda key: ("", [basic("", key)]),
    "user with a word": lambda key: ("", [basic("x-oauth-basic", key)]),
    "bearer": lambda key: ("", [bearer(key)]),
    "query": lambda key: (f"apikey={key}", []),
}
"""Each way of giving a key: what stands in the query, and the headers."""


def basic(key: str, user: str = "anyone") -> Header:
    return "Authorization", f"Basic {b64encode(f'{user}:{key}'.encode()).decode()}"


def bearer(token: str) -> Header:
    return "Authorization", f"Bearer {token}"


def make_key(path: Path, *options: str) -> tuple[str, str]:
    """A new key and its id, from the command line."""
    done = CliRunner().invoke(
        main, ["keys", "create", "--name", "a test", "--keys-file", str(path), "--json", *options]
    )
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.stdout)
    return made["key"], made["id"]


def change_key(path: Path, key_id: str, **changes: object) -> None:
    """Write other facts about a key, as a clock or a hand would."""

    def change(kept: dict[str, Key]) -> None:
        kept[key_id] = msgspec.structs.replace(kept[key_id], **changes)

    write_keys(path, change)


def from_now(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Claims whose `exp` and `nbf` are seconds from now, as a token has them."""
    now = int(time.time())
    return {
        name: now + value if name in ("exp", "nbf") and isinstance(value, int) else value
        for name, value in claims.items()
    }
