"""The place and the remedy for what msgspec refuses in a contract file."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from gateway.config.places import among

Path = tuple[str | int, ...]
"""The names of tables and keys, and the positions in lists from 0."""
_ANY = "..."
"""The step of a path for an entry of a table whose keys are the owner's: it has no name there."""
_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")


def describe(error: msgspec.DecodeError, text: str, shape: type) -> str:
    """Return the message of an error with its line, and the names that an unknown one could be.

    `shape` is the type of the whole file.
    """
    message = str(error)
    unknown = _UNKNOWN.search(message)
    path = _resolved(_path(message), text, shape, message)
    line = line_of(text, path if unknown is None else (*path, unknown[1]))
    remedy = ""
    if unknown is not None:
        known = sorted(_names(inspect.type_info(shape), path))
        remedy = f"; {among(unknown[1], known)}" if known else ""
    return f"{'' if line is None else f'line {line}: '}{message}{remedy}"


def line_of(text: str, path: Path) -> int | None:
    r"""Return the line of a key or table, counted from 1; None if the file does not have it.

    The lines that contain the name are found by their text; of these, the right one is the first
    with which the file, read up to there, has the entry.

    >>> line_of("[[columns]]\nname = 'a'\n[[columns]]\nname = 'b'", ("columns", 1, "name"))
    4
    """
    name = next((step for step in reversed(path) if isinstance(step, str)), None)
    if name is None:
        return None
    lines = text.splitlines()
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    candidates = [number for number, line in enumerate(lines, 1) if word.search(line)]
    found = bisect_left(candidates, True, key=lambda number: _has(_read(lines, number), path))
    return candidates[found] if found < len(candidates) else None


def _read(lines: list[str], number: int) -> Any:
    """Return the file up to a line, and on to the end of the statement in it."""
    for end in range(number, len(lines) + 1):
        try:
            return tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
    return {}


def _has(tree: Any, path: Path) -> bool:
    try:
        _at(tree, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _path(message: str) -> Path:
    """Return the path of `$.columns[9].name`."""
    where = _WHERE.search(message)
    steps = _STEP.findall(where[1] if where else "")
    return tuple(int(number) if number.isdigit() else number or name for number, name in steps)


def _resolved(path: Path, text: str, shape: type, message: str) -> Path:
    """Return the path with the owner's key: the one whose entry alone causes the same error."""
    if _ANY not in path:
        return path
    before, after = path[: path.index(_ANY)], path[path.index(_ANY) + 1 :]
    for key in _at(tomllib.loads(text), before):
        tree = tomllib.loads(text)
        table = _at(tree, before)
        for other in {*table} - {key}:
            del table[other]
        try:
            msgspec.convert(tree, shape)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return (*before, key, *after)
    return before


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _names(shape: inspect.Type, path: Path) -> Iterator[str]:
    """Yield the keys that a table may have."""
    match shape:
        case inspect.UnionType():
            for each in shape.types:
                yield from _names(each, path)
        case inspect.StructType() if not path:
            yield from (field.encode_name for field in shape.fields)
        case inspect.StructType():
            for field in shape.fields:
                if field.encode_name == path[0]:
                    yield from _names(field.type, path[1:])
        case inspect.DictType() if path:
            yield from _names(shape.value_type, path[1:])
        case inspect.ListType() | inspect.VarTupleType() if path:
            yield from _names(shape.item_type, path[1:])
        case _:
            return
