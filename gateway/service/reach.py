"""Facts of an entity set that pages show: columns filtered upstream, and a set to count."""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract


def filtered_upstream(contract: Contract, set_name: str) -> frozenset[str]:
    """Return the columns of a set that are filtered upstream; none for a role."""
    filtered = {column.name for column in contract.columns if column.filter is not None}
    derived = contract.derived_set(set_name)
    if derived is None:
        return frozenset(filtered)
    groups = (c for c in derived.columns if c.kind is ColumnKind.GROUP)
    return frozenset(c.prop.name for c in groups if c.of in filtered)


def counted_as(contract: Contract, set_name: str) -> str:
    """Return the set to count: the results for a set that copies them, which is slow to build."""
    derived = contract.derived_set(set_name)
    if derived is None or not derived.copies_results:
        return set_name
    names = (s.name for s in contract.schema.entity_sets)
    results = (name for name in names if contract.derived_set(name) is None)
    return next(results, set_name)  # a key or role may not include them
