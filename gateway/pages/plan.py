"""An explanation as pages show it: first the current route, then the route without a snapshot."""

from __future__ import annotations

import msgspec

from gateway.service.explain import Explanation

_PLACES = {"snapshot": 0, "route": 1}


def lines_of(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """Return labels and texts, with the snapshot and the current route first."""
    return tuple(sorted(explanation.lines, key=lambda line: _PLACES.get(line[0], len(_PLACES))))


def request_of(explanation: Explanation) -> str:
    """Return the first request to the Analytics API, or "" if none is needed now."""
    if explanation.payload is None:
        return ""
    body = msgspec.json.format(msgspec.json.encode(explanation.payload), indent=2).decode()
    return f"POST {explanation.path}\n{body}"
