"""Pages: the limit and its largest value, the position of a page, and what is behind the last."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gateway.analytics.read.translate import find
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.probe.caller import Reply
from gateway.discovery.probe.study import Study, identity, most_allowed
from gateway.discovery.probe.trees import Tree, at, slots_in
from gateway.discovery.probe.usual import CURSORS, LIMITS, PAGES, SKIPS

_LADDER = (1000, 500, 250, 200, 100, 50, 25, 20, 10)
_MAX_CALLS = 30
_FAR = 100_000_000
_STEP = 3
"""Rows of a page while its position is looked for."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest page of a request; `tree` is empty if the API has a fixed page size.

    `page` is a response of the largest size.
    """

    tree: Tree
    largest: int
    is_proved: bool
    evidence: str
    page: Reply | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The way a request names its page; `tree` is empty if nothing was found."""

    kind: Literal["offset", "page_number", "cursor"]
    tree: Tree
    first: int
    evidence: str
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The response behind the last row: no rows, a refusal, or the same rows again."""

    behind: Literal["empty", "refused", "repeated", "unknown"]
    deepest: int | None = None
    evidence: str = ""


class Window:
    """Rows in their order, which positions are compared with.

    Rows are identified by `mark`: their whole text, or the value that they are sorted by, because
    rows of one value may come in another order with every call.
    """

    def __init__(
        self, rows: list[dict[str, Any]], mark: Callable[[dict[str, Any]], object] = identity
    ) -> None:
        self.rows = rows
        self._mark = mark
        self._marks = [mark(row) for row in rows]

    def begins(self, rows: Sequence[dict[str, Any]], start: int) -> bool:
        """Return True if these rows are those from `start` on, and not the first ones as well."""
        wanted = [self._mark(row) for row in rows]
        if not wanted or wanted == self._marks[: len(wanted)]:
            return False
        return self._marks[start : start + len(wanted)] == wanted


async def find_limit(study: Study, hints: Sequence[str]) -> Limit:
    """Find the member that bounds the number of rows, and the largest number that works."""
    study.allow(_MAX_CALLS)
    names = list(dict.fromkeys([*slots_in(study.base, "limit"), *hints, *LIMITS]))
    names.sort(key=lambda name: not study.knows(at(name, 0)))
    if await _obeys(study, names[0], 3):
        return await _largest(study, names[0])
    pairs = [(at(name, f"${{c{n}}}"), name) for n, name in enumerate(names[1:])]
    for group in study.groups(pairs, first_alone=False):
        values = {f"c{n}": 2 + n for n in range(len(names))}
        reply, left = await study.together([tree for tree, _ in group], values)
        rows = None if reply is None else study.rows(reply)
        if rows is None:
            continue
        obeyed = [tree for tree in left if _value(tree, values) == len(rows)]
        for tree in obeyed:
            name = _dotted(tree)
            if await _obeys(study, name, 1 if len(rows) > 1 else 2):
                return await _largest(study, name)
    rows = study.rows(await study.ask({})) or []
    return Limit(
        {}, max(1, len(rows)), False, f"no member for the page size; {len(rows)} rows came"
    )


async def _obeys(study: Study, name: str, limit: int) -> bool:
    rows = study.rows(await study.ask({"limit": limit}, at(name, "${limit}")))
    return rows is not None and len(rows) == limit


async def _largest(study: Study, name: str) -> Limit:
    """Try smaller limits in turn, or the one that a refusal names."""
    tree = at(name, "${limit}")
    for limit in _LADDER:
        reply = await study.ask({"limit": limit}, tree)
        rows = study.rows(reply)
        if rows is None:
            told = most_allowed(reply.answer)
            if told is None or not 1 <= told < limit:
                continue
            reply = await study.ask({"limit": told}, tree)
            rows = study.rows(reply)
            if rows is None:
                continue
            limit = told
        proved = len(rows) == limit
        words = f"{name}: {len(rows)} rows for {limit}"
        return Limit(tree, limit, proved, words, reply)
    return Limit(tree, 1, False, f"{name}: only one row at a time works")


async def settle_clamping(
    study: Study, limit: Limit, position: Position, total: int | None
) -> Limit:
    """Return the limit that a page really has, if a larger one was cut silently."""
    if limit.is_proved or not limit.tree:
        return limit
    rows = study.rows(await study.ask({"limit": limit.largest})) or []
    came = len(rows)
    if not came or (total is not None and total <= came):
        return limit
    more = study.rows(await study.ask(position_values(position, came, 1)))
    if more and identity(more[0]) not in {identity(row) for row in rows}:
        return Limit(limit.tree, came, True, f"{limit.evidence}; silently cut to {came} rows")
    return limit


def position_values(position: Position, skip: int, limit: int) -> dict[str, Any]:
    """Return the values of placeholders for a page; `skip` must be a multiple of `limit`."""
    return {
        "limit": limit,
        "skip": skip + position.first,
        "page": skip // limit + position.first,
    }


async def find_position(
    study: Study, window: Window, hints: Mapping[str, Sequence[str]]
) -> Position | None:
    """Find the member that names a page, by the rows that come; None without any."""
    study.allow(_MAX_CALLS)
    skips = [*slots_in(study.base, "skip"), *hints.get("skip", ())]
    pages = [*slots_in(study.base, "page"), *hints.get("page", ())]
    tries: list[tuple[Literal["offset", "page_number"], list[str]]] = [
        ("offset", [*skips, *SKIPS, *pages, *PAGES[:4]]),
        ("page_number", [*pages, *PAGES, *skips, *SKIPS[:4]]),
    ]
    if _counts_pages(study) and not skips:
        tries.reverse()
    found = None
    for kind, names in tries:
        if found is None:
            found = await _by_number(study, window, list(dict.fromkeys(names)), kind)
    if found is None:
        found = await _by_far(study, hints)
    if found is None:
        found = await _by_cursor(study, window, hints.get("cursor", ()))
    return found


def _counts_pages(study: Study) -> bool:
    """Return True if the name of the limit is one that goes with a page's number."""
    names = [name.rpartition(".")[2] for name in slots_in(study.form, "limit")]
    return any(re.search("page|size", name, re.IGNORECASE) for name in names)


