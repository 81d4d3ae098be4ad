"""The file of gateway keys: read by the service, written by `skillhabit-odata keys`.

It is replaced as a whole, under a lock, so that two commands at once lose nothing and a reader
never sees a half. It holds digests, names and dates, no key.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from filelock import FileLock

from gateway.auth.keys import LIMITS, Key

_LOCK_SECONDS = 10
_MODE = 0o600
_VERSION = 1
_PLACE = re.compile(r"`\$\.keys\[(\d+)\]\.(\w+)")
_ID = re.compile(rb'"id"\s*:\s*"([0-9a-f]{12})"')


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[Key, ...]
    version: int = _VERSION


def read_keys(content: bytes) -> dict[str, Key]:
    """The keys by id; an empty file has none.

    Raises:
        ValueError: the content is no list of keys.
    """
    if not content.strip():
        return {}
    try:
        file = msgspec.json.decode(content, type=_File)
    except msgspec.MsgspecError as error:
        raise ValueError(
            _limit_refused(content, error) or f"is no file of keys: {error}"
        ) from error
    found = {key.id: key for key in file.keys}
    if file.version != _VERSION or len(found) != len(file.keys):
        raise ValueError("is no file of keys: of another version, or with one id twice")
    return found


def write_keys(path: Path, change: Callable[[dict[str, Key]], None]) -> None:
    """Change the keys; others who do the same wait.

    Raises:
        OSError: the file or its folder cannot be written; `TimeoutError` when another command has
            held the lock for ten seconds.
        ValueError: what is there is no list of keys; nothing was changed.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=_LOCK_SECONDS, mode=_MODE)
    with lock:
        keys = read_keys(path.read_bytes()) if path.exists() else {}
        change(keys)
        content = {"keys": [_members(key) for key in keys.values()], "version": _VERSION}
        _replace(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _members(key: Key) -> dict[str, object]:
    """The members of a key without limits that it does not have.

    An older version of the gateway, which does not know them, can then read the file.
    """
    members: dict[str, object] = msgspec.to_builtins(key)
    return {n: value for n, value in members.items() if value is not None or n not in LIMITS}


def _limit_refused(content: bytes, error: msgspec.MsgspecError) -> str | None:
    """Say which limit of which key is wrong, where, and what it must be; None for other errors."""
    found = _PLACE.search(str(error))
    if found is None or found[2] not in LIMITS:
        return None
    number, member = int(found[1]), found[2]
    before = 0
    for start in re.finditer(rb'"%b"\s*:' % member.encode(), content):
        line = content.count(b"\n", 0, start.start()) + 1
        key_id = _ID.findall(content[: start.start()])
        if len(key_id) == number + 1:
            before, named = line, key_id[-1].decode()
    if not before:
        return f"keys[{number}]: {member} must be {LIMITS[member]}"
    return f"line {before}: key {named}: {member} must be {LIMITS[member]}"


def _replace(path: Path, content: bytes) -> None:
    with _draft(path) as (descriptor, draft):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # root writes for the service: its owner keeps the file
            old = path.stat()
            os.chown(draft, old.st_uid, old.st_gid)
        draft.replace(path)


@contextmanager
def _draft(path: Path) -> Iterator[tuple[int, Path]]:
    """A file beside the other that only its owner may read, gone unless it was moved."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield descriptor, Path(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - a name, as mkstemp gives it
