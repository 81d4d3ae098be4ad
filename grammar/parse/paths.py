"""Decoded path segments to `ResourcePath` (Part 2, 4).

Without a schema only the form of each segment and the order of system segments are checked. The
binder decides if a name is an entity set, a property or a key.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import cast

from grammar.errors import ODataSyntaxError
from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.parser import parse
from grammar.tree.resource import ResourcePath, Segment

OPTION = "path"
_FIRST = frozenset({"$metadata", "$batch", "$entity", "$all", "$crossjoin"})
_ALONE = frozenset({"$metadata", "$batch"})
_LAST = frozenset({"$count", "$ref", "$value", "$query"})
_SYSTEM = _FIRST | _LAST | {"$filter", "$each"}


def parse_resource_path(segments: tuple[str, ...], limits: Limits = DEFAULT_LIMITS) -> ResourcePath:
    """Parse segments from `split_path`; none, or one empty one, is the service document.

    >>> parse_resource_path(("Results", "$count")).segments
    (Segment(name='Results', key=None, argument=None, names=()), \
Segment(name='$count', key=None, argument=None, names=()))
    """
    if segments and not segments[-1]:
        segments = segments[:-1]
    if len(segments) > limits.max_levels:
        raise ODataSyntaxError(
            f"more than {limits.max_levels} segments", option=OPTION, hint="shorten the path"
        )
    parsed: list[Segment] = []
    for text in segments:
        parsed += _segment(text, limits, is_first=not parsed)
        _check_order(parsed, text)
    return ResourcePath(tuple(parsed))


def _segment(text: str, limits: Limits, *, is_first: bool) -> tuple[Segment, ...]:
    if not text:
        raise ODataSyntaxError(
            "an empty segment: two slashes in a row", option=OPTION, hint="leave one of them out"
        )
    try:
        return cast(tuple[Segment, ...], parse("segment", text, limits, OPTION))
    except ODataSyntaxError:
        if is_first or not _may_be_key(text, limits):
            raise
        return (Segment(text),)


def _may_be_key(text: str, limits: Limits) -> bool:
    """Return true for a possible key-as-segment (4.3.6), if no other kind of segment matched.

    `Items(1` and `$cuont` are mistakes; `Tablet (small)`, `2001` and `O'Neil` are keys.
    """
    name, _, _ = text.partition("(")
    looks_called = "(" in text and name.replace(".", "_").isidentifier()
    return len(text) <= limits.max_characters and text[0] != "$" and not looks_called


def _check_order(parsed: list[Segment], text: str) -> None:
    """Check that a system segment exists and is where it may be."""
    name = parsed[-1].name
    before = parsed[-2].name if len(parsed) > 1 else ""
    if name.startswith("$") and name not in _SYSTEM:
        near = get_close_matches(name[:40], _SYSTEM, 1)
        hint = f"did you mean {near[0]}?" if near else ""
        raise ODataSyntaxError(f"unknown segment {name}", text=text, option=OPTION, hint=hint)
    if len(parsed) > 1 and name in _FIRST:
        raise ODataSyntaxError(
            f"{name} is only allowed at the service root",
            text=text,
            option=OPTION,
            hint=f"leave out the segments before {name}",
        )
    if len(parsed) == 1 and name in _SYSTEM - _FIRST:
        hint = f"write a set before it, such as Items/{name}"
        raise ODataSyntaxError(
            f"{name} needs a resource before it", text=text, option=OPTION, hint=hint
        )
    if before in _ALONE or (before in _LAST and name != "$query") or before == "$query":
        hint = f"end the path with {before}"
        raise ODataSyntaxError(f"nothing can follow {before}", text=text, option=OPTION, hint=hint)
