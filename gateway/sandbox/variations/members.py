"""Members of a response, written by dotted paths."""

import re

_SEGMENT = re.compile(r"([^\[\]]+)(\[0\])?")


def put(target: dict[str, object], path: str, value: object) -> None:
    """Write a value at a path; `pages[0].rows` writes into the only element of a list.

    >>> target = {}
    >>> put(target, "pages[0].rows", [])
    >>> put(target, "pages[0].size", 0)
    >>> target
    {'pages': [{'rows': [], 'size': 0}]}
    """
    *parents, name = path.split(".")
    for parent in parents:
        target = _inner(target, parent)
    target[name] = value


def _inner(target: dict[str, object], segment: str) -> dict[str, object]:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise ValueError(f"{segment} is not a segment of a path")
    name, element = match.groups()
    inner = target.setdefault(name, [{}] if element else {})
    if isinstance(inner, list):
        inner = inner[0]
    if not isinstance(inner, dict):
        raise TypeError(f"{name} is not an object")
    return inner
