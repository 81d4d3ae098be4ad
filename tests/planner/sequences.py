"""Random transformation sequences of $apply over the columns of a world, as OData text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import TypeVar

from tests.planner.worlds import INSTANT_LITERALS, TEXTS, quoted

T = TypeVar("T")
_LITERALS = {
    "text": tuple(map(quoted, (*TEXTS[:6], "APPROVED", "IN_PROGRESS"))),
    "number": ("0", "50.5", "7", "-2.5", "null"),
    "instant": INSTANT_LITERALS[:4],
    "flag": ("true", "false", "null"),
}
_START = {
    "userName": "text",
    "state": "text",
    "other": "text",
    "contentId": "text",
    "progress": "number",
    "updatedAt": "instant",
    "expiryDate": "instant",
    "flag": "flag",
}
_SMALL = "score mod 7"


@dataclass(frozen=True, slots=True)
class Columns:
    """The kinds of the columns at a place, and those that all rows have.

    `entity` tells that `score` is there, whose large values are only used divided.
    """

    kinds: tuple[tuple[str, str], ...]
    common: frozenset[str]
    entity: bool = True

    def of(self, *kinds: str) -> list[str]:
        """The names of columns of some kinds; of any kind without one."""
        return [name for name, kind in self.kinds if not kinds or kind in kinds]

    def plus(self, name: str, kind: str) -> Columns:
        """With one more column."""
        return replace(self, kinds=(*self.kinds, (name, kind)), common=self.common | {name})


def entity_columns() -> Columns:
    """The columns that $apply begins with."""
    return Columns(tuple(_START.items()), frozenset(_START))


class Sequences:
    """Draws sequences; aliases are new ones, so that none is taken."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)

    def sequence(self, columns: Columns, depth: int = 2) -> tuple[str, Columns]:
        """Some transformations in a row, and the columns behind them."""
        texts = []
        for _ in range(self._pick(1, 1, 2, 2, 3)):
            text, columns = self._step(columns, depth)
            texts.append(text)
        return "/".join(texts), columns

    def order(self, columns: Columns) -> str:
        """One $orderby item."""
        return f"{self._pick(*columns.of())}{self._pick('', ' desc')}"

    def condition(self, columns: Columns) -> str:
        """A condition about one column."""
        name, kind = self._pick(*columns.kinds)
        literal = self._pick(*_LITERALS[kind])
        return f"{name} {self._pick('eq', 'ne', 'gt', 'le')} {literal}"

    def _step(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        steps = [self._subset, self._subset, self._compute]
        steps += [self._aggregate, self._groupby, self._groupby] if columns.kinds else []
        steps += [self._concat] if depth else []
        return self._pick(*steps)(columns, depth)

    def _subset(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        number = self._number(columns)
        n = self._pick(1, 2, 3, 5)
        options = [
            f"filter({self.condition(columns)})",
            f"orderby({self.order(columns)},{self.order(columns)})",
            f"orderby({self.order(columns)})/{self._pick('top', 'skip')}({n})",
            f"{self._pick('top', 'skip')}({self._pick(0, 1, 4)})",
            f"{self._pick('topcount', 'bottomcount')}({n},{self._pick(*columns.of())})",
            f"{self._pick('topsum', 'bottomsum')}({self._pick('10', '55.5', '0', '-3')},{number})",
            f"{self._pick('toppercent', 'bottompercent')}({self._pick(25, 50, 100)},{number})",
            f"search({self._pick('a', 'NOT b', 'ß OR ab', 'approved')})",
            "identity",
        ]
        return self._pick(*options), columns

    def _compute(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        first, second = self._alias(), self._alias()
        number = self._number(columns)
        if columns.of("text") and self._random.random() < 0.5:
            text = self._pick(*columns.of("text"))
            return f"compute(concat({text},'x') as {first})", columns.plus(first, "text")
        both = columns.plus(first, "number").plus(second, "number")
        return f"compute({number} add 1 as {first},{first} mul 2 as {second})", both

    def _aggregate(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        items = [self._item(columns) for _ in range(self._pick(1, 2, 3))]
        kinds = tuple((name, kind) for _, name, kind in items)
        text = ",".join(text for text, _, _ in items)
        names = frozenset(name for _, name, _ in items)
        return f"aggregate({text})", Columns(kinds, names, entity=False)

    def _item(self, columns: Columns) -> tuple[str, str, str]:
        alias, number = self._alias(), self._number(columns)
        any_name, any_kind = self._pick(*columns.kinds)
        start, kind = self._pick(
            ("$count", "number"),
            (f"{number} with sum", "number"),
            (f"{number} with average", "number"),
            (f"{number} add 1 with max", "number"),
            (f"{any_name} with min", any_kind),
            (f"{any_name} with countdistinct", "number"),
        )
        if columns.common and kind == "number" and self._random.random() < 0.3:
            start += f" from {self._pick(*columns.common)} with {self._pick('sum', 'average')}"
            if self._random.random() < 0.3:
                start += f" from {self._pick(*columns.common)} with max"
        return f"{start} as {alias}", alias, kind

    def _groupby(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        groupable = [name for name in columns.of() if name in columns.common]
        if not groupable:
            return "identity", columns
        by = self._random.sample(groupable, k=min(len(groupable), self._pick(1, 1, 2, 3)))
        rolled = len(by) > 1 and self._random.random() < 0.5
        lead = by[:1] if len(by) > 2 and self._random.random() < 0.5 else []
        grouping = ",".join([*lead, f"rollup({','.join(by[len(lead) :])})"] if rolled else by)
        kinds = tuple((n, k) for n, k in columns.kinds if n in by)
        certain = frozenset(by[: len(lead) + 1] if rolled else by)
        if not depth or self._random.random() < 0.2:
            return f"groupby(({grouping}))", Columns(kinds, certain, entity=False)
        inner, result = self._inner(columns, depth - 1)
        own = tuple(pair for pair in result.kinds if pair[0] not in by)
        common = result.common | certain
        after = Columns((*kinds, *own), common, entity=result.entity)
        return f"groupby(({grouping}),{inner})", after

    def _inner(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        if self._random.random() < 0.5:
            return self._aggregate(columns, depth)
        return self.sequence(columns, depth)

    def _concat(self, columns: Columns, depth: int) -> tuple[str, Columns]:
        parts = [self.sequence(columns, depth - 1) for _ in range(self._pick(2, 2, 3))]
        if columns.common and self._random.random() < 0.5:  # the same aliases in both
            text, result = self._aggregate(columns, 0)
            name = self._pick(*columns.common)
            kind = dict(columns.kinds)[name]
            parts = [(f"groupby(({name}),{text})", result.plus(name, kind)), (text, result)]
        kinds = dict(pair for _, result in parts for pair in result.kinds)
        common = frozenset.intersection(*(result.common for _, result in parts))
        entity = all(result.entity for _, result in parts)
        text = ",".join(text for text, _ in parts)
        return f"concat({text})", Columns(tuple(kinds.items()), common, entity)

    def _number(self, columns: Columns) -> str:
        names = columns.of("number")
        options = [*names, *([_SMALL] if columns.entity else [])]
        options += [f"length({name})" for name in columns.of("text")]
        return self._pick(*options) if options else "3"

    def _alias(self) -> str:
        return f"c{next(self._numbers)}"

    def _pick(self, *options: T) -> T:
        return self._random.choice(options)
