"""The custom fields of a workspace, as found in a page of its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.analytics.read.members import MISSING, value_at
from gateway.analytics.read.request import PageRequest, to_payload
from gateway.contract.model import Contract
from gateway.discovery.findings import call_upstream
from gateway.planner.pushdown import Pushdown


@dataclass(frozen=True, slots=True)
class FoundField:
    """A custom field: its ID, its label, and the number of rows of the page that have it."""

    id: str
    label: str
    rows: int


async def find_fields(
    http: httpx.AsyncClient, contract: Contract, token: str
) -> tuple[FoundField, ...]:
    """Return the fields of the newest page, by ID, with one call; none if it has no rows."""
    request = PageRequest(Pushdown(), 0, contract.request.page_limit, contract.order_column)
    _, answer = await call_upstream(
        http, contract.results_path, to_payload(request, contract), token
    )
    rows = MISSING if answer is MISSING else value_at(answer, contract.response.rows)
    seen = Counter(_fields(rows, contract))
    return tuple(FoundField(name, label, count) for (name, label), count in sorted(seen.items()))


def _fields(rows: Any, contract: Contract) -> Iterator[tuple[str, str]]:
    shape = contract.custom_fields
    for row in rows if isinstance(rows, list) else ():
        found = value_at(row, shape.path)
        for element in found if isinstance(found, list) else ():
            field_id = value_at(element, (shape.id_member,))
            label = value_at(element, (shape.label_member,))
            if isinstance(field_id, str):
                yield field_id, label if isinstance(label, str) else field_id
