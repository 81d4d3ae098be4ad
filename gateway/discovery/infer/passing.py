"""Columns with what rows show about time: the meaning of the expiry date, and states that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from gateway.contract import file
from gateway.discovery.infer.expiry import expiry_meaning, states_move_by_time
from gateway.discovery.infer.found import Inferred, Row


def with_time(inferred: Inferred, rows: Sequence[Row]) -> Inferred:
    """Return the columns with `changes_by_time` of the state and `meaning` of the expiry date."""
    moves = states_move_by_time(rows, inferred.columns)
    expiry = expiry_meaning(rows, inferred.columns)

    def changed(entry: file.ColumnEntry) -> file.ColumnEntry:
        if entry.name == "state" and moves.moves:
            evidence = _joined(entry.evidence, moves.evidence)
            return structs.replace(entry, changes_by_time=True, evidence=evidence)
        if entry.name == "expiryDate" and expiry.meaning != "unknown":
            evidence = _joined(entry.evidence, expiry.evidence)
            return structs.replace(entry, meaning=expiry.meaning, evidence=evidence)
        return entry

    return replace(inferred, columns=tuple(map(changed, inferred.columns)))


def _joined(before: str, more: str) -> str:
    return "; ".join(filter(None, (before, more)))
