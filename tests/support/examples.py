"""The number of examples of a test: a quarter in `make test`, the others in `make test-all`.

A property test states how many examples it needs. Hypothesis's profile `full` tries all of them,
`fast` a quarter; `--hypothesis-profile` chooses the profile. A test with its own seeds or cases
takes them as parameters that `sparse` or `QUARTERS` marks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest
from hypothesis import HealthCheck, settings

_FULL = 100
_FAST = 25
"""In per cent. Tests without `@examples` get these numbers, as Hypothesis's own default is 100."""


def register_profiles() -> None:
    """Register both profiles; `fast` is the default."""
    settings.register_profile("full", max_examples=_FULL, deadline=None)
    settings.register_profile("fast", max_examples=_FAST, deadline=None)
    settings.load_profile("fast")


def examples(
    number: int, *, repeatable: bool = False, suppress: Collection[HealthCheck] = ()
) -> settings:
    """Return settings for `number` examples; if `repeatable`, every run tries the same ones."""
    profile = settings.default
    assert profile is not None
    tried = settings(
        max_examples=number * profile.max_examples // _FULL, suppress_health_check=suppress
    )
    return settings(tried, derandomize=True, database=None) if repeatable else tried


def sparse(values: Iterable[object], every: int = 4) -> list[object]:
    """Return parameters: every fourth value, from the first on, and the others marked as slow.

    `every` is another number for cases that take long. A tuple has a value for each of several
    parameters.
    """
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            marks=[pytest.mark.slow] if place % every else [],
        )
        for place, value in enumerate(values)
    ]


QUARTERS = sparse(range(4))
"""Parameters for a test that divides its cases among four runs."""
