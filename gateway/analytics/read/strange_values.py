"""Odd rows: served as far as OData can represent them, counted, and reported.

Each page lists its odd rows by column and reason. A tally keeps their keys across extracts, so that
a row that is read twice counts once, and a corrected row no longer counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from gateway.contract.derived import ColumnKind
from gateway.contract.model import Column, Contract
from gateway.observe.oddities import MAX_COUNTED_ROWS, OddRows


class Reason(StrEnum):
    """The oddity of a column's value, in words for people."""

    NO_VALUE = "no value"
    ABSENT = "no such member"
    NOT_LISTED = "a value that is not among `values`"
    MADE_A_TEXT = "a value that is not a text, made a text"
    NOT_AN_OBJECT = "an empty list in place of an object"
    NOT_A_LIST = "something else in place of a list"
    LEFT_OUT = "list elements without a value, left out"
    REPEATED = "a custom field that is there twice, of which the first counts"
    OUTSIDE = "an instant outside of the years 1 to 9999, or finer than a nanosecond; it is null"
    UNDECODED = "a value that `decode` cannot read; queries that use the column are refused"
    NEVER = "no row has a value; check its ID or path"


@dataclass(frozen=True, slots=True, order=True)
class Oddity:
    """A column and the reason why its value is odd."""

    column: str
    reason: Reason


Keys = Mapping[Oddity, Sequence[str]]


def is_undecoded(odd: OddRows) -> bool:
    """Return True for values that could not be decoded, on which no response may depend."""
    return odd.reason == Reason.UNDECODED.value


def is_watched(column: Column, contract: Contract) -> bool:
    """Return True if rows without a value in the column are missing from tables or measures."""
    made = any(
        own.kind is ColumnKind.GROUP and own.of == column.name
        for derived in contract.derived
        for own in derived.columns
    )
    return not column.prop.collection and (made or bool(column.prop.known_values))


def strange_values(
    rows: pa.Table, columns: Iterable[Column], key: str
) -> Iterator[tuple[Oddity, list[str]]]:
    """Yield which rows have no value or an unlisted one in columns that are watched."""
    for column in columns:
        values = rows.column(column.name)
        if values.null_count:
            yield (
                Oddity(column.name, Reason.NO_VALUE),
                rows.column(key).filter(pc.is_null(values)).to_pylist(),
            )
        listed = pa.array([*column.prop.known_values, None], pa.string())
        if len(listed) > 1 and set(values.unique().to_pylist()) - set(listed.to_pylist()):
            others = pc.invert(pc.is_in(values, value_set=listed))
            yield (
                Oddity(column.name, Reason.NOT_LISTED),
                rows.column(key).filter(others).to_pylist(),
            )


class Tally:
    """The odd rows of all extracts since the last extract of all rows began.

    Where there are more than are kept by key, the number stays until all rows are read again.
    """

    def __init__(self, contract: Contract) -> None:
        self._key = contract.key
        self._expected = tuple(
            c.name for c in contract.columns if c.field_id is not None or not c.optional
        )
        self._keys: dict[Oddity, set[str]] = {}
        self._uncounted: set[Oddity] = set()
        self._older: tuple[OddRows, ...] = ()
        self._empty: set[str] | None = None
        self._is_whole = False

    def begin(self) -> None:
        """Start over, before every row is read."""
        self._older = self._counted()
        self._keys.clear()
        self._uncounted.clear()
        self._empty, self._is_whole = None, True

    def note(self, rows: pa.Table, odd: Keys) -> None:
        """Count the odd rows of a page."""
        if not rows.num_rows:
            return
        names = self._expected if self._empty is None else self._empty
        self._empty = {name for name in names if not _has_values(rows.column(name))}
        if any(self._keys.values()):
            read = rows.column(self._key).to_pylist()
            for known in self._keys.values():
                known.difference_update(read)
        for oddity, keys in odd.items():
            known = self._keys.setdefault(oddity, set())
            new = set(keys) - known
            if len(known) + len(new) > MAX_COUNTED_ROWS:
                self._uncounted.add(oddity)
            known.update(sorted(new)[: MAX_COUNTED_ROWS - len(known)])

    def remove(self, keys: Iterable[str]) -> None:
        """Remove rows that no longer exist."""
        for known in self._keys.values():
            known.difference_update(keys)

    def counts(self, before: Iterable[OddRows] = ()) -> tuple[OddRows, ...]:
        """Return the odd rows, with those known before unless all rows were read since."""
        found = self._counted()
        if self._is_whole:
            empty = sorted(self._empty or ())
            return (*found, *(OddRows(name, Reason.NEVER.value, 0) for name in empty))
        return _most(before, found)

    def undecoded(self, before: Iterable[OddRows] = ()) -> tuple[OddRows, ...]:
        """Return undecoded values of any rows, also from before `begin`."""
        return tuple(filter(is_undecoded, _most(before, self._older, self._counted())))

    def _counted(self) -> tuple[OddRows, ...]:
        return tuple(
            OddRows(o.column, o.reason.value, MAX_COUNTED_ROWS if o in self._uncounted else len(k))
            for o, k in sorted(self._keys.items())
            if k or o in self._uncounted
        )


def _most(*counts: Iterable[OddRows]) -> tuple[OddRows, ...]:
    """Return each oddity with the largest of its numbers."""
    most: dict[tuple[str, str], OddRows] = {}
    for odd in chain.from_iterable(counts):
        known = most.get((odd.column, odd.reason))
        if known is None or known.rows < odd.rows:
            most[odd.column, odd.reason] = odd
    return tuple(most.values())


def _has_values(values: pa.ChunkedArray) -> bool:
    return bool(values.null_count < len(values))
