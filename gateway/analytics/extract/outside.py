"""Rows with instants that no column can hold, such as those of the year 10000: null there."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from gateway.planner.pushdown import Pushdown, PushedRange


def without_outside(rows: pa.Table, pushdown: Pushdown) -> pa.Table:
    """The rows that are in the pushdown's ranges here.

    The upstream finds the year 10000 after any instant, where a null is not.
    """
    ranged = (t.column for t in pushdown.terms if isinstance(t, PushedRange))
    masks = [pc.is_valid(rows.column(column)) for column in ranged]
    return rows.filter(reduce(pc.and_, masks)) if masks else rows
