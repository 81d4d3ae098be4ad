"""Check of a contract file against the live API.

Discovery runs again and tries the file's own request forms first. The feed's reader then reads
pages with the file, so that a file fits only if the feed can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gateway.analytics.read.client import AnalyticsClient
from gateway.analytics.read.request import PageRequest, filters_payload, to_payload
from gateway.analytics.read.translate import Translator, flat_contract
from gateway.contract import file
from gateway.contract.loader import read_file
from gateway.contract.model import Contract, RangeFilter
from gateway.discovery.check_statistics import compare_statistics, newest
from gateway.discovery.compare.abilities import compare_filters
from gateway.discovery.compare.case import Case
from gateway.discovery.compare.columns import compare_columns
from gateway.discovery.compare.fields import compare_fields
from gateway.discovery.compare.prove import prove_filters
from gateway.discovery.compare.reading import read_pages
from gateway.discovery.compare.sections import compare_sections
from gateway.discovery.discover import Plan, discover
from gateway.discovery.findings import Edit, Finding, State, differs, untested
from gateway.discovery.kept.entries import entries_of
from gateway.discovery.kept.own_hints import hints_of_contract
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Door, DoorProblem
from gateway.discovery.probe.trees import Tree
from gateway.discovery.write import contract_text
from gateway.errors import UpstreamBrokeContract
from gateway.planner.pushdown import Pushdown

_ROW_ID = re.compile(r",? in the row '[^']*'")
_POINTER = re.compile(r"[^.]*`skillhabit-odata check` shows [^.]*")


@dataclass(frozen=True, slots=True)
class InForce:
    """A contract file in force, and the base URL of the API."""

    parsed: file.ContractFile
    contract: Contract
    base_url: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings, and the results that they are based on."""

    findings: tuple[Finding, ...]
    learned: Learned = field(repr=False)
    statistics: tuple[Finding, ...] = ()

    @property
    def fits(self) -> bool:
        """True if the feed can be read, and all that it relies on was shown to hold."""
        return all(finding.fits for finding in self.findings)


async def check_contract(
    caller: Caller,
    client: AnalyticsClient,
    in_force: InForce,
    shipped: str,
    progress: Callable[[str], None],
) -> Checked:
    """Learn an API again, and compare a file with the result.

    Raises:
        DoorProblem: no row can be read.
        UpstreamUnavailable, UpstreamRejectedToken: the API fails meanwhile.
    """
    usual = read_file(shipped)
    hints = hints_of_contract(in_force.parsed)
    own = replace(hints, constants={}, headers={})
    zone = _zone_of(in_force.parsed)
    plan = Plan(usual, hints.constants, own, zone=zone, rare_calls=0)  # `compare_with` tries them
    learned, refused = await learn_with(caller, plan, {}, progress)
    findings = await compare_with(client, in_force, learned, shipped)
    statistics = await check_statistics(caller, in_force.contract)
    return Checked((*refused, *findings, *statistics), learned, statistics)


async def learn_with(
    caller: Caller, plan: Plan, named: Tree, progress: Callable[[str], None]
) -> tuple[Learned, tuple[Finding, ...]]:
    """Learn with the plan's constants; with the `named` ones alone, if the API refuses the others.

    Raises:
        DoorProblem: no row can be read.
    """
    try:
        return await discover(caller, plan, progress), ()
    except DoorProblem as problem:
        if problem.door is not Door.REFUSED or plan.constants == named:
            raise
    learned = await discover(caller, replace(plan, constants=named), progress)
    names = ", ".join(name for name in plan.constants if name not in named)
    return learned, (differs("[request.body]", f"the API refuses requests with {names}"),)


def _zone_of(parsed: file.ContractFile) -> str:
    """Return the zone of instants without an offset that a file names; empty if it names none."""
    steps = (step for column in parsed.columns for step in column.decode)
    return next((s["zone"] for s in steps if isinstance(s, dict) and s.get("zone")), "")


async def compare_with(
    client: AnalyticsClient,
    in_force: InForce,
    learned: Learned,
    shipped: str,
    *,
    proves: bool = True,
) -> tuple[Finding, ...]:
    """Return the findings on a file, except on its statistics.

    With `proves`, filters that discovery does not try are tried too.

    Raises:
        UpstreamUnavailable, UpstreamRejectedToken: the API fails meanwhile.
    """
    text = contract_text(learned, shipped, read_file(shipped), in_force.base_url)
    reading = await read_pages(client, in_force.contract)
    seen = read_file(text)
    is_read = proves and not reading.problems
    proved = await prove_filters(client, in_force.contract) if is_read else {}
    wrong = frozenset(n for n, f in proved.items() if f.state is State.DIFFERS and not f.edits)
    entries = entries_of(text)
    case = Case(in_force.parsed, in_force.contract, seen, entries, learned, reading, wrong)
    return tuple(_findings(case, proved))


def _findings(case: Case, proved: Mapping[str, Finding]) -> Iterator[Finding]:
    yield from compare_sections(case)
    yield from compare_filters(case, proved)
    yield from compare_columns(case)
    yield from compare_fields(case)
    yield from (differs("pages of the feed", _said(m)) for m in case.reading.problems)
    yield from (differs("rows", problem) for problem in case.learned.problems)


def _said(message: str) -> str:
    """Return a message of the reader without the id of a row, which may name a person.

    >>> _said("null in name, in the row 'u1|c1'. `skillhabit-odata check` shows where")
    'null in name'
    """
    return _POINTER.sub("", _ROW_ID.sub("", message)).rstrip(". ")


async def check_statistics(caller: Caller, contract: Contract) -> tuple[Finding, ...]:
    """Compare the statistics of a contract with rows, in one more call."""
    if not contract.statistics:
        return ()
    request = PageRequest(Pushdown(), 0, contract.request.page_limit, contract.order_column)
    page = await caller.post(contract.results_path, to_payload(request, contract))
    try:
        pushdown, rows = _matching(page.answer, page.headers, contract)
    except (ValueError, UpstreamBrokeContract, TypeError) as reason:
        return (untested("[statistics]", f"could not be compared: {reason}"),)
    reply = await caller.post(contract.statistics_path, filters_payload(pushdown, contract))
    if not reply.succeeded:
        names = (f"statistics.{statistic.name}" for statistic in contract.statistics)
        edits = [Edit(name) for name in ("endpoints.statistics", *names)]
        text = f"POST {contract.statistics_path} answered {reply.status}; leave it out"
        return (differs("[endpoints.statistics]", text, edits),)
    return tuple(compare_statistics(reply.answer, rows, flat_contract(contract)))


def _matching(
    answer: Any, headers: Mapping[str, str], contract: Contract
) -> tuple[Pushdown, list[Any]]:
    """Return a pushdown, and all rows that match it, as the flat contract reads them.

    Raises:
        ValueError: no such rows are known.
        UpstreamBrokeContract: the page cannot be read.
    """
    found = Translator(contract).translate(msgspec.json.encode(answer), headers)
    rows = msgspec.json.decode(found.body)["rows"]
    column = contract.order_column
    if column and isinstance(contract.column(column).filter, RangeFilter):
        total = len(rows) + 1 if found.total is None else found.total
        return newest(rows, total, flat_contract(contract))
    if found.total != len(rows):
        raise ValueError("no date range selects known rows")
    return Pushdown(), rows
