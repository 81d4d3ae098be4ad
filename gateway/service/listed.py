"""Find the entity set that has a row for each value of a collection."""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.contract.model import Contract
from gateway.edm.types import PrimitiveType


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
