"""How many examples a property test tries: a few in `make test`, all in `make test-all`.

A test states how many it is worth. Hypothesis's profile `full` tries as many, `fast` a quarter; the
profile is chosen by `--hypothesis-profile`.
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import HealthCheck, settings

_FULL = 100
_FAST = 25
"""In per cent, and so for tests that do not say how many, as Hypothesis itself tries 100."""


def register_profiles() -> None:
    """Make the profiles known; `fast` is the one that is not asked for."""
    settings.register_profile("full", max_examples=_FULL, deadline=None)
    settings.register_profile("fast", max_examples=_FAST, deadline=None)
    settings.load_profile("fast")


def examples(
    number: int, *, repeatable: bool = False, suppress: Collection[HealthCheck] = ()
) -> settings:
    """Settings for `number` examples in `full`; if `repeatable`, the same ones in every run."""
    profile = settings.default
    assert profile is not None
    tried = settings(
        max_examples=number * profile.max_examples // _FULL, suppress_health_check=suppress
    )
    return settings(tried, derandomize=True, database=None) if repeatable else tried
