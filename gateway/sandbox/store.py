"""The rows of a running sandbox, and the views that questions left behind.

Everything here runs to its end without awaiting, so within one event loop no request sees a
change half done.
"""

from collections import OrderedDict
from collections.abc import Mapping

from gateway.sandbox.dataset import Dataset
from gateway.sandbox.filters import build_checks
from gateway.sandbox.payloads import Filters
from gateway.sandbox.records import Row, build_nested, decode_rows
from gateway.sandbox.views import Ordering, RowView

_MOST_VIEWS = 32
"""A view of a million rows takes 8 MB."""


class Store:
    """Rows that can change, answered through a bounded number of views."""

    def __init__(self, dataset: Dataset) -> None:
        self._all = RowView(dataset.rows, (), Ordering())
        self._views: OrderedDict[tuple[Filters, Ordering], RowView] = OrderedDict()
        self._next_sequence = len(dataset.rows)

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of insertion; not to be changed from outside."""
        return self._all.rows

    def matching(self, filters: Filters, ordering: Ordering) -> list[Row]:
        """Return the matching rows in order; not to be changed, and good until the next await."""
        key = (filters, ordering)
        if key not in self._views:
            self._views[key] = RowView(self._all.rows, build_checks(filters), ordering)
            if len(self._views) > _MOST_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(key)
        return self._views[key].rows

    def to_rows(self) -> list[dict[str, object]]:
        """Return all rows as they are now, in the nested shape and the order of insertion."""
        return decode_rows(self.rows)

    def next_sequence(self) -> int:
        """Return the place of a row that is to be inserted."""
        sequence = self._next_sequence
        self._next_sequence += 1
        return sequence

    def put(self, row: Mapping[str, object]) -> None:
        """Replace the row with this id, or insert it behind all others.

        Raises:
            msgspec.ValidationError: a member has another type than the API documents.
        """
        old = self._find(row.get("id"))
        sequence = self.next_sequence() if old is None else old.sequence
        self.change(old, build_nested(sequence, row))

    def remove(self, row_id: str) -> None:
        """Delete the row with this id, if there is one."""
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
