"""An explanation as pages show it: first the current route, then the route without a snapshot."""

from __future__ import annotations

import msgspec

from gateway.service.explain import Explanation

_CURRENT_ROUTE = "snapshot"


def lines_of(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """Return labels and texts, with the line about cached snapshots first."""
    current = tuple(line for line in explanation.lines if line[0] == _CURRENT_ROUTE)
    return (*current, *(line for line in explanation.lines if line[0] != _CURRENT_ROUTE))


def request_of(explanation: Explanation) -> str:
    """Return the first request to the Analytics API if no snapshot serves the query, or ""."""
    if explanation.payload is None:
        return ""
    body = msgspec.json.format(msgspec.json.encode(explanation.payload), indent=2).decode()
    return f"POST {explanation.path}\n{body}"
