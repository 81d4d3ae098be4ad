"""An entry of the tables of common mistakes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; `message` and `hint` may use the groups of `at`, then those of `before`.

    `at` must match where the parser stopped, `before` at the end of the text before, and `expects`
    must be one of the terminals that are valid there; empty for any.
    """

    at: str
    message: str
    hint: str
    before: str = ""
    expects: str = ""
