"""Members of decoded JSON by their path."""

from __future__ import annotations

from typing import Any

from gateway.contract.model import MemberPath

MISSING = object()
"""The value of a member that a response does not have, unlike one that is null."""


def value_at(node: Any, path: MemberPath) -> Any:
    """Return the value at a path: None below a null, `MISSING` below anything else."""
    for step in path:
        if node is None:
            return None
        node = node.get(step, MISSING) if isinstance(node, dict) else MISSING
    return node
