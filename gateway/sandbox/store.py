"""The rows of a running sandbox, and cached views of them.

Nothing here awaits, so within one event loop no request sees an incomplete change.
"""

from collections import OrderedDict
from collections.abc import Mapping

from gateway.sandbox.dataset import Dataset
from gateway.sandbox.filters import build_checks
from gateway.sandbox.payloads import Filters
from gateway.sandbox.records import Row, build_nested, decode_rows
from gateway.sandbox.views import Ordering, RowView

_MAX_VIEWS = 32
"""A view of a million rows takes 8 MB."""


class Store:
    """Rows that can change, with a bounded number of views."""

    def __init__(self, dataset: Dataset) -> None:
        self._all = RowView(dataset.rows, (), Ordering())
        self._views: OrderedDict[tuple[Filters, Ordering], RowView] = OrderedDict()
        self._next_sequence = len(dataset.rows)

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of insertion; callers must not change the list."""
        return self._all.rows

    def matching(self, filters: Filters, ordering: Ordering) -> list[Row]:
        """Return the matching rows in order; callers must not change them, nor use them later."""
        key = (filters, ordering)
        if key not in self._views:
            self._views[key] = RowView(self._all.rows, build_checks(filters), ordering)
            if len(self._views) > _MAX_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return self._views[key].rows

    def to_rows(self) -> list[dict[str, object]]:
        """Return all current rows in the nested shape and the order of insertion."""
        return decode_rows(self.rows)

    def next_sequence(self) -> int:
        """Return the number of the next row to insert."""
        sequence = self._next_sequence
        self._next_sequence += 1
        return sequence

    def put(self, row: Mapping[str, object]) -> None:
        """Replace the row with this id, or insert it after all others.

        Raises:
            msgspec.ValidationError: a member has a type that the API does not document.
        """
        old = self._find(row.get("id"))
        sequence = self.next_sequence() if old is None else old.sequence
        self.change(old, build_nested(sequence, row))

    def remove(self, row_id: str) -> None:
        """Delete the row with this id, if it exists."""
        self.change(self._find(row_id), None)

    def change(self, old: Row | None, new: Row | None) -> None:
        """Replace a row, insert one (no old row) or delete one (no new row) in all views."""
        for view in (self._all, *self._views.values()):
            if old is not None:
                view.discard(old)
            if new is not None:
                view.add(new)

    def _find(self, row_id: object) -> Row | None:
        return next((row for row in self.rows if row.id == row_id), None)
