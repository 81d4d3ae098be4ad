"""Random expressions of every type over the columns of a world, as OData text.

Integers stay small where they are multiplied, and quotients are exact, so that both sides can be
held to the last digit; what overflows or divides by zero is for the tables of tests/engine.
"""

from __future__ import annotations

from random import Random
from typing import TypeVar

from gateway.contract.model import Contract
from gateway.edm.types import PrimitiveType
from tests.planner.worlds import GROUPS, INSTANT_LITERALS, TEXTS, quoted

T = TypeVar("T")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_DURATIONS = ("duration'PT0.0005S'", "duration'-P1D'", "duration'P20000D'", "duration'PT0S'")
_DATES = ("0001-01-01", "1969-12-31", "2024-02-29", "2024-03-01", "9999-12-31", "null")
_YEARS = ("-1", "0", "1", "2", "1969", "1970", "2024", "2025", "9999", "10000", "2024.5", "null")
_PATTERNS = ("^a", "b$", "[A-Z]", "^.$", "ß|😀", "n.*l", "")


class Expressions:
    """Draws expressions; `depth` says how many operations stand inside each other."""

    def __init__(self, contract: Contract, random: Random) -> None:
        self._random = random
        self._names = {
            type_: [
                c.name for c in contract.columns if c.prop.type is type_ and not c.prop.collection
            ]
            for type_ in PrimitiveType
        }

    def condition(self, depth: int = 2) -> str:
        """Something that is true, false or null."""
        draw = self._random.random()
        if depth and draw < 0.25:
            connective = self._pick("and", "or")
            return f"({self.condition(depth - 1)}) {connective} ({self.condition(depth - 1)})"
        if depth and draw < 0.35:
            return f"not ({self.condition(depth - 1)})"
        if draw < 0.45:
            function = self._pick("contains", "startswith", "endswith")
            return f"{function}({self.text(depth)},{self.text(0)})"
        if draw < 0.5:
            return f"matchespattern({self.text(depth)},{quoted(self._pick(*_PATTERNS))})"
        if draw < 0.55:
            return f"groupIds/any(x:{self._pick('length(x)', 'indexof(x,other)')} gt 0)"
        return self._comparison(depth)

    def date_condition(self) -> str:
        """A date function of a column compared with a constant."""
        column, operator = self._column(PrimitiveType.DATE_TIME_OFFSET), self._pick(*_COMPARISONS)
        left, right = self._pick(
            (f"year({column})", self._pick(*_YEARS)), (f"date({column})", self._pick(*_DATES))
        )
        if self._random.random() < 0.2:
            return f"{right} {operator} {left}"
        return f"{left} {operator} {right}"

    def _comparison(self, depth: int) -> str:
        kind = self._pick(self.text, self.whole, self.number, self.instant, self.day, self.duration)
        left, right = kind(depth), kind(self._pick(0, depth))
        if kind in (self.whole, self.number) and self._random.random() < 0.3:
            right = self._pick(self.whole, self.number, self.decimal)(depth)
        if kind is self.instant and self._random.random() < 0.2:
            return f"({left}) in ({self._pick(*INSTANT_LITERALS)},null)"
        return f"({left}) {self._pick(*_COMPARISONS)} ({right})"

    def text(self, depth: int) -> str:
        """Text."""
        if not depth:
            literal = quoted(self._pick(*TEXTS, *GROUPS))
            return self._pick(self._column(PrimitiveType.STRING), literal)
        inner, number = self.text(depth - 1), self._pick("0", "1", "-1", "-2", "3", "99")
        return self._pick(
            f"tolower({inner})",
            f"toupper({inner})",
            f"trim(concat(' ',{inner}))",
            f"concat({inner},{self.text(0)})",
            f"substring({inner},{number})",
            f"substring({inner},{self.whole(0)},{self._pick('0', '1', '5')})",
            f"case({self.condition(0)}:{inner},true:{self.text(0)})",
            f"case({self.condition(0)}:{inner})",
        )

    def whole(self, depth: int) -> str:
        """An integer, small."""
        small = f"score mod {self._pick('7', '5')}"
        if not depth:
            return self._pick(f"({small})", "3", "-2", "0")
        inner = f"({self.whole(depth - 1)})"
        at = self.instant(0)
        return self._pick(
            f"length({self.text(depth - 1)})",
            f"indexof({self.text(depth - 1)},{self.text(0)})",
            f"{self._pick('year', 'month', 'day', 'hour', 'minute', 'second')}({at})",
            f"{self._pick('year', 'month', 'day')}({self.day(0)})",
            f"{inner} {self._pick('add', 'sub', 'mul')} {self.whole(0)}",
            f"{inner} {self._pick('div', 'mod')} {self._pick('2', '3', '-3')}",
            f"-{inner}",
        )

    def number(self, depth: int) -> str:
        """A Double."""
        if not depth:
            return self._pick(self._column(PrimitiveType.DOUBLE), "0.1e0", "INF", "-2.5e0")
        inner = f"({self.number(depth - 1)})"
        return self._pick(
            f"{inner} {self._pick('add', 'sub', 'mul', 'div', 'divby', 'mod')} {self.number(0)}",
            f"{inner} {self._pick('add', 'mul', 'div', 'mod')} {self._pick('0', '2', '0.5')}",
            f"{self.whole(depth - 1)} {self._pick('mul', 'div')} {inner}",
            f"{self._pick('round', 'floor', 'ceiling')}{inner}",
            f"-{inner}",
            f"case({self.condition(0)}:{inner},true:{self.whole(0)})",
        )

    def decimal(self, depth: int) -> str:
        """An exact fraction."""
        if not depth:
            return self._pick(f"fractionalseconds({self.instant(0)})", "0.1", "-2.5")
        inner = f"({self.decimal(depth - 1)})"
        return self._pick(
            f"({self.whole(depth - 1)}) divby {self._pick('4', '-8', '5')}",
            f"{inner} {self._pick('add', 'sub', 'mul')} {self.whole(0)}",
            f"{inner} mod 0.3",
            f"{self._pick('round', 'floor', 'ceiling')}{inner}",
            f"totalseconds({self.duration(depth - 1)})",
        )

    def instant(self, depth: int) -> str:
        """An instant."""
        if not depth:
            end = self._pick("mindatetime()", "maxdatetime()", self._pick(*INSTANT_LITERALS[:6]))
            return self._pick(*[self._column(PrimitiveType.DATE_TIME_OFFSET)] * 3, end)
        column = self._column(PrimitiveType.DATE_TIME_OFFSET)
        return f"{column} {self._pick('add', 'sub')} ({self.duration(depth - 1)})"

    def day(self, depth: int) -> str:
        """A date."""
        if not depth:
            return self._pick(f"date({self.instant(0)})", self._pick(*_DATES[1:4]))
        period = self._pick("duration'P1DT23H'", "duration'-PT36H'")
        return f"({self._pick(*_DATES[1:4])}) {self._pick('add', 'sub')} {period}"

    def duration(self, depth: int) -> str:
        """A duration."""
        if not depth:
            return self._pick(*_DURATIONS)
        inner = f"({self.duration(depth - 1)})"
        return self._pick(
            f"{self.instant(0)} sub {self.instant(0)}",
            f"{self.day(0)} sub {self.day(0)}",
            f"{inner} {self._pick('add', 'sub')} {self.duration(0)}",
            f"-{inner}",
            f"{inner} mul {self._pick('2', '(score mod 7)')}",
            f"{inner} div 3",
        )

    def order(self) -> str:
        """Keys for $orderby, none of which can be NaN."""
        kinds = (self.text, self.whole, self.instant, self.day, self.duration, self.decimal)
        keys = [self._pick(*kinds)(self._pick(1, 2)) for _ in range(self._pick(1, 2))]
        return ",".join(f"{key} {self._pick('asc', 'desc')}" for key in (*keys, "score"))

    def _column(self, type_: PrimitiveType) -> str:
        return self._random.choice(self._names[type_])

    def _pick(self, *options: T) -> T:
        return self._random.choice(options)
