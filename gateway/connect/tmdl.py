"""TMDL, the text form of Power BI's models: objects, properties and expressions by indentation.

Each level is a tab. Names with characters other than letters, digits and underscores are quoted. An
expression of several lines is indented by two levels below its head.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAMESPACE = uuid.UUID("6f1f3b7e-6f0c-5b0e-9d0e-3a1c5e8b7a42")


def quoted(name: str) -> str:
    """Return the name of an object, quoted if necessary.

    >>> quoted("Results"), quoted("User name"), quoted("O'Brien")
    ('Results', "'User name'", "'O''Brien'")
    """
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def tag(*path: str) -> str:
    """Return a permanent identity for an object: each download has the same one for a path."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(path)))


def indented(lines: Iterable[str], levels: int = 1) -> Iterator[str]:
    """Yield lines that many levels deeper; empty lines stay empty."""
    return ("\t" * levels + line if line else "" for line in lines)


def described(text: str) -> list[str]:
    """Return a description, to put above its object."""
    words = " ".join(text.split())
    return [f"/// {words}"] if words else []


def assigned(head: str, expression: str) -> list[str]:
    """Return an object or property with an expression; several lines go below the first."""
    lines = expression.strip("\n").split("\n")
    if len(lines) == 1:
        return [f"{head} = {lines[0]}"]
    return [f"{head} =", *indented(lines, 2)]


def document(*objects: list[str]) -> str:
    """Return a file of objects, separated by empty lines."""
    return "\n\n".join("\n".join(lines) for lines in objects) + "\n"
