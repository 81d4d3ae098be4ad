"""The location of a byte in a body: the path of its member, and the id of its row.

The body may not be JSON, or not fit the contract, so tokens are read leniently: strings, structure,
anything else. Locations are for messages only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import msgspec

from gateway.analytics.read.bodies import REPLACEMENT, UNDECODED, repaired
from gateway.contract.model import MemberPath

_TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*"?)|([\[{])|([\]}])|(,)|[^\[\]{},:"\s]+', re.DOTALL)
_STRING, _OPEN, _CLOSE, _COMMA = 1, 2, 3, 4
"""The kinds of tokens, as in `lastindex`; None for any other. Colons are skipped."""
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_MAX_SHOWN_CHARACTERS, _MAX_PATH_STEPS = 100, 12
Path: TypeAlias = list[int | str | None]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a body; `row` is the id of its row, empty if unknown."""

    path: str
    row: str


def find_spot(body: bytes, byte: int, rows: MemberPath, key: MemberPath) -> Spot:
    """Return where a byte lies; `rows` and `key` are the contract's paths of rows and their key."""
    body, start = repaired(body), 0
    path: Path = []
    for number, begin in enumerate(_starts(body, rows)):
        if begin > byte:
            break
        path, start = [*rows, number], begin
    row = path[:]
    for token in _walk(body, path, start):
        if token.end() > byte:
            break
    is_in_row = bool(row) and path[: len(row)] == row
    return Spot(_render(path), _value_at(body[start:], key) if is_in_row else "")


def row_id(body: bytes, number: int, rows: MemberPath, key: MemberPath) -> str:
    """Return the id of a row, counted from 0; empty where it has none."""
    body = repaired(body)
    start = next(islice(_starts(body, rows), number, None), None)
    return "" if start is None else _value_at(body[start:], key)


def _starts(body: bytes, rows: MemberPath) -> Iterator[int]:
    """Yield where each row begins, up to the first one that cannot be decoded."""
    path: Path = []
    tokens = (t for t in _walk(body, path) if t.lastindex == _OPEN and path == [*rows])
    found = next(tokens, None)
    if found is None:
        return
    start, view = found.end(), memoryview(body)
    while True:
        yield start
        length = _length_of_value(view[start:])
        if length is None or body[start + length : start + length + 1] != b",":
            return
        start += length + 1


def _length_of_value(text: memoryview) -> int | None:
    """Return how many bytes the first value takes, with the blanks behind it; None if it is none.

    The decoder is hundreds of times as fast as a walk, and says where it stops.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        match = _TRAILING.search(str(error))
        return None if match is None else int(match[1]) - 1
    except RecursionError:
        return None
    return None


def _value_at(body: bytes, member: MemberPath) -> str:
    """Return the text of a member of the object that a body begins with; empty without one."""
    path: Path = []
    wanted = [*member]
    for token in _walk(body, path):
        if path == wanted and token.lastindex in (_STRING, None):
            return _text(token[0])
        if token.lastindex == _CLOSE and len(path) == 1:
            break
    return ""


def _walk(body: bytes, path: Path, start: int = 0) -> Iterator[re.Match[bytes]]:
    """Yield each token that is no name while `path` is its place.

    The steps of the path are the indices of arrays and the names of members, None before a name.
    """
    for token in _TOKEN.finditer(body, start):
        kind = token.lastindex
        if kind == _STRING and path and path[-1] is None:
            path[-1] = _text(token[0])
            continue
        yield token
        if kind == _OPEN:
            path.append(0 if token[0] == b"[" else None)
        elif kind == _CLOSE:
            del path[-1:]
        elif kind == _COMMA and path:
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else None


def in_row(id_: str) -> str:
    """Return words that name a row by its id, shortened; empty without an id.

    >>> in_row("usr-1"), in_row("")
    (", in the row 'usr-1'", '')
    """
    shown = "".join(c if c.isprintable() else REPLACEMENT for c in id_[:_MAX_SHOWN_CHARACTERS])
    return f", in the row '{shown}'" if shown else ""


def _render(path: Path) -> str:
    steps = path[:_MAX_PATH_STEPS]
    shown = (
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps if step is not None
    )
    return "$" + "".join(shown) + ("..." if len(path) > _MAX_PATH_STEPS else "")


def _text(token: bytes) -> str:
    """Return the text of a string or another token, as far as it can be decoded; empty for null."""
    if token == b"null":
        return ""
    if b"\\" in token:
        with suppress(*UNDECODED):
            return msgspec.json.decode(repaired(token), type=str)
    return token.strip(b'"').decode("utf-8", "replace")
