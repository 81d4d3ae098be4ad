"""Values of progress -> the steps to percent, and whether the scale is certain."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from gateway.contract.decoding import Undecodable, decode, parse_steps
from gateway.discovery.infer.found import Steps, counted
from gateway.discovery.infer.members import is_number

_MANY_VALUES = 20
_CHOICES: tuple[Steps, ...] = (
    (),
    ("number",),
    ({"split": "\n"}, "first", "number"),
    ({"split": ","}, {"join": "."}, "number"),
)
"""Numbers; texts; texts that may be empty; texts with a decimal comma."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The notation of progress; `scale` is True if 1 means 100 %."""

    steps: Steps
    scale: bool
    is_decided: bool
    said: str
    undecoded: int = 0


def find_progress(values: Mapping[int, Any], approved: Set[int]) -> Progress:
    """Return the reading of values by row; `approved` are rows that are finished.

    >>> find_progress({0: 0.4, 1: 1}, {1}).scale, find_progress({0: "33.33"}, set()).steps
    (True, ('number',))
    """
    steps, numbers = _numbers(values)
    unread = len(values) - len(numbers)
    if not numbers:
        return Progress(steps, False, unread == 0, "no number", unread)
    most = max(numbers.values())
    if most > 1 or any(isinstance(v, str) and "%" in v for v in values.values()):
        return Progress(steps, False, True, f"up to {most:g}", unread)
    whole = sum(number in approved and value == 1 for number, value in numbers.items())
    parts = sum(0 < value < 1 for value in numbers.values())
    steps = steps or ("number",)
    if whole or parts >= _MANY_VALUES:
        said = f"between 0 and 1; {counted(whole, 'approved row')} with 1"
        return Progress(steps, True, True, said, unread)
    return Progress(steps, False, False, "between 0 and 1", unread)


def _numbers(values: Mapping[int, Any]) -> tuple[Steps, dict[int, float]]:
    """Return the steps that read the most values, and their results."""
    best: tuple[Steps, dict[int, float]] = ((), {})
    for steps in _CHOICES:
        parsed = parse_steps(steps, "")
        read: dict[int, float] = {}
        unread = 0
        for number, value in values.items():
            try:
                made = decode(value, parsed)
            except Undecodable:
                unread += 1
                continue
            if is_number(made):
                read[number] = made
        if len(read) > len(best[1]) or (len(read) == len(best[1]) and not unread and not read):
            best = (steps, read)
        if len(read) == len(values):
            break
    return best
