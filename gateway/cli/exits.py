"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """An exit code; `meaning` is its text in `--help` and in the documentation."""

    DONE = 0
    NO = 1
    UNUSABLE = 2
    LATER = 3

    @property
    def meaning(self) -> str:
        """Return the text for help and documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "done",
    Exit.NO: "no: a query was refused, `check` found a difference, or you stopped the command",
    Exit.UNUSABLE: "an option, a setting or a file cannot be used; the message says which",
    Exit.LATER: "the Analytics API or the gateway is unavailable; try the same command later",
}


def epilog() -> str:
    """Return the table of exit codes for the end of a help text."""
    lines = (f"  {code.value}  {code.meaning.replace('`', '')}" for code in Exit)
    return "\b\nExit codes:\n" + "\n".join(lines)
