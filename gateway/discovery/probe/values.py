"""Values of sample rows by the entries that inference has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.decoding import Join, Undecodable, decode, parse_steps


class Reader:
    """A reader of one column."""

    def __init__(self, entry: file.ColumnEntry) -> None:
        self.name = entry.name
        paths = (entry.path,) if isinstance(entry.path, str) else entry.path
        self.paths = tuple(tuple(path.split(".")) for path in paths if path)
        self._steps = parse_steps(entry.decode, entry.name)

    def __call__(self, row: Mapping[str, Any]) -> Any:
        """Return the column's value; None if it has none, or one that cannot be decoded."""
        found = [value for path in self.paths if (value := find(row, path)) not in (None, MISSING)]
        if not found:
            return None
        joins = bool(self._steps) and isinstance(self._steps[0], Join)
        try:
            return decode(found if joins and len(self.paths) > 1 else found[0], self._steps)
        except Undecodable:
            return None

    def raw(self, row: Mapping[str, Any]) -> Any:
        """Return the upstream's own value, which filters send; None if it has none."""
        found = (find(row, path) for path in self.paths)
        return next((value for value in found if value not in (None, MISSING)), None)

    def micros(self, row: Mapping[str, Any]) -> int | None:
        """Return an instant in microseconds since 1970; None if there is none."""
        value = self(row)
        try:
            return None if value is None else to_micros_of(str(value))
        except ValueError:
            return None


def is_sorted(values: Iterable[int | None], *, descending: bool) -> bool:
    """Return True if the values that are there are in order, and are not all equal."""
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return False
    return known == sorted(known, reverse=descending)
