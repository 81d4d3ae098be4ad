"""Which columns' conditions narrow what is asked of the Analytics API; the rest is checked here."""

from __future__ import annotations

from gateway.contract.derived import Kind
from gateway.contract.model import Contract


def filtered_upstream(contract: Contract, set_name: str) -> frozenset[str]:
    """The names of such columns in an entity set; for a role there are none: all is asked for."""
    if contract.limited:
        return frozenset()
    filtered = {column.name for column in contract.columns if column.filter is not None}
    derived = contract.derived_set(set_name)
    if derived is None:
        return frozenset(filtered)
    groups = (c for c in derived.columns if c.kind is Kind.GROUP)
    return frozenset(c.prop.name for c in groups if c.of in filtered)
