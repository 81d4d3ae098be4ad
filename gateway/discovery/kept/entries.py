"""The entries of a contract file, and digests that show which ones were changed by hand.

An entry is what `check` compares and `check --fix` writes at once: a table, such as `pages` and
`filters.users`, or a column or a custom field by its name, such as `columns.progress`. Other lists
of tables, such as `sets`, are one entry each.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote

NAMED = {
    ("columns",): "columns",
    ("custom_fields", "mapped"): "custom_fields",
}
"""Lists of tables whose elements are entries, and how the names of these begin."""
_DIVIDED = frozenset({"endpoints", "filters", "statistics"})
_INNER = {"request": ("body",), "custom_fields": ("mapped",)}
_UNLEARNT = frozenset({"service", "limits", "sets", "measures", "navigation"})
_HEADING = "# ---------------------------------------------------------------- as it was written"
_NOTE = (
    "# Digests of the entries above, as `skillhabit-odata` wrote them. They show which entries you"
    " have\n# changed since: `init` keeps these, and `check --fix` changes them only by name.\n"
)
_LINE = re.compile(r"^#: (.*)$", re.MULTILINE)
_DIGEST_LETTERS = 8


class Hand(StrEnum):
    """How the owner of a file has changed an entry."""

    CHANGED = "changed"
    ADDED = "added"
    DELETED = "deleted"


def entries_of(text: str) -> dict[str, Any]:
    """Return the content of each entry of a file by its name.

    Raises:
        tomllib.TOMLDecodeError: the text is not TOML.
    """
    return dict(_entries(tomllib.loads(text)))


def _entries(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if (name,) in NAMED:
            yield from _elements((name,), value)
        elif isinstance(value, dict) and name in _DIVIDED:
            yield from ((f"{name}.{inner}", each) for inner, each in value.items())
        elif isinstance(value, list):
            yield name, value
        elif isinstance(value, dict):
            inner = _INNER.get(name, ())
            yield name, {key: each for key, each in value.items() if key not in inner}
            for key in (key for key in inner if key in value):
                if (name, key) in NAMED:
                    yield from _elements((name, key), value[key])
                else:
                    yield f"{name}.{key}", value[key]


def _elements(path: tuple[str, ...], elements: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    for element in elements:
        yield element_name(path, element), element


def element_name(path: tuple[str, ...], element: Mapping[str, Any]) -> str:
    """Return the name of an element of a list of tables.

    >>> element_name(("columns",), {"name": "progress"})
    'columns.progress'
    """
    return f"{NAMED[path]}.{element.get('name', '')}"


def stamped(text: str) -> str:
    """Return a file with the digests of its entries at its end, instead of older ones."""
    return with_digests(text, digests_of(text))


def with_digests(text: str, digests: Mapping[str, str]) -> str:
    """Return a file with these digests at its end."""
    pairs = " ".join(f"{quote(name)}={digest}" for name, digest in digests.items())
    lines = textwrap.wrap(pairs, 96, break_long_words=False, break_on_hyphens=False)
    block = "".join(f"#: {line}\n" for line in lines)
    return f"{without_digests(text).rstrip()}\n\n{_HEADING}\n{_NOTE}{block}"


def without_digests(text: str) -> str:
    """Return a file without the block of digests."""
    return _LINE.sub("", text.replace(_HEADING + "\n", "").replace(_NOTE, "")).rstrip() + "\n"


def digests_of(text: str) -> dict[str, str]:
    """Return the digest of each entry, whatever its comments and its layout are."""
    return {name: _digest(content) for name, content in entries_of(text).items()}


def written_digests(text: str) -> dict[str, str] | None:
    """Return the digests that a file states; None if it states none."""
    pairs = [pair.split("=") for line in _LINE.findall(text) for pair in line.split()]
    found = {parts[0]: parts[1] for parts in pairs if len(parts) == 2}
    quoted = {quote(name): name for name in entries_of(text)}
    return {quoted.get(name, name): digest for name, digest in found.items()} or None


def _digest(content: Any) -> str:
    data = json.dumps(content, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(data.encode()).hexdigest()[:_DIGEST_LETTERS]


def changes_by_hand(text: str, shipped: str) -> dict[str, Hand]:
    """Return the entries that the owner of a file has changed since it was written.

    Entries with `source = "owner"` are the owner's, whatever their digests are. A file without
    digests was not written here: of the others, those that no probe could learn are the owner's, if
    they differ from the shipped file.
    """
    entries, now, stated = entries_of(text), digests_of(text), written_digests(text)
    then = stated or {n: d for n, d in digests_of(shipped).items() if n in _UNLEARNT}
    seen = now if stated else {n: d for n, d in now.items() if n in _UNLEARNT}
    found = {name: Hand.ADDED for name in seen if name not in then}
    found |= {name: Hand.DELETED for name in then if name not in seen}
    found |= {name: Hand.CHANGED for name in seen if seen[name] != then.get(name, seen[name])}
    for name, content in entries.items():
        if isinstance(content, dict) and content.get("source") == "owner":
            found.setdefault(name, Hand.CHANGED)
    return found
