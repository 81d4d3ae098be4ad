"""The file of gateway keys: read by the service, written by `skillhabit-odata keys`.

It is replaced as a whole, under a lock, so that concurrent commands lose nothing and a reader never
sees half a file. It holds digests, names and dates, but no keys.
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
_FILE_MODE = 0o600
_FORMAT_VERSION = 1
_PLACE = re.compile(r"`\$\.keys\[(\d+)\]\.(\w+)")
_ID = re.compile(rb'"id"\s*:\s*"([0-9a-f]{12})"')


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[Key, ...]
    version: int = _FORMAT_VERSION


def read_keys(content: bytes) -> dict[str, Key]:
    """Return the keys by id; an empty file has none.

    Raises:
        ValueError: the content is not a key file.
    """
    if not content.strip():
        return {}
    try:
        file = msgspec.json.decode(content, type=_KeyFile)
    except msgspec.MsgspecError as error:
        raise ValueError(_limit_problem(content, error) or f"is not a key file: {error}") from error
    found = {key.id: key for key in file.keys}
    if file.version != _FORMAT_VERSION or len(found) != len(file.keys):
        raise ValueError("is not a key file: another version, or a repeated id")
    return found


def write_keys(path: Path, change: Callable[[dict[str, Key]], None]) -> None:
    """Apply `change` to the keys in the file; concurrent commands wait for each other.

    Raises:
        OSError: the file or its folder cannot be written; `TimeoutError` when another command has
            held the lock for ten seconds.
        ValueError: the content is not a key file; nothing was changed.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=_LOCK_SECONDS, mode=_FILE_MODE)
    with lock:
        keys = read_keys(path.read_bytes()) if path.exists() else {}
        change(keys)
        content = {"keys": [_members(key) for key in keys.values()], "version": _FORMAT_VERSION}
        _replace(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _members(key: Key) -> dict[str, object]:
    """Return the members of a key, without limits that are not set.

    An older version of the gateway, which does not know those limits, can then read the file.
    """
    members: dict[str, object] = msgspec.to_builtins(key)
    return {n: value for n, value in members.items() if value is not None or n not in LIMITS}


def _limit_problem(content: bytes, error: msgspec.MsgspecError) -> str | None:
    """Describe the wrong limit, its key, its line and its valid values; None for other errors."""
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
        if hasattr(os, "chown"):  # Windows has none
            with suppress(OSError):  # when root writes the file for the service, it keeps its owner
                old = path.stat()
                os.chown(draft, old.st_uid, old.st_gid)
        draft.replace(path)


@contextmanager
def _draft(path: Path) -> Iterator[tuple[int, Path]]:
    """Create a file beside `path` that only its owner may read; remove it unless it was moved."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield descriptor, Path(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - mkstemp returns a string
