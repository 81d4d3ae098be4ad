"""Filters of a file in force, compared with what probes proved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.analytics.extract.strategy import Strategy, choose_strategy
from gateway.contract import file
from gateway.discovery.compare.case import Case, changed
from gateway.discovery.compare.sections import new_body
from gateway.discovery.findings import Edit, Finding, State, differs, holds, untested
from gateway.discovery.kept.parts import dotted, parts_of, plain
from gateway.discovery.probe.filters import FilterFound
from gateway.discovery.probe.ranges import RangeFound


def compare_filters(case: Case, proved: Mapping[str, Finding]) -> Iterator[Finding]:
    """Yield a finding for each filter; `proved` has those of filters that pages were read with."""
    for name, entry in case.force.filters.items():
        if name in proved:
            yield _with_removal(case, name, proved[name])
        elif isinstance(entry, file.RangeFilterEntry):
            yield _range(case, name, entry)
        elif isinstance(entry, file.ValuesFilterEntry):
            yield _values(case, name, entry)
        else:
            yield untested(
                f"[filters.{name}]", "no custom field has a value that only some rows have"
            )


def _with_removal(case: Case, name: str, finding: Finding) -> Finding:
    """Return the finding with the edits that leave the filter out, if it differs without any."""
    if finding.state is not State.DIFFERS or finding.edits:
        return finding
    return replace(finding, edits=removal(case, name))


def removal(case: Case, name: str) -> tuple[Edit, ...]:
    """Return the edits that leave a filter out."""
    columns = [column.name for column in case.force.columns if column.filter == name]
    lost = [Edit(f"columns.{column}", "filter") for column in columns]
    fields = case.force.custom_fields
    if fields is not None and fields.filter == name:
        lost.append(Edit("custom_fields", "filter"))
    return (Edit(f"filters.{name}"), Edit("request.body", value=new_body(case)), *lost)


def _values(case: Case, name: str, entry: file.ValuesFilterEntry) -> Finding:
    subject = f"[filters.{name}]"
    found = next((f for f in case.learned.filters if f.name == name), None)
    if found is None:
        why = case.learned.untested.get(name)
        if why is None and not any(column.filter == name for column in case.force.columns):
            why = "no column uses it"
        if why is not None:
            return untested(subject, why)
        return differs(subject, f"{_form(case, name)} does not select rows", removal(case, name))
    if not found.is_usable:
        return differs(subject, f"{found.evidence}; leave it out", removal(case, name))
    return _proved(case, entry, found)


def _proved(case: Case, entry: file.ValuesFilterEntry, found: FilterFound) -> Finding:
    name = found.name
    subject = f"[filters.{name}]"
    if plain(parts_of(case.force.request.body).get(name, {})) != plain(found.tree):
        text = f"{_form(case, name)} is in force, {dotted(found.tree)} was seen"
        edits = (case.whole(f"filters.{name}"), Edit("request.body", value=new_body(case)))
        return differs(subject, text, edits)
    wrong: dict[str, tuple[Any, Any]] = {}
    if entry.exact and found.verdict != "exact":
        wrong["exact"] = True, False
    if wrong:
        return changed(case, f"filters.{name}", wrong)
    is_longer = entry.max_values > found.most_values
    note = f"; lists of more than {found.most_values} were not tried" if is_longer else ""
    return holds(subject, f"{found.evidence}{note}")


def _form(case: Case, name: str) -> str:
    return dotted(parts_of(case.force.request.body).get(name, {})) or "nothing"


def _range(case: Case, name: str, entry: file.RangeFilterEntry) -> Finding:
    subject = f"[filters.{name}]"
    found = next((r for r in case.learned.ranges if r.name == name), None)
    if found is not None:
        return _proved_range(case, entry, found)
    columns = [column.name for column in case.force.columns if column.filter == name]
    order = case.force.extract.order_by
    if not columns or columns[0] != (order or "updatedAt"):
        return untested(subject, "no row that was read has two instants to select between")
    if case.reading.ranges:
        return holds(subject, "two ranges have all rows together")
    if case.reading.doubt and "ignores the filter" in case.reading.doubt:
        text = f"the filter by {columns[0]} is ignored; leave it out"
        return differs(subject, text, removal(case, name))
    if case.learned.order is None or not case.can_order:
        is_vital = bool(order) and choose_strategy(case.contract).strategy is Strategy.NEWEST_FIRST
        return untested(subject, "it cannot be tested on rows without an order", is_vital=is_vital)
    text = f"the filter by {columns[0]} is ignored or refused as {_form(case, name)}; leave it out"
    return differs(subject, text, removal(case, name))


def _proved_range(case: Case, entry: file.RangeFilterEntry, found: RangeFound) -> Finding:
    subject, name = f"[filters.{found.name}]", found.name
    seen = case.seen.filters[name]
    if plain(parts_of(case.force.request.body).get(name, {})) != plain(found.tree):
        text = f"{_form(case, name)} is in force, {dotted(found.tree)} was seen"
        edits = (case.whole(f"filters.{name}"), Edit("request.body", value=new_body(case)))
        return differs(subject, text, edits)
    keys = ["from_inclusive", "to_inclusive", "instant", "open_from", "open_to"]
    wrong = {k: (getattr(entry, k), getattr(seen, k)) for k in keys
             if getattr(entry, k) != getattr(seen, k)}  # fmt: skip
    if entry.resolution_milliseconds < found.resolution_milliseconds:
        wrong["resolution_milliseconds"] = (
            entry.resolution_milliseconds,
            found.resolution_milliseconds,
        )
    if entry.exact and not found.exact:
        wrong["exact"] = True, False
    return changed(case, f"filters.{name}", wrong) if wrong else holds(subject, found.evidence)
