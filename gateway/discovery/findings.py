"""The findings of `skillhabit-odata check`: one for each entry of a contract file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.analytics.read.members import MISSING


class State(StrEnum):
    """The verdict on an entry."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of an entry: of one key, or of the whole entry without a key; None deletes."""

    entry: str
    key: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `is_vital` is True for an untested entry that the feed relies on. `edits` correct the entry.
    """

    state: State
    subject: str
    text: str
    edits: tuple[Edit, ...] = ()
    is_vital: bool = False

    @property
    def fits(self) -> bool:
        """True unless the entry must change, or has to be tested before the feed may be trusted."""
        return self.state is not State.DIFFERS and not self.is_vital


def holds(subject: str, text: str) -> Finding:
    """Return the finding on an entry that holds."""
    return Finding(State.HOLDS, subject, text)


def differs(subject: str, text: str, edits: Sequence[Edit] = ()) -> Finding:
    """Return the finding on an entry that must change."""
    return Finding(State.DIFFERS, subject, text, tuple(edits))


def untested(subject: str, why: str, *, is_vital: bool = False) -> Finding:
    """Return the finding on an entry that could not be tested."""
    return Finding(State.UNTESTED, subject, why, is_vital=is_vital)


def short(value: object) -> str:
    """Return a description of a value, without its text, which may be a person's."""
    match value:
        case dict():
            return "an object"
        case list():
            return f"an array of {len(value)}"
        case bool() | int() | float():
            return "a number" if not isinstance(value, bool) else "true or false"
        case str():
            return "a text"
        case None:
            return "null"
        case _:
            return "missing" if value is MISSING else type(value).__name__
