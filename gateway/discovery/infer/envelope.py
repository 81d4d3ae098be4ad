"""A response -> candidates for its rows, total, has-more flag and cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import EACH, role_of
from gateway.discovery.infer.found import Envelope, MemberPlace, NumberPlace, RowsPlace
from gateway.discovery.infer.members import is_number, is_scalar

Steps = tuple[str, ...]
_MOST_STEPS = 6
_MOST_INDEX = 3
_MOST_NODES = 5_000
_JUDGED_ROWS = 20
_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$ -]{0,79}")
_LEADS_BY = 0.15
_LEAST_SCORE = 0.3
_TELLING = (
    *(Role.KEY, Role.USER_ID, Role.USER_NAME, Role.USER_EMAIL, Role.CONTENT_ID, Role.CONTENT_NAME),
    *(Role.STATE, Role.PROGRESS, Role.UPDATED_AT, Role.ENROLLMENT_TYPE, Role.STARTED_AT),
    *(Role.COMPLETED_AT, Role.EXPIRY_DATE),
)
_MOST_TELLING = 5
_NO_HINTS: Mapping[str, str] = {}


def find_envelope(
    answer: Any,
    headers: Mapping[str, str],
    *,
    limit: int | None = None,
    skip: int | None = None,
    hints: Mapping[str, str] | None = None,
) -> Envelope:
    """Return the candidates of a response.

    Args:
        answer: the decoded body.
        headers: the response's headers.
        limit: the number of rows that was requested.
        skip: the number of rows that the request skipped.
        hints: paths that a description names, by `rows`, `total`, `has_more` and `cursor`.
    """
    named = hints or _NO_HINTS
    nodes = [*_nodes(answer)]
    rows = _ranked([_hinted(p, p.path, named.get("rows")) for p in _row_places(nodes, limit)])
    count = rows[0].rows if rows else 0
    totals = [*_members(nodes, count, limit, skip), *_headers(headers, count, limit, skip)]
    totals = [_hinted(p, p.member or p.header, named.get("total")) for p in totals]
    more = [_hinted(p, p.path, named.get("has_more")) for p in _more(nodes)]
    cursors = [_hinted(p, p.path, named.get("cursor")) for p in _cursors(nodes)]
    return Envelope(
        rows,
        tuple(sorted(totals, key=lambda place: (place.counts != "rows", -place.score))),
        tuple(sorted(more, key=lambda place: -place.score)),
        tuple(sorted(cursors, key=lambda place: -place.score)),
        bool(rows) and (len(rows) == 1 or rows[0].score >= rows[1].score + _LEADS_BY),
    )


def _hinted(place: Any, path: str | None, hint: str | None) -> Any:
    return replace(place, score=place.score + 1) if hint is not None and path == hint else place


def _ranked(places: Sequence[RowsPlace]) -> tuple[RowsPlace, ...]:
    order = sorted(places, key=lambda p: (-p.score, p.path.count(".")))
    return tuple(p for p in order if p.score >= _LEAST_SCORE or p is order[0])


def _nodes(answer: Any) -> Iterator[tuple[Steps, Any]]:
    """Yield all members of the envelope with their steps; of lists, the first few elements.

    Lists inside rows are no members of the envelope, so a list of objects that was yielded is
    entered only if its elements have lists of objects themselves, such as `pages[0].rows`.
    """
    found: list[tuple[Steps, Any]] = [((), answer)]
    for number, (steps, node) in enumerate(found):
        yield steps, node
        if number > _MOST_NODES or len(steps) >= _MOST_STEPS:
            continue
        if isinstance(node, dict):
            named = ((n, v) for n, v in node.items() if isinstance(n, str) and _NAME.fullmatch(n))
            found.extend(((*steps, name), value) for name, value in named)
        elif isinstance(node, list) and len(node) <= _MOST_INDEX:
            found.extend(((*steps, f"[{i}]"), value) for i, value in enumerate(node))


def path_of(steps: Steps) -> str:
    """Return steps as a path of the contract file.

    >>> path_of(("pages", "[0]", "rows")), path_of(())
    ('pages[0].rows', '')
    """
    return ".".join(steps).replace(".[", "[")


def _row_places(nodes: Sequence[tuple[Steps, Any]], limit: int | None) -> Iterator[RowsPlace]:
    for steps, node in nodes:
        if not isinstance(node, list):
            continue
        if node and all(isinstance(row, dict) for row in node):
            yield RowsPlace(path_of(steps), round(_row_score(steps, node, limit), 3), len(node))
        elif not node and (_name_score(steps, Role.ROWS) or not steps):
            yield RowsPlace(path_of(steps), round(0.4 * _name_score(steps, Role.ROWS), 3), 0)


def _row_score(steps: Steps, rows: Sequence[Mapping[str, Any]], limit: int | None) -> float:
    """Return how much a list looks like rows of results; 1 is certain, more is possible."""
    few = rows[:_JUDGED_ROWS]
    names = [frozenset(row) for row in few]
    alike = sum(len(names[0] & each) / max(1, len(names[0] | each)) for each in names) / len(few)
    score = 0.2 * alike + 0.2 * (_name_score(steps, Role.ROWS) if steps else 0.8)
    score += 0.6 * min(1, len(_telling(few)) / _MOST_TELLING)
    if limit is not None:
        score += 0.1 if len(rows) == limit else -0.15 if len(rows) > limit else 0
    if any(step.startswith("[") for step in steps):
        score -= 0.05
    return max(0.0, score - 0.02 * len(steps))


def _telling(rows: Sequence[Mapping[str, Any]]) -> set[Role]:
    """Return the roles of results that the members of rows may have."""
    paths = {steps for row in rows for steps in _leaves(row, ())}
    return {
        found.role
        for steps in paths
        for found in role_of(steps, Part.ROW)
        if found.score >= 0.5 and found.role in _TELLING
    }


def _leaves(node: Mapping[str, Any], above: Steps) -> Iterator[Steps]:
    for name, value in node.items():
        if not isinstance(name, str) or len(above) >= _MOST_STEPS:
            continue
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        elif value is None or is_scalar(value):
            yield (*above, name)


def _name_score(steps: Steps, role: Role) -> float:
    """Return the score of a member's name as a member of a response."""
    names = tuple(EACH if step.startswith("[") else step for step in steps)
    return next((f.score for f in role_of(names, Part.RESPONSE) if f.role is role), 0.0)


