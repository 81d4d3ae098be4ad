"""A check of the live total against a second number, as extracts do it, to find a cap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.analytics.extract.halves import (
    CheckedTotal,
    Compared,
    Outcome,
    compare,
    halve,
    halves_are_exact,
    split_instant,
)
from gateway.analytics.extract.ranges import grid_step, to_micros
from gateway.analytics.read.instants import to_micros_of
from gateway.analytics.read.members import value_at
from gateway.analytics.read.request import PageRequest, to_payload
from gateway.contract.model import Contract
from gateway.discovery.findings import Finding, call_upstream
from gateway.planner.pushdown import Pushdown, PushedRange

_SUBJECT = "[response] total"


@dataclass(frozen=True, slots=True)
class UpstreamAccess:
    """The parameters of a call; no repr shows the token."""

    http: httpx.AsyncClient
    contract: Contract
    token: str = field(repr=False)


class _UnusableError(Exception):
    """A call without a total; its finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


async def check_total(access: UpstreamAccess, page: Any) -> tuple[Finding, ...]:
    """Verify the total of a page that fits, unless it is less than 2."""
    contract = access.contract
    total, rows = (value_at(page, path) for path in (contract.total_path, contract.response.rows))
    if total < 2:
        return ()
    column = contract.order_column
    at = split_instant(_instants(rows, contract), grid_step(contract))
    if at is None or not halves_are_exact(contract):
        text = f"the newest {len(rows)} rows have the same {column}, or its filter is not exact"
        return (Finding(True, _SUBJECT, f"cannot tell whether it is capped: {text}"),)

    async def count(pushdown: Pushdown) -> CheckedTotal:
        return await _count(access, pushdown)

    halves = halve(Pushdown(), contract, at)
    try:
        found = await compare(Pushdown(), halves, total, count)
    except _UnusableError as unusable:
        return (unusable.finding,)
    return (_finding(found, column),)


async def _count(access: UpstreamAccess, pushdown: Pushdown) -> CheckedTotal:
    contract = access.contract
    request = PageRequest(pushdown, 0, 1, contract.order_column)
    payload = to_payload(request, contract)
    went, answer = await call_upstream(access.http, contract.results_path, payload, access.token)
    total = value_at(answer, contract.total_path)
    if not isinstance(total, int):
        text = f"{went.text}, without a total for a part of the rows" if went.fits else went.text
        raise _UnusableError(Finding(False, went.subject, text))
    rows = value_at(answer, contract.response.rows)
    fits = all(_is_asked_for(instant, pushdown, contract) for instant in _instants(rows, contract))
    return CheckedTotal(total, fits)


def _is_asked_for(instant: int, pushdown: Pushdown, contract: Contract) -> bool:
    """Return True if an instant is in the pushdown's ranges, with a grid step of tolerance."""
    step = grid_step(contract)
    for term in pushdown.terms:
        if isinstance(term, PushedRange):
            if term.lower is not None and instant < to_micros(term.lower) - step:
                return False
            if term.upper is not None and instant > to_micros(term.upper) + step:
                return False
    return True


def _instants(rows: Any, contract: Contract) -> list[int]:
    path = contract.column(contract.order_column).path
    found = rows if isinstance(rows, list) else ()
    return [*_micros(value_at(row, path) for row in found)]


def _micros(texts: Iterator[Any]) -> Iterator[int]:
    for text in texts:
        micros = to_micros_of(text) if isinstance(text, str) else None
        if micros is not None:
            yield micros


def _finding(found: Compared, column: str) -> Finding:
    halves = f"the rows before one {column} plus those from it on"
    match found.outcome:
        case Outcome.AGREES:
            return Finding(True, _SUBJECT, f"is also {found.parts} for {halves}: there is no cap")
        case Outcome.LARGER:
            text = f"is {found.whole}, but {found.parts} for {halves}: results are capped"
            return Finding(False, _SUBJECT, f"{text} at {found.whole} rows; have the cap raised")
        case Outcome.IGNORED:
            text = f"the filter by {column} is ignored; correct its placeholders in [request.body]"
            return Finding(False, f"column {column}", text)
        case Outcome.SMALLER:
            text = f"is {found.whole}, but {found.parts} for {halves}"
        case Outcome.MOVED:
            text = "changed during each comparison; check again when the data changes less"
    return Finding(True, _SUBJECT, f"{text}: cannot tell whether it is capped")
