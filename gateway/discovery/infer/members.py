"""Rows as members: each path that some row has, with its values by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.discovery.claims.name_table import BY_OTHERS, Part, Role
from gateway.discovery.claims.names import EACH, plain_name, role_of
from gateway.discovery.infer.found import Row

_MOST_PATHS = 2_000
_MOST_STEPS = 8
_MOST_ELEMENTS = 100
_WRAPPERS = frozenset({"nodes", "edges", "node", "items", "list", "records"})
_WRAPPER_FACTOR = 0.95
_GOLDEN = 0.618_033_988_749_895
_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$ -]{0,79}|[0-9]{1,12}")
"""Names that paths can have; others are values that are used as names, of people perhaps."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of rows: `steps` are its names, with `"[]"` behind the name of a list.

    `values` has the value of each row that has one, without nulls; below a list, it is the list of
    the elements' values. `present` is the number of rows that have the member, null or not.
    """

    steps: tuple[str, ...]
    rows: int
    values: Mapping[int, Any]
    present: int

    @property
    def path(self) -> str:
        """Return the path as contract files have it."""
        return ".".join(self.steps).replace(f".{EACH}", EACH)

    @property
    def name(self) -> str:
        """Return the innermost name, without case and separators."""
        return next((plain_name(step) for step in reversed(self.steps) if step != EACH), "")

    @property
    def holder(self) -> tuple[str, ...]:
        """Return the steps of the object that has the member."""
        return self.steps[:-1]

    @property
    def is_each(self) -> bool:
        """True if the path goes through a list."""
        return EACH in self.steps

    @property
    def nulls(self) -> int:
        """Return the number of rows without a value."""
        return self.rows - len(self.values)

    @property
    def known(self) -> list[Any]:
        """Return the values; below lists, those of all elements."""
        if not self.is_each:
            return list(self.values.values())
        return [one for each in self.values.values() for one in each if one is not None]

    @property
    def is_by_others(self) -> bool:
        """True if it belongs to another person than the row's, such as a manager."""
        return any(BY_OTHERS.fullmatch(plain_name(step)) for step in self.holder)

    def roles(self) -> dict[Role, float]:
        """Return the scores of the roles that its names suggest, also without wrappers of lists."""
        scores = {found.role: found.score for found in role_of(self.steps, Part.ROW)}
        plain = tuple(step for step in self.steps if step.lower() not in _WRAPPERS)
        if plain != self.steps:
            for found in role_of(plain, Part.ROW):
                scores[found.role] = max(scores.get(found.role, 0.0), found.score * _WRAPPER_FACTOR)
        return scores


def find_members(rows: Sequence[Row]) -> tuple[Member, ...]:
    """Return all members, of objects and lists too, in the order in which they first appear."""
    values: dict[tuple[str, ...], dict[int, Any]] = {}
    present: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows):
        for steps, value in _walk(row, ()):
            if steps not in present and len(present) >= _MOST_PATHS:
                continue
            present[steps] = present.get(steps, 0) + 1
            kept = values.setdefault(steps, {})
            if value is not None:
                kept[number] = value
    return tuple(Member(steps, len(rows), values[steps], count) for steps, count in present.items())


def _walk(node: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the members of an object, and of the objects inside it."""
    for name, value in node.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            continue
        steps = (*above, name)
        yield steps, value
        if len(steps) >= _MOST_STEPS:
            continue
        if isinstance(value, dict):
            yield from _walk(value, steps)
        elif isinstance(value, list) and EACH not in steps:
            yield from _elements(value, (*steps, EACH))


def _elements(
    nodes: Sequence[Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the lists of what each element of a list has."""
    few = nodes[:_MOST_ELEMENTS]
    objects = [node for node in few if isinstance(node, dict)]
    if len(objects) < len([node for node in few if node is not None]):
        yield above, few
        return
    found: dict[tuple[str, ...], list[Any]] = {}
    for number, node in enumerate(objects):
        for steps, value in _walk(node, above):
            column = found.setdefault(steps, [])
            column.extend([None] * (number - len(column)))
            column.append(value)
    yield from found.items()


def is_scalar(value: Any) -> bool:
    """Return True for texts, numbers and booleans."""
    return isinstance(value, str | int | float)


def is_number(value: Any) -> bool:
    """Return True for JSON numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def spread(values: Sequence[Any], most: int) -> Sequence[Any]:
    """Return at most so many values from all over a sequence, at irregular distances.

    >>> spread([1, 2, 3], 5), len(spread(range(1_000), 50))
    ([1, 2, 3], 50)
    """
    if len(values) <= most:
        return values
    return [values[int(len(values) * (number * _GOLDEN % 1))] for number in range(most)]
