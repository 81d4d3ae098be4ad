"""Terminals of the grammar in the standard's words, and hints for usual slips."""

from __future__ import annotations

from grammar.errors import ODataSyntaxError, Refusal
from grammar.machine import UnexpectedInput


def unexpected(error: UnexpectedInput, text: str, option: str) -> ODataSyntaxError:
    """The syntax ends at a position: say what stands there and what could have."""
    position = error.position
    found = f"unexpected {text[position]!r}" if position < len(text) else "unexpected end"
    return ODataSyntaxError(found, text=text, position=position, option=option)


def refused(error: Refusal, text: str, option: str) -> ODataSyntaxError:
    """A builder refused a value: its message, with the place."""
    return ODataSyntaxError(
        error.message, text=text, position=error.position, hint=error.hint, option=option
    )
