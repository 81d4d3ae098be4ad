"""A runtime for the LALR tables of `odata.lark`, several times faster than Lark's own.

Rules, terminals, priorities, tables and callbacks all come from Lark, and a test compares the trees
of every case with those of Lark's own parser. Only the loop differs:

- one compiled pattern per parser state finds the next terminal (Lark's contextual lexer, without
  its token objects and line counting);
- chains of rules that pass one value on (`?sum: product`), ten long below every operand, are
  followed once and cached per (state, terminal, state below);
- each value has its start in the text, for messages, and its depth, for the limit.

There is no recursion, and each step consumes a terminal or removes a state, so the time is linear
in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, final

from grammar.errors import BuilderError
from grammar.limits import Limits

BLANKS = " \t\r\n"
END = "$END"
_MAX_REDUCTIONS = 200

Scan: TypeAlias = "Callable[[str, int], re.Match[str] | None]"


@final
@dataclass(slots=True, eq=False)
class ParserState:
    """A parser state: the pattern of the terminals that may follow, and the action for each."""

    scan: Scan
    actions: dict[str, Action] = field(default_factory=dict)
    gotos: dict[str, ParserState] = field(default_factory=dict)


@final
@dataclass(slots=True, eq=False)
class Enter:
    """An action that consumes the terminal, converts its text and enters `state`; END accepts."""

    state: ParserState
    convert: Callable[[str], object]


@final
@dataclass(slots=True, eq=False)
class Pass:
    """A rule with one symbol and no callback, which only changes the state; `known` is a cache."""

    origin: str
    known: dict[ParserState, ParserState] = field(default_factory=dict)


@final
@dataclass(slots=True, eq=False)
class Reduce:
    """An action that replaces the topmost `size` values by the result of `build`.

    A list (`deepens` is 0) is as deep as its deepest item; a chain adds no depth on its left side.
    """

    origin: str
    size: int
    build: Callable[[list[object]], object]
    deepens: int
    is_chain: bool


Action: TypeAlias = "Enter | Pass | Reduce"


class UnexpectedInput(Exception):
    """Text that is wrong at `position`; `expected` are the terminals that are valid there."""

    def __init__(self, position: int, expected: tuple[str, ...]) -> None:
        super().__init__(position)
        self.position = position
        self.expected = expected


@final
@dataclass(slots=True, eq=False)
class _Stacks:
    """The values that are not reduced yet, their starts and depths, and the parser states."""

    states: list[ParserState]
    values: list[object] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)


def run(start: ParserState, text: str, limits: Limits) -> object:
    """Parse the whole text without surrounding whitespace; return the value of the start rule.

    Raises:
        UnexpectedInput: the syntax is wrong.
        BuilderError: a callback rejected a value, or a limit is exceeded; `position` is set.
    """
    text = text.rstrip(BLANKS)
    position = len(text) - len(text.lstrip(BLANKS))
    stacks = _Stacks([start])
    states, values = stacks.states, stacks.values
    for _ in range(limits.max_symbols + 1):
        match = states[-1].scan(text, position)
        if match is None:
            return _accept(stacks, text, position, limits)
        action = _advance(stacks, str(match.lastgroup), position, limits.max_levels)
        values.append(_convert(action.convert, match))
        states.append(action.state)
        stacks.starts.append(position)
        stacks.depths.append(0)
        position = match.end()
    raise BuilderError(
        f"more than {limits.max_symbols} words and symbols",
        hint="shorten the text, e.g. with `in` instead of many comparisons",
        position=stacks.starts[-1],
    )


def _accept(stacks: _Stacks, text: str, position: int, limits: Limits) -> object:
    """Return the value if the text is complete; no terminal matched at `position`."""
    if position < len(text):
        raise UnexpectedInput(position, _possible_terminals(stacks.states))
    before = stacks.states[:]
    try:
        _advance(stacks, END, position, limits.max_levels)
    except UnexpectedInput:
        raise UnexpectedInput(position, _possible_terminals(before)) from None
    return stacks.values[-1]


def _convert(convert: Callable[[str], object], match: re.Match[str]) -> object:
    try:
        return convert(match[0])
    except BuilderError as error:
        error.position = match.start() + error.at
        raise


def _advance(stacks: _Stacks, kind: str, position: int, max_levels: int) -> Enter:
    """Run all reductions before the terminal `kind`; return the action that consumes it."""
    states = stacks.states
    while True:
        action = states[-1].actions.get(kind)
        if type(action) is Pass:
            below = states[-2]
            states[-1] = action.known.get(below) or _follow(action, below, kind)
        elif type(action) is Reduce:
            _reduce(stacks, action, position, max_levels)
        elif action is None:
            raise UnexpectedInput(position, _possible_terminals(states))
        else:
            return action


def _reduce(stacks: _Stacks, action: Reduce, position: int, max_levels: int) -> None:
    """Replace the topmost values by one, and set its start and depth."""
    size = action.size
    states, starts, depths = stacks.states, stacks.starts, stacks.depths
    if size == 0:
        stacks.values.append(action.build([]))
        starts.append(position)
        depths.append(0)
    else:
        try:
            stacks.values[-size:] = [action.build(stacks.values[-size:])]
        except BuilderError as error:
            error.position = starts[error.at - size]
            raise
        levels = depths[-size:]
        depth = max(levels[0], levels[-1] + 1) if action.is_chain else max(levels) + action.deepens
        if depth > max_levels:
            raise BuilderError(
                f"nested deeper than {max_levels} levels",
                hint="leave out parentheses that are not needed",
                position=starts[-size],
            )
        depths[-size:] = [depth]
        del starts[len(starts) - size + 1 :], states[-size:]
    states.append(states[-1].gotos[action.origin])


def _follow(action: Pass, below: ParserState, kind: str) -> ParserState:
    """Return the state after a chain of `Pass` actions above `below`, with `kind` next."""
    state = below.gotos[action.origin]
    while type(following := state.actions.get(kind)) is Pass:
        state = below.gotos[following.origin]
    action.known[below] = state
    return state


def _possible_terminals(states: list[ParserState]) -> tuple[str, ...]:
    """Return the terminals that are valid next.

    A state of an LALR table also reduces on terminals that are valid only elsewhere, such as a `)`
    that closes nothing, so each terminal is tried on the states alone.
    """
    return tuple(kind for kind in states[-1].actions if _is_possible(states, kind))


def _is_possible(states: list[ParserState], kind: str) -> bool:
    """Follow the reductions before `kind`; return true also after `_MAX_REDUCTIONS` of them."""
    below, above = len(states), list[ParserState]()
    for _ in range(_MAX_REDUCTIONS):
        top = above[-1] if above else states[below - 1]
        action = top.actions.get(kind)
        if action is None or type(action) is Enter:
            return action is not None
        size = action.size if type(action) is Reduce else 1
        below -= max(0, size - len(above))
        del above[max(0, len(above) - size) :]
        above.append((above[-1] if above else states[below - 1]).gotos[action.origin])
    return True
