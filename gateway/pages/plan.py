"""What a query does, as pages tell it: first what happens now, then what would without a copy."""

from __future__ import annotations

import msgspec

from gateway.service.explain import Explanation

_NOW = "snapshot"


def lines_of(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """Labels and texts; what the copies at hand have to say stands first."""
    now = tuple(line for line in explanation.lines if line[0] == _NOW)
    return (*now, *(line for line in explanation.lines if line[0] != _NOW))


def request_of(explanation: Explanation) -> str:
    """The first request to the Analytics API, if no copy answers; empty where there is none."""
    if explanation.payload is None:
        return ""
    body = msgspec.json.format(msgspec.json.encode(explanation.payload), indent=2).decode()
    return f"POST {explanation.path}\n{body}"
