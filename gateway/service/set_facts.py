"""Facts of entity sets that pages show: which columns filter upstream, what to count or list."""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract
from gateway.edm.types import PrimitiveType


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


def listed_in(contract: Contract, name: str) -> tuple[str, str, str] | None:
    """Return an entity set, its property of the values, and its property of their labels or "".

    Return None if no published set has a row for each value of the results' column `name`.
    """
    for derived in contract.derived:
        kind = derived.entity_set.entity_type
        key = derived.find(kind.key[0])
        is_list = key is not None and key.kind is ColumnKind.GROUP and key.of == name
        if is_list and len(kind.key) == 1 and name in derived.unnest:
            labels = (
                column.prop.name
                for column in derived.columns
                if column.kind is ColumnKind.FIRST and column.prop.type is PrimitiveType.STRING
            )
            return derived.entity_set.name, kind.key[0], next(labels, "")
    return None