def _members(
    nodes: Sequence[tuple[Steps, Any]], count: int, limit: int | None, skip: int | None
) -> Iterator[NumberPlace]:
    for steps, node in nodes:
        number = _whole(node)
        if number is not None and steps and not steps[-1].startswith("["):
            place = _judged(steps, number, count, limit, skip)
            if place is not None:
                yield replace(place, member=path_of(steps))


def _headers(
    headers: Mapping[str, str], count: int, limit: int | None, skip: int | None
) -> Iterator[NumberPlace]:
    for name, text in headers.items():
        content_range = re.fullmatch(r"\w+ [0-9*-]+/([0-9]+)", text.strip())
        if name.lower().startswith(("content-", "x-ratelimit", "ratelimit")) or content_range:
            continue
        number = _whole(text)
        place = None if number is None else _judged((name,), number, count, limit, skip)
        if place is not None:
            yield replace(place, header=name)


def _judged(
    steps: Steps, number: int, count: int, limit: int | None, skip: int | None
) -> NumberPlace | None:
    """Return what a number may count, by its name and by what is possible."""
    roles = {f.role: f.score for f in role_of(steps, Part.RESPONSE)}
    pages, page = roles.get(Role.TOTAL_PAGES, 0.0), roles.get(Role.PAGE_ROWS, 0.0)
    total = roles.get(Role.TOTAL, 0.0)
    best = max(pages, page, total)
    if best < _LEAST_SCORE:
        return None
    if pages == best:
        return NumberPlace(None, None, number, "pages", best)
    if page == best and number <= count:
        return NumberPlace(None, None, number, "page_rows", best)
    possible = number >= (skip or 0) + count if count else True
    of_page = number == count and limit is not None and count == limit
    score = best if possible and not of_page else best * 0.5
    counts: Any = "rows" if possible else "pages" if _may_be_pages(number, count) else "page_rows"
    return NumberPlace(None, None, number, counts, round(score, 3))


def _may_be_pages(number: int, count: int) -> bool:
    return 0 < number < count


def _whole(value: Any) -> int | None:
    if is_number(value) and value >= 0 and float(value).is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value.strip()):
        return int(value)
    return None


def _more(nodes: Sequence[tuple[Steps, Any]]) -> Iterator[MemberPlace]:
    for steps, node in nodes:
        if not isinstance(node, bool):
            continue
        more, last = _name_score(steps, Role.HAS_MORE), _name_score(steps, Role.IS_LAST)
        if max(more, last) >= _LEAST_SCORE:
            yield MemberPlace(path_of(steps), max(more, last), negated=last > more)


def _cursors(nodes: Sequence[tuple[Steps, Any]]) -> Iterator[MemberPlace]:
    for steps, node in nodes:
        score = _name_score(steps, Role.NEXT_CURSOR)
        if score >= _LEAST_SCORE and (node is None or _is_cursor(node)):
            yield MemberPlace(path_of(steps), score * (0.8 if node is None else 1))


def _is_cursor(node: Any) -> bool:
    return isinstance(node, str | int) and not isinstance(node, bool)
