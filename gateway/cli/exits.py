"""Exit codes of all commands: the one place where they are said."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended; `meaning` is what `--help` and the documentation tell."""

    DONE = 0
    NO = 1
    UNUSABLE = 2
    LATER = 3

    @property
    def meaning(self) -> str:
        """In words."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "done",
    Exit.NO: "the answer is no: a query was refused, `check` found a difference, or you ended it",
    Exit.UNUSABLE: "the command line, a setting or a file cannot be used; the message says which",
    Exit.LATER: "the Analytics API or the gateway cannot answer now; the same command may, later",
}


def epilog() -> str:
    """The table for the end of a help text."""
    lines = (f"  {code.value}  {code.meaning.replace('`', '')}" for code in Exit)
    return "\b\nExit codes:\n" + "\n".join(lines)
