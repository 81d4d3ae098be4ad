"""Runs the LALR tables that Lark computed from `odata.lark`, several times faster than Lark does.

Lark stays the one definition of the syntax: rules, terminals, priorities, tables and callbacks are
its own, and a test parses every case with Lark's own parser and compares. What differs is the loop:

- one compiled pattern per parser state finds the next terminal (Lark's contextual lexer, without
  its token objects and line counting);
- rules that only pass one value on (`?sum: product`), ten in a row below every operand, are
  followed once and remembered per (state, terminal, state below);
- along with each value go its start in the text, for messages, and its depth, for the limit.

No recursion, and each step consumes a terminal or removes a state: time is linear in the text.
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
_PATIENCE = 200

Scan: TypeAlias = "Callable[[str, int], re.Match[str] | None]"


@final
@dataclass(slots=True, eq=False)
class ParserState:
    """A parser state: the pattern of the terminals that may follow, and what to do on each."""

    scan: Scan
    actions: dict[str, Action] = field(default_factory=dict)
    gotos: dict[str, ParserState] = field(default_factory=dict)


@final
@dataclass(slots=True, eq=False)
class Enter:
    """Consume the terminal, its text converted, and go to `state`; also accepts the end."""

    state: ParserState
    convert: Callable[[str], object]


@final
@dataclass(slots=True, eq=False)
class Pass:
    """A rule with one symbol and no callback changes only the state; `known` fills on use."""

    origin: str
    known: dict[ParserState, ParserState] = field(default_factory=dict)


@final
@dataclass(slots=True, eq=False)
class Reduce:
    """Replace the topmost `size` values by `build` of them.

    A list (`deepens` 0) is as deep as its deepest item; a chain does not deepen on its left side.
    """

    origin: str
    size: int
    build: Callable[[list[object]], object]
    deepens: int
    is_chain: bool


Action: TypeAlias = "Enter | Pass | Reduce"


class UnexpectedInput(Exception):
    """The text stops being OData at `position`; `expected` are the terminals that could go on."""

    def __init__(self, position: int, expected: tuple[str, ...]) -> None:
        super().__init__(position)
        self.position = position
        self.expected = expected


@final
@dataclass(slots=True, eq=False)
class _Stacks:
    """What has been read and not been reduced: values, their starts and depths, and the states."""

    states: list[ParserState]
    values: list[object] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)


def run(start: ParserState, text: str, limits: Limits) -> object:
    """Parse the whole text, blanks around it aside; the value is what the start rule built.

    Raises:
        UnexpectedInput: the syntax is wrong.
        Refusal: a callback refused a value, or a limit was passed; `position` is set.
    """
    text = text.rstrip(BLANKS)
    position = len(text) - len(text.lstrip(BLANKS))
    stacks = _Stacks([start])
    states, values = stacks.states, stacks.values
    for _ in range(limits.max_nodes + 1):
        match = states[-1].scan(text, position)
        if match is None:
            return _finish(stacks, text, position, limits)
        action = _settle(stacks, str(match.lastgroup), position, limits.max_depth)
        values.append(_convert(action.convert, match))
        states.append(action.state)
        stacks.starts.append(position)
        stacks.depths.append(0)
        position = match.end()
    raise BuilderError(
        f"more than {limits.max_nodes} words and symbols", position=stacks.starts[-1]
    )


def _finish(stacks: _Stacks, text: str, position: int, limits: Limits) -> object:
    """No terminal matched: right at the end of a whole text only."""
    if position < len(text):
        raise UnexpectedInput(position, _viable(stacks.states))
    before = stacks.states[:]
    try:
        _settle(stacks, END, position, limits.max_depth)
    except UnexpectedInput:
        raise UnexpectedInput(position, _viable(before)) from None
    return stacks.values[-1]


def _convert(convert: Callable[[str], object], match: re.Match[str]) -> object:
    try:
        return convert(match[0])
    except BuilderError as refusal:
        refusal.position = match.start() + refusal.at
        raise


def _settle(stacks: _Stacks, kind: str, position: int, max_depth: int) -> Enter:
    """Do all that precedes consuming the terminal `kind`; the action that consumes it."""
    states = stacks.states
    while True:
        action = states[-1].actions.get(kind)
        if type(action) is Pass:
            below = states[-2]
            states[-1] = action.known.get(below) or _follow(action, below, kind)
        elif type(action) is Reduce:
            _reduce(stacks, action, position, max_depth)
        elif action is None:
            raise UnexpectedInput(position, _viable(states))
        else:
            return action


def _reduce(stacks: _Stacks, action: Reduce, position: int, max_depth: int) -> None:
    """Build one value of the topmost ones, and note where it starts and how deep it is."""
    size = action.size
    states, starts, depths = stacks.states, stacks.starts, stacks.depths
    if size == 0:
        stacks.values.append(action.build([]))
        starts.append(position)
        depths.append(0)
    else:
        try:
            stacks.values[-size:] = [action.build(stacks.values[-size:])]
        except BuilderError as refusal:
            refusal.position = starts[refusal.at - size]
            raise
        levels = depths[-size:]
        depth = max(levels[0], levels[-1] + 1) if action.is_chain else max(levels) + action.deepens
        if depth > max_depth:
            raise BuilderError(f"nested deeper than {max_depth} levels", position=starts[-size])
        depths[-size:] = [depth]
        del starts[len(starts) - size + 1 :], states[-size:]
    states.append(states[-1].gotos[action.origin])


def _follow(action: Pass, below: ParserState, kind: str) -> ParserState:
    """Where a row of `Pass` actions ends above `below` when `kind` comes next."""
    state = below.gotos[action.origin]
    while type(following := state.actions.get(kind)) is Pass:
        state = below.gotos[following.origin]
    action.known[below] = state
    return state


def _viable(states: list[ParserState]) -> tuple[str, ...]:
    """The terminals that can really come next.

    A state of an LALR table also reduces on terminals that only fit elsewhere, a `)` that closes
    nothing say, so each one is tried on the states alone.
    """
    return tuple(kind for kind in states[-1].actions if _is_viable(states, kind))


def _is_viable(states: list[ParserState], kind: str) -> bool:
    """Follow the reductions before `kind`; after many of them it is taken for possible."""
    below, above = len(states), list[ParserState]()
    for _ in range(_PATIENCE):
        top = above[-1] if above else states[below - 1]
        action = top.actions.get(kind)
        if action is None or type(action) is Enter:
            return action is not None
        size = action.size if type(action) is Reduce else 1
        below -= max(0, size - len(above))
        del above[max(0, len(above) - size) :]
        above.append((above[-1] if above else states[below - 1]).gotos[action.origin])
    return True
