"""The findings of discovery as proofs, so that `serve` relies on them from its first request.

A total and an order are shown whole. A filter is tried on the rows of a page, which cannot show
that it finds old rows too: such a finding can contradict; only an extract of all rows can prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.contract.model import Column, Contract, CustomFieldFilter
from gateway.discovery.findings import Finding, State
from gateway.discovery.learned import Learned
from gateway.proofs.abilities import Ability, Kind, abilities_of
from gateway.proofs.store import Proof

_CUSTOM_FIELDS = "custom_fields"


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
        if holds and ability.kind not in (Kind.TOTAL, Kind.ORDER):
            continue
        yield Proof(ability.name, ability.digest, holds, now, 0, finding.text)


def _subject(ability: Ability, contract: Contract) -> str:
    """Return the subject of the finding that concerns an ability."""
    match ability.kind:
        case Kind.TOTAL:
            return "[response]"
        case Kind.ORDER:
            return "[order]" if ability.of == contract.order_column else ""
        case Kind.STATISTIC:
            return f"[statistics.{ability.of}]"
        case Kind.FILTER:
            return f"[filters.{_filter_name(contract.column(ability.of))}]"
        case _:
            return ""


def _filter_name(column: Column) -> str:
    if column.filter is None or isinstance(column.filter, CustomFieldFilter):
        return _CUSTOM_FIELDS
    return column.filter.name


def _shows(ability: Ability, learned: Learned) -> bool:
    return ability.kind is not Kind.TOTAL or learned.total is not None
