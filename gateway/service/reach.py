"""What pages tell of a set: which conditions narrow what is asked upstream, how it is counted."""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract


def filtered_upstream(contract: Contract, set_name: str) -> frozenset[str]:
    """The names of such columns in an entity set; for a role there are none: all is asked for."""
    filtered = {column.name for column in contract.columns if column.filter is not None}
    derived = contract.derived_set(set_name)
    if derived is None:
        return frozenset(filtered)
    groups = (c for c in derived.columns if c.kind is ColumnKind.GROUP)
    return frozenset(c.prop.name for c in groups if c.of in filtered)


def counted_as(contract: Contract, set_name: str) -> str:
    """The results for a copy of them, which has as many rows and takes long to make."""
    derived = contract.derived_set(set_name)
    if derived is None or not derived.copies_results:
        return set_name
    names = (s.name for s in contract.schema.entity_sets)
    results = (name for name in names if contract.derived_set(name) is None)
    return next(results, set_name)  # a key or role may not open them