async def _by_number(
    study: Study, window: Window, names: Sequence[str], kind: Literal["offset", "page_number"]
) -> Position | None:
    """Send candidates with different numbers; the first row of the page shows which one counts."""
    step = max(1, min(_STEP, len(window.rows) // 4))
    pairs = [(at(name, f"${{p{n}}}"), name) for n, name in enumerate(names)]
    room = max(1, (len(window.rows) - step) // (2 if kind == "offset" else 2 * step))
    for group in study.groups(pairs):
        for start in range(0, len(group), room):
            part = [tree for tree, _ in group[start : start + room]]
            values: dict[str, Any] = {"limit": step}
            for number, tree in enumerate(part):
                values[_slot(tree)] = 2 * number + 2
            reply, left = await study.together(part, values)
            rows = None if reply is None else study.rows(reply)
            if not rows:
                continue
            for tree in left:
                name, value = _dotted(tree), values[_slot(tree)]
                for first in (0, 1):
                    start = (value - first) * (1 if kind == "offset" else step)
                    if window.begins(rows[:step], start) and await _confirms(
                        study, window, name, kind, first, step
                    ):
                        placeholder = "${skip}" if kind == "offset" else "${page}"
                        counted = "rows" if kind == "offset" else "pages"
                        words = f"{name} counts {counted} from {first}"
                        return Position(kind, at(name, placeholder), first, words)
    return None


async def _by_far(study: Study, hints: Mapping[str, Sequence[str]]) -> Position | None:
    """Find the member by a number far beyond the end, for rows that come in no fixed order.

    The rows then do not show whether counting begins at 0 or 1; a refusal of 0 does.
    """
    study.allow(_MAX_CALLS)
    skips = [*slots_in(study.base, "skip"), *hints.get("skip", ()), *SKIPS]
    pages = [*slots_in(study.base, "page"), *hints.get("page", ()), *PAGES]
    kinds: tuple[tuple[Literal["offset", "page_number"], list[str]], ...] = (
        ("offset", skips),
        ("page_number", pages),
    )
    for kind, names in kinds:
        pairs = [(at(n, "${far}"), n) for n in dict.fromkeys(names)]
        for group in study.groups(pairs, first_alone=False):
            trees = [tree for tree, _ in group]
            reply, left = await study.together(trees, {"limit": _STEP, "far": _FAR})
            if reply is None or study.rows(reply) != []:
                continue
            for tree in left:
                if study.rows(await study.ask({"limit": _STEP, "far": _FAR}, tree)) == []:
                    return await _with_origin(study, _dotted(tree), kind)
    return None


async def _with_origin(
    study: Study, name: str, kind: Literal["offset", "page_number"]
) -> Position | None:
    """Return the position if its first number is certain.

    The API refuses 0 and takes 1, or it skips rows: an API that counts them from 1 and takes 0 too
    sends a row twice then, and leaves out none.
    """
    placeholder = "${skip}" if kind == "offset" else "${page}"
    tree, limit = at(name, "${far}"), {"limit": _STEP}
    zero = await study.ask({**limit, "far": 0}, tree)
    first = 0
    if study.rows(zero) is None:
        one = await study.ask({**limit, "far": 1}, tree)
        if not 400 <= zero.status < 500 or study.rows(one) is None:
            return None
        first = 1
    elif kind == "page_number":
        return None
    words = f"{name} counts {'rows' if kind == 'offset' else 'pages'} from {first}"
    return Position(kind, at(name, placeholder), first, words)


async def _confirms(
    study: Study, window: Window, name: str, kind: str, first: int, step: int
) -> bool:
    """Request another page with the candidate alone."""
    per = 1 if kind == "offset" else step
    middle = min(len(window.rows) // 2, len(window.rows) - step)
    wanted = per * max(1, middle // per)
    values = {"limit": step, "n": wanted // per + first}
    rows = study.rows(await study.ask(values, at(name, "${n}")))
    return rows is not None and window.begins(rows[:step], wanted)


async def _by_cursor(study: Study, window: Window, hints: Sequence[str]) -> Position | None:
    step = max(1, min(5, len(window.rows) // 3))
    reply = await study.ask({"limit": step})
    if study.rows(reply) is None:
        return None
    places = find_envelope(reply.answer, reply.headers, limit=step, skip=0).cursors
    for place in places[:3]:
        token = _at(reply.answer, place.path)
        if token is None:
            continue
        pairs = [(at(name, "${cursor}"), name) for name in dict.fromkeys([*hints, *CURSORS])]
        for group in study.groups(pairs):
            trees = [tree for tree, _ in group]
            found, left = await study.together(trees, {"limit": step, "cursor": token})
            rows = None if found is None else study.rows(found)
            if not rows or not window.begins(rows, step):
                continue
            tree = await _obeyed_cursor(study, window, left, token, step)
            if tree is not None:
                words = f"{_dotted(tree)} takes {place.path} of the page before"
                return Position("cursor", tree, 0, words, place.path)
    return None


async def _obeyed_cursor(
    study: Study, window: Window, trees: Sequence[Tree], token: object, step: int
) -> Tree | None:
    """Halve the candidates until one is left."""
    left = list(trees)
    while len(left) > 1:
        half = left[: len(left) // 2]
        rows = study.rows(await study.ask({"limit": step, "cursor": token}, *half))
        left = half if rows and window.begins(rows, step) else left[len(left) // 2 :]
    rows = study.rows(await study.ask({"limit": step, "cursor": token}, *left))
    return left[0] if left and rows and window.begins(rows, step) else None


async def find_end(study: Study, position: Position) -> End:
    """Request rows far beyond the last one; a refusal may name how deep pages may be."""
    if position.kind == "cursor":
        return End("unknown", evidence="cursors end by themselves")
    reply = await study.ask(position_values(position, _FAR, 1))
    rows = study.rows(reply)
    if rows is None:
        deepest = await _deepest(study, position, most_allowed(reply.answer))
        return End("refused", deepest, f"far beyond the end: {reply.status}")
    if not rows:
        return End("empty", evidence="far beyond the end: no rows")
    return End("repeated", evidence="far beyond the end: rows again")


async def _deepest(study: Study, position: Position, told: int | None) -> int | None:
    """Return the largest sum of skip and limit; `told` is the number in a refusal.

    It may be the largest number of the member, or the sum itself: a request with it shows which.
    """
    if told is None or told < position.first:
        return None
    reply = await study.ask(position_values(position, told - position.first, 1))
    return told - position.first + (1 if study.rows(reply) is not None else 0)


def without_false_depth(end: End, total: int | None) -> End:
    """Return the end without a depth limit that is only the number of rows of today."""
    is_last_row = end.deepest is not None and total is not None and end.deepest <= total + 1
    return replace(end, deepest=None) if is_last_row else end


def _value(tree: Tree, values: dict[str, Any]) -> Any:
    return values[_slot(tree)]


def _slot(tree: Tree) -> str:
    node: Any = tree
    while isinstance(node, dict):
        node = next(iter(node.values()))
    return str(node).removeprefix("${").removesuffix("}")


def _dotted(tree: Tree) -> str:
    names: list[str] = []
    node: Any = tree
    while isinstance(node, dict):
        name, node = next(iter(node.items()))
        names.append(name)
    return ".".join(names)


def _at(answer: Any, dotted: str) -> Any:
    found = find(answer, tuple(dotted.split(".")))
    return found if isinstance(found, str | int) else None
