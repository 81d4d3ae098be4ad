"""Contracts made of what inference found, and rows read by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from gateway.analytics.read.page import page_reader
from gateway.contract import file
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.contract.model import Contract
from gateway.discovery.infer.columns import infer_columns
from gateway.discovery.infer.found import Inferred
from gateway.discovery.infer.profile import merge_pages

USUAL = read_file(built_in_contract())


def infer(*pages: Sequence[Mapping[str, Any]], claims: Mapping[str, str] | None = None) -> Inferred:
    """Infer columns from pages of rows."""
    sample = merge_pages(pages)
    return infer_columns(sample.rows, usual=USUAL, pages=sample.pages, claims=claims)


def contract_of(found: Inferred) -> Contract:
    """Return the contract that a file with the found columns makes."""
    has_order = any(o.name == "updatedAt" and o.is_usable for o in found.order)
    made = structs.replace(
        USUAL,
        columns=found.columns,
        custom_fields=found.custom_fields,
        response=structs.replace(USUAL.response, repeated=found.repeated),
        extract=USUAL.extract if has_order else file.Extract(order_by=""),
    )
    return load_contract(msgspec.toml.encode(_without_null(msgspec.to_builtins(made))).decode())


def read(found: Inferred, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Read rows as the gateway would, by the contract of what was found."""
    listed = [*rows]
    body = msgspec.json.encode({"results": listed, "total": len(listed)})
    page = page_reader(contract_of(found)).read(body)
    made: list[dict[str, Any]] = page.rows.to_pylist()
    return made


def _without_null(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_null(value) for name, value in node.items() if value is not None}
    if isinstance(node, list | tuple):
        return [_without_null(value) for value in node]
    return node
