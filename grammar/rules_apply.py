"""The rules of $apply (Data Aggregation 3)."""

from __future__ import annotations

from collections.abc import Callable

APPLY_RULES: dict[str, Callable[..., object]] = {}
