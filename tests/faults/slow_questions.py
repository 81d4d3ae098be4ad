"""Questions that take the engine long, or much memory, over few rows."""

from __future__ import annotations

_TWICE = "concat(identity,identity)"


def slow_apply() -> str:
    """Each step makes twice as many rows of the two thousand: nobody waits for all of them."""
    return "/".join([_TWICE] * 18) + "/filter(contains(contentName,'@@'))"


def greedy_apply() -> str:
    """The greatest twenty million of some thirty, sorted, and grouped."""
    return (
        "/".join([_TWICE] * 14) + "/topcount(20000000,progress)/groupby((id,contentName,userName))"
    )
