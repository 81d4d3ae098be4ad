"""The findings of discovery as proofs, so that `serve` relies on them from its first request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.contract.model import Column, Contract, CustomFieldFilter
from gateway.discovery.findings import Finding, State
from gateway.discovery.learned import Learned
from gateway.proofs.abilities import Ability, Kind, abilities_of
from gateway.proofs.store import Proof

_CUSTOM_FIELDS = "custom_fields"
_PROVED_VALUES = 2
"""The length of the lists that filters which discovery does not try are proved with."""


def proofs_of(
    findings: Sequence[Finding], learned: Learned, contract: Contract, now: datetime
) -> tuple[Proof, ...]:
    """Return a proof for each ability that a finding shows to hold, or to be missing.

    `now` is aware, UTC.
    """
    by_subject = {finding.subject: finding for finding in findings}
    return tuple(_proofs(by_subject, learned, contract, now))


def _proofs(
    findings: dict[str, Finding], learned: Learned, contract: Contract, now: datetime
) -> Iterator[Proof]:
    for ability in abilities_of(contract):
        finding = findings.get(_subject(ability, contract))
        if finding is None or finding.state is State.UNTESTED or not _shows(ability, learned):
            continue
        holds = finding.state is State.HOLDS
        values = _values(ability, learned, contract) if holds else 0
        yield Proof(ability.name, ability.digest, holds, now, values, finding.text)


def _subject(ability: Ability, contract: Contract) -> str:
    """Return the subject of the finding that concerns an ability."""
    match ability.kind:
        case Kind.TOTAL:
            return "[response]"
        case Kind.ORDER:
            return "[order]" if ability.of == contract.order_column else ""
        case Kind.STATISTIC:
            return f"[statistics.{ability.of}]"
        case _:
            return f"[filters.{_filter_name(contract.column(ability.of))}]"


def _filter_name(column: Column) -> str:
    if column.filter is None or isinstance(column.filter, CustomFieldFilter):
        return _CUSTOM_FIELDS
    return column.filter.name


def _shows(ability: Ability, learned: Learned) -> bool:
    return ability.kind is not Kind.TOTAL or learned.total is not None


def _values(ability: Ability, learned: Learned, contract: Contract) -> int:
    """Return the longest list that a filter was proved with; 0 for other abilities."""
    if ability.kind is not Kind.FILTER:
        return 0
    name = _filter_name(contract.column(ability.of))
    found = (f.most_values for f in learned.filters if f.name == name)
    return next(found, _PROVED_VALUES)
