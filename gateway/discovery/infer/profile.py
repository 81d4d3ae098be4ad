"""Pages of several probes -> one list of sample rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.discovery.infer.found import Row


@dataclass(frozen=True, slots=True)
class Sample:
    """Different rows, and for each page the numbers of its rows in `rows`.

    Rows are different if any member differs: a row that changed between two probes occurs twice.
    A number occurs twice in a page if the page had the row twice.
    """

    rows: tuple[Row, ...]
    pages: tuple[tuple[int, ...], ...]


def merge_pages(pages: Iterable[Sequence[Row]]) -> Sample:
    """Return the rows of all pages, without repeats, in the order in which they came."""
    numbers: dict[bytes, int] = {}
    rows: list[Row] = []
    places: list[tuple[int, ...]] = []
    for page in pages:
        place = []
        for row in page:
            content = msgspec.json.encode(row, order="deterministic")
            if content not in numbers:
                numbers[content] = len(rows)
                rows.append(row)
            place.append(numbers[content])
        places.append(tuple(place))
    return Sample(tuple(rows), tuple(places))
