"""Tables of the request and of the response, compared with what was learnt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.discovery.compare.case import Case, changed, compared
from gateway.discovery.findings import Edit, Finding, differs, holds, untested
from gateway.discovery.kept.parts import CONSTANTS, ORDER, PAGE, dotted, parts_of, plain
from gateway.discovery.probe.trees import Tree, can_merge, merged
from gateway.discovery.write import toml

_WHAT = {
    "limit": "the number of rows",
    "skip": "the first row",
    "page": "the number of the page",
    "cursor": "the cursor",
    ORDER: "the order",
}
_PROBED = frozenset({"groups", "users", "contents", "states", "enrollment_types", "updated_at"})


def compare_sections(case: Case) -> Iterator[Finding]:
    """Yield a finding for each table, and for each member of the body that is no filter."""
    force, seen = case.force, case.seen
    yield compared(case, "endpoints.results", force.endpoints.results, seen.endpoints.results,
                   ("path",), f"success is {case.learned.status}")  # fmt: skip
    yield from _members(case)
    yield _pages(case)
    yield from _order(case)
    yield from _response(case)
    yield _extract(case)


def new_body(case: Case) -> Tree:
    """Return the body in force, updated with what was learnt; untested parts stay."""
    body = case.entries["request.body"]
    parts = parts_of(case.force.request.body)
    known, kept = parts_of(body).keys(), _untested(case)
    for name, tree in parts.items():
        is_kept = name == CONSTANTS or (name not in known and name in kept)
        if is_kept and can_merge(body, tree):
            body = merged(body, tree)
    return dict(body)


def _untested(case: Case) -> set[str]:
    """Return the filters in force that nothing has been learnt of, so that they stay."""
    learned = case.learned
    settled = {f.name for f in learned.filters} | {r.name for r in learned.ranges} | case.dropped
    open_ = {n for n in case.force.filters if n not in _PROBED or n in learned.untested}
    return open_ - settled


def _members(case: Case) -> Iterator[Finding]:
    force, seen = parts_of(case.force.request.body), parts_of(case.seen.request.body)
    body = Edit("request.body", value=new_body(case))
    for name in (*PAGE, ORDER, CONSTANTS):
        yield from _member(case, name, force.get(name, {}), seen.get(name, {}), body)


def _member(case: Case, name: str, force: Tree, seen: Tree, body: Edit) -> Iterator[Finding]:
    if not force and not seen:
        return
    subject = f"[request.body] {dotted(force or seen)}"
    if name == CONSTANTS:
        missing = {path: node for path, node in seen.items() if force.get(path) != node}
        if missing:
            yield differs(subject, f"the API refuses requests without {toml(missing)}", (body,))
        else:
            yield holds(subject, "sent as it is")
    elif plain(force) == plain(seen):
        yield holds(subject, f"{_WHAT[name]} is obeyed")
    elif _is_shown(case, name):
        yield holds(subject, f"{_WHAT[name]} is obeyed" if force else "not needed")
    elif not seen and len(case.learned.rows) < 2:
        yield untested(subject, "too few rows to test it")
    elif name == ORDER and not seen and not case.can_order:
        yield untested(subject, "all rows have the same instant", is_vital=_orders_extracts(case))
    else:
        new = f"{toml(seen)} was seen" if seen else "no member for it was seen to work"
        yield differs(subject, f"{toml(force)} is in force, {new}", (body,))


def _is_shown(case: Case, name: str) -> bool:
    """Return True if pages that were read with the file in force show that a member is obeyed."""
    if name == ORDER:
        return case.reading.orders is True
    return name != "limit" and case.reading.moves is True


def _orders_extracts(case: Case) -> bool:
    return choose_strategy(case.contract).strategy is Strategy.NEWEST_FIRST


def _pages(case: Case) -> Finding:
    force, seen, learned = case.force.pages, case.seen.pages, case.learned
    wrong: dict[str, tuple[Any, Any]] = {}
    if force.kind == seen.kind:  # pages that follow each other do not show where they begin
        wrong |= _unequal(force, seen, "first")
    elif case.reading.moves is not True:
        wrong |= _unequal(force, seen, "kind", "first")
    if force.largest > seen.largest and not _is_last(case):
        wrong["largest"] = force.largest, seen.largest
    if seen.deepest is not None and (force.deepest is None or force.deepest > seen.deepest):
        wrong["deepest"] = force.deepest, seen.deepest
    if force.stop != seen.stop and not _stops(case, force.stop):
        wrong["stop"] = force.stop, seen.stop
    if wrong:
        return changed(case, "pages", wrong)
    return holds("[pages]", learned.limit.evidence)


def _unequal(force: Any, seen: Any, *keys: str) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (getattr(force, key), getattr(seen, key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _is_last(case: Case) -> bool:
    """Return True if no page could be full, so that its size shows nothing."""
    total = case.reading.total
    return total is not None and total <= case.reading.rows and not case.learned.limit.is_proved


def _stops(case: Case, stop: str) -> bool:
    """Return True if a way to find the last page was shown to work."""
    learned = case.learned
    match stop:
        case "total":
            return _has_true_total(case)
        case "has_more":
            return case.force.response.has_more in (learned.has_more, None) and bool(
                learned.has_more
            )
        case "empty_page":
            return learned.end.behind == "empty"
        case _:
            return learned.limit.is_proved and learned.end.behind != "repeated"


def _has_true_total(case: Case) -> bool:
    found, stated = case.learned.total, case.reading.total
    return found is not None and stated is not None and stated == found.number


def _order(case: Case) -> Iterator[Finding]:
    force, seen = case.force.order, case.seen.order
    if force is None:
        return
    if case.reading.orders or (seen is not None and _words(force) == _words(seen)):
        found = case.learned.order
        yield holds("[order]", "both directions are obeyed" if found is None else found.evidence)
    elif seen is not None:
        yield compared(case, "order", force, seen, ("ascending", "descending"))
    elif not case.can_order:
        why = "all rows have the same instant"
        yield untested("[order]", why, is_vital=_orders_extracts(case))
    else:
        column = case.force.extract.order_by
        lost = (Edit(f"columns.{column}", "order"),) if column else ()
        edits = (Edit("order"), Edit("request.body", value=new_body(case)), *lost)
        text = "no order is obeyed: leave it out, and order_by of [extract]"
        yield differs("[order]", text, (*edits, *_unordered(case)))


def _unordered(case: Case) -> tuple[Edit, ...]:
    return (Edit("extract", "order_by", ""), *case.proof("extract"))


def _words(order: Any) -> tuple[str, str]:
    return order.ascending, order.descending


def _response(case: Case) -> Iterator[Finding]:
    force, seen, learned = case.force.response, case.seen.response, case.learned
    wrong: dict[str, tuple[Any, Any]] = {}
    if force.rows != seen.rows and not case.reading.rows:
        wrong["rows"] = force.rows, seen.rows
    if force.success and learned.status not in force.success:
        wrong["success"] = force.success, (*force.success, learned.status)
    if force.total_counts == "rows" and not _has_true_total(case) and _can_count(case):
        wrong |= _unequal(force, seen, "total", "total_header")
    if case.force.pages.stop == "has_more" or case.force.pages.kind == "cursor":
        wrong |= _unequal(force, seen, "has_more", "cursor")
    if wrong:
        yield changed(case, "response", wrong)
    elif case.reading.cap is not None:
        yield differs("[response] total", case.reading.cap)
    elif case.reading.doubt is not None:
        yield untested("[response] total", case.reading.doubt)
    else:
        yield holds("[response]", _counted(case))


def _can_count(case: Case) -> bool:
    """Return True if a total could be tested: pages have numbers."""
    stated = case.force.response
    has_one = stated.total is not None or stated.total_header is not None
    position = case.learned.position
    return has_one and position is not None and position.kind != "cursor"


def _counted(case: Case) -> str:
    total = case.learned.total
    return f"rows at `{case.force.response.rows}`" if total is None else total.evidence


def _extract(case: Case) -> Finding:
    name, seen = case.force.extract.order_by, case.seen.extract.order_by
    reason = choose_strategy(case.contract)
    if not name or name == seen or (case.reading.orders and case.reading.ranges):
        return holds("[extract]", f"{reason.strategy}: {reason.reason}")
    if not case.can_order:
        why = f"all rows have the same {name}, so the order of extracts cannot be tested"
        return untested("[extract]", why, is_vital=_orders_extracts(case))
    text = f"no proved order with a date range by {name}, so extracts cannot be read newest first"
    return differs("[extract]", text, _unordered(case))
