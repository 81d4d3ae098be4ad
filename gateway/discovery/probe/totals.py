"""The total: the member or header that has it, and a proof that it is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.discovery.infer.found import Envelope, NumberPlace
from gateway.discovery.probe.caller import Reply
from gateway.discovery.probe.paging import Position, position_values
from gateway.discovery.probe.study import Study, identity


@dataclass(frozen=True, slots=True)
class TotalFound:
    """The place of a true total: the page with the last row exists, and none behind it."""

    member: str | None
    header: str | None
    number: int
    evidence: str


async def find_total(
    study: Study,
    envelopes: tuple[Envelope, ...],
    position: Position | None,
    order: Mapping[str, Any],
    page: Reply | None,
) -> TotalFound | None:
    """Return a total that is true; None if no candidate is.

    A candidate must be the same for pages of different sizes, and must be the number of the last
    row: a page of one row exists there, and none behind it.
    """
    if position is None or position.kind == "cursor":
        return None
    small = await study.ask({**order, **position_values(position, 0, 2), "limit": 2})
    if page is None or number_at_any(page, envelopes) != number_at_any(small, envelopes):
        page = await study.ask({**order, **position_values(position, 0, 5), "limit": 5})
    for place in _candidates(envelopes):
        number = number_at(small, place)
        if number is None or number != number_at(page, place) or number < 0:
            continue
        rows = study.rows(page) or []
        if number <= len(rows) and number != len(rows):
            continue
        if await _ends_there(study, place, number, position, order):
            where = place.header or place.member or ""
            told = f"{where}: {number:,} rows; the last one is there, and none behind it"
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
    study: Study, place: NumberPlace, number: int, position: Position, order: Mapping[str, Any]
) -> bool:
    """Request the last row and the one behind it, twice if the number moved meanwhile."""
    for _ in range(3):
        if number == 0:
            return True
        last = await study.ask({**order, **position_values(position, number - 1, 1), "limit": 1})
        behind = await study.ask({**order, **position_values(position, number, 1), "limit": 1})
        rows, none = study.rows(last), study.rows(behind)
        repeats = (
            rows is not None
            and none is not None
            and [*map(identity, none)] == [*map(identity, rows)]
        )
        is_behind = none == [] or repeats or (none is None and 400 <= behind.status < 500)
        if rows is not None and len(rows) == 1 and is_behind:
            return True
        now = number_at(last, place)
        if now is None or now == number:
            return False
        number = now
    return False
