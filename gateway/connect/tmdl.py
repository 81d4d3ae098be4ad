"""TMDL, the text form of Power BI's models: objects, properties and expressions by indentation.

A tab is a level. A name in other characters than letters, digits and underscores is quoted. An
expression of several lines stands two levels below the line that it belongs to.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAMESPACE = uuid.UUID("6f1f3b7e-6f0c-5b0e-9d0e-3a1c5e8b7a42")


def quoted(name: str) -> str:
    """A name of an object.

    >>> quoted("Results"), quoted("User name"), quoted("O'Brien")
    ('Results', "'User name'", "'O''Brien'")
    """
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def tag(*path: str) -> str:
    """The identity of an object over time: the same for the same path, in each download."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(path)))


def indented(lines: Iterable[str], levels: int = 1) -> Iterator[str]:
    """Lines so many levels deeper; empty ones stay empty."""
    return ("\t" * levels + line if line else "" for line in lines)


def described(text: str) -> list[str]:
    """A description, which stands above its object."""
    words = " ".join(text.split())
    return [f"/// {words}"] if words else []


def assigned(head: str, expression: str) -> list[str]:
    """An object or property with an expression: on its line, or below it when it has several."""
    lines = expression.strip("\n").split("\n")
    if len(lines) == 1:
        return [f"{head} = {lines[0]}"]
    return [f"{head} =", *indented(lines, 2)]


def document(*objects: list[str]) -> str:
    """A file of objects with an empty line between them."""
    return "\n\n".join("\n".join(lines) for lines in objects) + "\n"
