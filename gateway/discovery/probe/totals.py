"""The total: the member or header that has it, and a proof that it is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.discovery.infer.found import Envelope, NumberPlace
from gateway.discovery.probe.caller import Reply
from gateway.discovery.probe.paging import Limit, Position, position_values
from gateway.discovery.probe.study import Study

_SIZES = (2, 3, 5, 7, 11, 13)
"""Sizes of the last page: one of them leaves it not full, unless all divide the total."""
_ATTEMPTS = 3
"""Requests for the last page, if the number of rows changes meanwhile."""


@dataclass(frozen=True, slots=True)
class TotalFound:
    """The place of a true total: the last page ends with the row of that number."""

    member: str | None
    header: str | None
    number: int
    evidence: str


async def find_total(
    study: Study, envelopes: tuple[Envelope, ...], position: Position, limit: Limit
) -> TotalFound | None:
    """Return a total that is true; None if no candidate is.

    A candidate must be the same for pages of different sizes, and the last page must end with the
    row of that number.
    """
    if position.kind == "cursor":
        return None
    small, page = await study.ask(position_values(position, 0, 2)), limit.page
    if page is None or number_at_any(page, envelopes) != number_at_any(small, envelopes):
        page = await study.ask(position_values(position, 0, 5))
    rows = study.rows(page) or []
    for place in _candidates(envelopes):
        number = number_at(small, place)
        if number is None or number != number_at(page, place) or number < len(rows):
            continue
        if await _ends_there(study, place, number, position, limit):
            where = place.header or place.member or ""
            told = f"{where}: {number:,} rows; the last page ends with the last one"
            return TotalFound(place.member, place.header, number, told)
    return None


def total_of(reply: Reply, found: TotalFound) -> int | None:
    """Return the total of another response; None if it has none."""
    return number_at(reply, NumberPlace(found.member, found.header, 0, "rows", 1.0))


def number_at_any(reply: Reply, envelopes: tuple[Envelope, ...]) -> list[int | None]:
    """Return the numbers at all candidate places of a response."""
    return [number_at(reply, place) for place in _candidates(envelopes)]


def _candidates(envelopes: tuple[Envelope, ...]) -> list[NumberPlace]:
    seen: dict[tuple[str | None, str | None], NumberPlace] = {}
    for envelope in envelopes:
        for place in envelope.totals:
            if place.counts != "pages":
                seen.setdefault((place.member, place.header), place)
    return [*seen.values()][:4]


def number_at(reply: Reply, place: NumberPlace) -> int | None:
    """Return the number at a place of a response; None if there is none."""
    found: Any = MISSING
    if place.header is not None:
        found = reply.headers.get(place.header, MISSING)
    elif place.member is not None:
        found = find(reply.answer, tuple(place.member.split(".")))
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return found
    if isinstance(found, str) and found.strip().isdigit():
        return int(found)
    return None


async def _ends_there(
    study: Study, place: NumberPlace, number: int, position: Position, limit: Limit
) -> bool:
    """Return True if the page with the last row has just the rows that are left.

    The page reaches beyond the last row. An API that answers no deeper page than that refuses it,
    or fills it, if there are more rows: that no row is behind the last one would not show that.
    """
    sizes = [size for size in _SIZES if size <= limit.largest] if limit.tree else [limit.largest]
    for _ in range(_ATTEMPTS):
        size = next((size for size in sizes if number % size), None)
        if size is None:
            return False
        skip = number // size * size
        reply = await study.ask(position_values(position, skip, size))
        rows, now = study.rows(reply), number_at(reply, place)
        if rows is None or now is None:
            return False
        if len(rows) == now - skip < size:
            return True
        if now == number:
            return False
        number = now
    return False
