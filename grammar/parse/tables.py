"""Lark's tables for `odata.lark`, converted for `lalr_runtime.run` and computed once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import SimpleNamespace

from lark import Lark
from lark.grammar import Rule
from lark.lexer import Lexer, TerminalDef, Token
from lark.parsers.lalr_analysis import Shift

from grammar.parse.lalr_runtime import END, Action, Enter, ParserState, Pass, Reduce
from grammar.parse.rules import RULES, TERMINALS

STARTS = (
    "expression",
    "orderby",
    "compute",
    "select",
    "expand",
    "search",
    "apply",
    "segment",
    "alias_value",
)

# Rules, by name or alias, that add no depth on their left (CHAINS) or at all; see odata.lark.
CHAINS = frozenset({"binary", "search_and", "search_or"})
FLAT = frozenset({"operand", "sought", "positional", "named"})
LISTS = ("first", "more")


def grammar_text() -> str:
    """Return the text of `odata.lark`."""
    return files("grammar").joinpath("odata.lark").read_text(encoding="utf-8")


def callbacks(
    rules: Mapping[str, Callable[..., object]], terminals: Mapping[str, Callable[[str], object]]
) -> object:
    """Return the transformer that Lark calls for each rule and terminal."""
    spread = {name: _spread(function) for name, function in rules.items()}
    return SimpleNamespace(**spread, **terminals)


def _spread(function: Callable[..., object]) -> Callable[[list[object]], object]:
    return lambda children: function(*children)


class NoLexer(Lexer):
    """A lexer that does nothing, so that Lark builds none: `lalr_runtime.run` finds terminals."""

    def __init__(self, lexer_conf: object) -> None:
        """Accept the configuration that Lark passes to every lexer."""

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        """Raise: Lark's own parser is never run."""
        raise NotImplementedError


@cache
def start_states() -> Mapping[str, ParserState]:
    """Return the first parser state for each start rule of the grammar."""
    return build_states(grammar_text(), STARTS, callbacks(RULES, TERMINALS))


def build_states(
    grammar: str, starts: tuple[str, ...], transformer: object
) -> Mapping[str, ParserState]:
    """Compute the tables of a grammar and return its first parser state for each start rule."""
    lark = Lark(
        grammar,
        parser="lalr",
        lexer=NoLexer,
        start=list(starts),
        transformer=transformer,
        maybe_placeholders=False,
    )
    return _Conversion(lark).start_states()


class _Conversion:
    """The conversion of a Lark parse table into our parser states."""

    def __init__(self, lark: Lark) -> None:
        parser = lark.parser.parser.parser
        self._table = parser.parse_table
        self._callbacks = parser.callbacks
        self._terminals = {terminal.name: terminal for terminal in lark.terminals}
        self._order = sorted(self._terminals, key=self._rank)
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}
        self._reductions: dict[Rule, Reduce] = {}

    def start_states(self) -> Mapping[str, ParserState]:
        rows = self._table.states
        states = {number: ParserState(self._pattern(row).match) for number, row in rows.items()}
        for number, row in rows.items():
            for name, (action, target) in row.items():
                if action is not Shift:
                    states[number].actions[name] = self._reduction(target)
                elif name in self._terminals:
                    states[number].actions[name] = Enter(states[target], self._converter(name))
                else:
                    states[number].gotos[name] = states[target]
        for number in self._table.end_states.values():
            states[number].actions[END] = Enter(states[number], str)
        return {name: states[number] for name, number in self._table.start_states.items()}

    def _rank(self, name: str) -> tuple[int, int, int, str]:
        """Sort terminals as Lark does: by priority, then by the longer pattern, then by name."""
        terminal: TerminalDef = self._terminals[name]
        pattern = terminal.pattern
        return -terminal.priority, -pattern.max_width, -len(pattern.value), name

    def _pattern(self, row: Mapping[str, object]) -> re.Pattern[str]:
        names = tuple(name for name in self._order if name in row)
        if names not in self._patterns:
            groups = (f"(?P<{name}>{self._terminals[name].pattern.to_regexp()})" for name in names)
            self._patterns[names] = re.compile("|".join(groups) or "(?!)")
        return self._patterns[names]

    def _converter(self, name: str) -> Callable[[str], object]:
        converter: Callable[[str], object] = self._callbacks.get(name, str)
        return converter

    def _reduction(self, rule: Rule) -> Action:
        """Return the action of a rule, shared by all states; `?a: b` builds nothing."""
        if len(rule.expansion) == 1 and rule.options.expand1 and not rule.alias:
            return Pass(rule.origin.name)
        if rule not in self._reductions:
            name = rule.alias or rule.origin.name
            self._reductions[rule] = Reduce(
                origin=rule.origin.name,
                size=len(rule.expansion),
                build=self._callbacks[rule],
                deepens=0 if name in FLAT or name.startswith(LISTS) else 1,
                is_chain=name in CHAINS,
            )
        return self._reductions[rule]
