"""The input of comparisons, and the operations that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.contract import file
from gateway.contract.model import Contract
from gateway.discovery.compare.reading import Reading
from gateway.discovery.findings import Edit, Finding, differs, holds
from gateway.discovery.learned import Learned
from gateway.discovery.probe.values import Reader
from gateway.discovery.write import toml


@dataclass(frozen=True, slots=True)
class Case:
    """A file in force, what its pages showed, and what was learnt.

    `seen` is the file that discovery would write, and `entries` its entries. `dropped` are filters
    that were shown to be wrong, besides those that were learnt.
    """

    force: file.ContractFile
    contract: Contract
    seen: file.ContractFile
    entries: Mapping[str, Any]
    learned: Learned
    reading: Reading
    dropped: frozenset[str] = frozenset()

    def proof(self, entry: str) -> tuple[Edit, ...]:
        """Return the edits that say where the new values of an entry come from."""
        content = self.entries.get(entry, {})
        keys = ("source", "evidence") if isinstance(content, dict) else ()
        return tuple(Edit(entry, key, content[key]) for key in keys if key in content)

    def whole(self, entry: str) -> Edit:
        """Return the edit that replaces an entry by the one of discovery, or deletes it."""
        return Edit(entry, value=self.entries.get(entry))

    @property
    def can_order(self) -> bool:
        """True if the rows that were seen can show an order: they have two different instants."""
        entry = self.learned.inferred.column(self.force.extract.order_by or "updatedAt")
        if entry is None:
            return bool(self.learned.rows)
        reader = Reader(entry)
        return len({reader.micros(row) for row in self.learned.rows} - {None}) > 1


def compared(
    case: Case, entry: str, force: Any, seen: Any, keys: Iterable[str], proof: str = ""
) -> Finding:
    """Compare the keys of two tables, where any difference counts."""
    subject = f"[{entry}]"
    wrong = [key for key in keys if getattr(force, key) != getattr(seen, key)]
    if not wrong:
        return holds(subject, proof or "as it was seen")
    return changed(case, entry, {key: (getattr(force, key), getattr(seen, key)) for key in wrong})


def changed(
    case: Case, entry: str, values: Mapping[str, tuple[Any, Any]], others: Sequence[Edit] = ()
) -> Finding:
    """Return the finding on keys whose values in force differ from those seen."""
    words = "; ".join(f"{shown(key, old)} is in force, {shown(key, new)} was seen"
                      for key, (old, new) in values.items())  # fmt: skip
    edits = tuple(Edit(entry, key, new) for key, (_, new) in values.items())
    return differs(f"[{entry}]", words, (*edits, *case.proof(entry), *others))


def shown(key: str, value: Any) -> str:
    """Return a line of the file.

    >>> shown("largest", 500), shown("deepest", None)
    ('largest = 500', 'no deepest')
    """
    return f"no {key}" if value is None else f"{key} = {toml(value)}"
