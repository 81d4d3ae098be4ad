"""Random URLs that mean something: each is well typed, and the oracle knows the right answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote

from gateway.contract.model import Contract
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from grammar.literals import from_datetime
from tests.fuzz.world import KEYS, WAYS, World
from tests.planner.expressions import Expressions
from tests.planner.sequences import Sequences, entity_columns
from tests.planner.worlds import (
    GROUPS,
    INSTANT_LITERALS,
    NUMBER_LITERALS,
    STATES,
    TEXTS,
    pushable_filter,
    quoted,
)

T = TypeVar("T")
ROLE_NAMES = ("some", "field", "none")
JSON_FORMATS = ("minimal", "minimal", "full", "none", "ieee754")
FILE_FORMATS = ("csv", "arrow", "parquet")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_SEARCHES = (
    "a",
    "NOT a",
    '"O\'Neil"',
    "ß OR ab",
    "a AND NOT b",
    "100",
    '"%_"',
    "😀",
    "another name",
)


@dataclass(frozen=True, slots=True)
class Question:
    """A URL below the service root, and how it is asked.

    `path` is percent-encoded, the values of `options` are not. `pages` is the page size that is
    preferred, 0 for none; `role` is the one that asks, empty for all rows.
    """

    path: str
    options: tuple[tuple[str, str], ...] = ()
    format: str = "minimal"
    version: str = "4.0"
    role: str = ""
    pages: int = 0

    @property
    def url(self) -> str:
        """The URL, with the format where it is one of files."""
        pairs = [(name, quote(value, safe="(),'$@:/;=")) for name, value in self.options]
        pairs += [("$format", self.format)] if self.format in FILE_FORMATS else []
        return self.path + "?" * bool(pairs) + "&".join(f"{n}={v}" for n, v in pairs)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        found = {"OData-MaxVersion": self.version}
        if self.pages:
            found["Prefer"] = f"maxpagesize={self.pages}"
        if self.format == "ieee754":
            found["Accept"] = "application/json;IEEE754Compatible=true"
        elif self.format in JSON_FORMATS:
            mark = "odata." if self.version == "4.0" else ""
            found["Accept"] = f"application/json;{mark}metadata={self.format}"
        return found

    def __str__(self) -> str:
        readable = self.path + "?" * bool(self.options)
        readable += "&".join(f"{name}={value}" for name, value in self.options)
        return (
            f"{readable}  [{self.format}, {self.version}, {self.role or 'all rows'}]\n  {self.url}"
        )


def _by_alias(options: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The same with the condition in an alias."""
    given = dict(options)
    if "$filter" not in given:
        return options
    return (*{**given, "$filter": "@p"}.items(), ("@p", given["$filter"]))


class Questions:
    """Draws questions about a world."""

    def __init__(self, contract: Contract, world: World, random: Random) -> None:
        self._contract, self._world, self._random = contract, world, random
        self._results = Expressions(contract, random)
        self._sets = {s.name: s.entity_type.properties for s in contract.schema.entity_sets}

    def question(self) -> Question:
        """One question."""
        draw = self._random.random()
        if draw < 0.15:
            path, options, is_many = self._path()
            return self._with_format(path, options, is_many=is_many)
        set_name = self._pick("Results", "Results", "Results", *self._sets)
        options = self._apply(set_name) if draw < 0.35 else self._options(set_name)
        if draw > 0.97:
            end = self._pick("", "/$count")
            path = f"{set_name}/$filter(@f){end}"
            return self._with_format(path, (("@f", self.condition(set_name)),), is_many=not end)
        if draw > 0.9:
            kept = ("$filter", "$search", "$compute", "$apply")
            return self._with_format(
                f"{set_name}/$count",
                tuple((n, v) for n, v in options if n in kept),
                is_many=False,
            )
        return self._with_format(set_name, options, is_many=True)

    def _with_format(
        self, path: str, options: tuple[tuple[str, str], ...], *, is_many: bool
    ) -> Question:
        version, role = self._pick("4.0", "4.0", "4.01"), self._pick("", "", "", *ROLE_NAMES)
        collection = is_many and all(name != "$expand" for name, _ in options)
        of_files = collection and self._random.random() < 0.2
        format_ = self._pick(*FILE_FORMATS) if of_files else self._pick(*JSON_FORMATS)
        if path.endswith(("/$count", "/$value")):
            format_ = "raw"
        if self._random.random() < 0.1:
            options = _by_alias(options)
        if of_files:
            options = tuple((n, v) for n, v in options if n != "$count")
        pages = 0 if of_files else self._pick(0, 0, 1, 7, 30)
        return Question(path, options, format_, version, role, pages)

    # --- paths ------------------------------------------------------------------------------------

    def _path(self) -> tuple[str, tuple[tuple[str, str], ...], bool]:
        """An entity by its key, and what is behind it; whether that is a collection of rows."""
        set_name = self._pick(*self._sets)
        path = set_name + self._key(set_name)
        for _ in range(self._pick(0, 0, 1, 2)):
            ways = WAYS.get(set_name, {})
            if not ways:
                break
            name = self._pick(*ways)
            set_name, _, _, many = ways[name]
            path += f"/{name}"
            if many and self._random.random() < 0.5:
                return path, self._options(set_name), True
            path += self._key(set_name) if many else ""
        prop = self._pick(*self._sets[set_name])
        end = self._pick("", "", f"/{prop.name}", f"/{prop.name}/$value")
        if prop.collection and end.endswith("/$value"):
            end = f"/{prop.name}/$count"
        if prop.name == "partitionDigest":
            end = ""
        return path + end, () if end else self._of_one(set_name), False

    def _key(self, set_name: str) -> str:
        rows: list[Mapping[str, Any]] = [*self._world.tables[set_name]]
        row = self._pick(*rows or [{}])
        names = KEYS[set_name]
        values = [quote(self._key_literal(name, row), safe="'") for name in names]
        if len(names) == 1:
            return f"({values[0]})"
        pairs = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        return f"({','.join(pairs)})"

    def _key_literal(self, name: str, row: Mapping[str, Any]) -> str:
        if name == "rowId":
            return str(row.get(name, "00000000-0000-0000-0000-000000000000"))
        unknown = self._random.random() < 0.1 or name not in row
        return quoted("no such" if unknown else str(row[name]))

    # --- options ----------------------------------------------------------------------------------

    def _of_one(self, set_name: str) -> tuple[tuple[str, str], ...]:
        chosen = {
            "$select": self._select(set_name),
            "$expand": self._expand(set_name, 1),
            "$compute": self._compute(set_name)[0],
        }
        if chosen["$compute"]:
            chosen["$select"] = ""
        return tuple((n, v) for n, v in chosen.items() if v and self._random.random() < 0.4)

    def _options(self, set_name: str, depth: int = 1) -> tuple[tuple[str, str], ...]:
        compute, alias = self._compute(set_name)
        chosen = {
            "$filter": (0.6, self.condition(set_name)),
            "$orderby": (0.5, self._order(set_name)),
            "$select": (0.3, self._select(set_name)),
            "$top": (0.3, str(self._pick(0, 1, 2, 5, 19, 20, 60))),
            "$skip": (0.2, str(self._pick(0, 1, 3, 19, 50))),
            "$count": (0.3, "true"),
            "$search": (0.1, self._pick(*_SEARCHES)),
            "$expand": (0.25 if depth else 0, self._expand(set_name, depth) if depth else ""),
            "$compute": (0.15, compute),
        }
        if set_name == "Results" and self._random.random() < 0.3:
            chosen = self._of_the_upstream()
        found = {n: v for n, (odds, v) in chosen.items() if v and self._random.random() < odds}
        if "$compute" in found:
            found.pop("$search", None)
            found["$select"] = f"{alias},{KEYS[set_name][0]}"
            if self._random.random() < 0.5:
                found["$orderby"] = f"{alias}{self._pick('', ' desc')}"
            if self._random.random() < 0.5:
                found["$filter"] = f"{alias} {self._pick('eq', 'ne')} null"
        return tuple(found.items())

    def _of_the_upstream(self) -> dict[str, tuple[float, str]]:
        """What the Analytics API may answer on its own: a window, a total, a filtered extract."""
        pushed, span = pushable_filter(self._contract, self._random), self._span()
        order = self._pick("updatedAt desc", "updatedAt", "updatedAt desc,id", "updatedAt,state")
        return {
            "$filter": (0.9, self._pick(pushed, pushed, f"({pushed}) and {span}", span)),
            "$orderby": (0.5, order),
            "$top": (0.7, str(self._pick(0, 1, 2, 3, 5, 9, 18, 19))),
            "$skip": (0.2, str(self._pick(0, 1, 3))),
            "$count": (0.4, "true"),
        }

    def _span(self) -> str:
        """A range whose ends are values of rows, which belong to it or do not."""
        name = self._pick("updatedAt", "updatedAt", "expiryDate")
        rows = self._world.tables["Results"]
        values = sorted({row[name] for row in rows if row[name] is not None})
        ends = sorted(self._random.choices(values, k=2))
        lower, upper = (from_datetime(end) for end in ends)
        return self._pick(
            f"{name} {self._pick('gt', 'ge')} {lower}",
            f"{name} {self._pick('lt', 'le')} {upper}",
            f"{name} {self._pick('gt', 'ge')} {lower} and {name} {self._pick('lt', 'le')} {upper}",
            f"{name} {self._pick('eq', 'ne')} {lower}",
        )

    def _order(self, set_name: str) -> str:
        if set_name == "Results" and self._random.random() < 0.3:
            return self._results.order()
        items = [self._order_item(set_name) for _ in range(self._pick(1, 1, 2))]
        return ",".join(f"{item}{self._pick('', ' asc', ' desc')}" for item in items)

    def _order_item(self, set_name: str) -> str:
        ways = WAYS.get(set_name, {})
        if ways and self._random.random() < 0.25:
            name = self._pick(*ways)
            target, _, _, many = ways[name]
            return f"{name}/$count" if many else f"{name}/{self._single(target).name}"
        prop = self._single(set_name)
        if prop.type is PrimitiveType.STRING and self._random.random() < 0.4:
            return self._pick(
                f"length({prop.name})",
                f"tolower({prop.name})",
                f"substring({prop.name},1)",
                f"substring({prop.name},0,1)",
                f"12 div (length({prop.name}) add 1)",
                f"indexof({prop.name},'a')",
                f"concat({prop.name},'x')",
            )
        return prop.name

    def _select(self, set_name: str) -> str:
        names = [prop.name for prop in self._sets[set_name]]
        return ",".join(self._random.sample(names, k=min(len(names), self._pick(1, 2, 4))))

    def _compute(self, set_name: str) -> tuple[str, str]:
        prop = self._single(set_name)
        ways = [name for name, (_, _, _, many) in WAYS.get(set_name, {}).items() if many]
        if ways and self._random.random() < 0.3:
            return f"{self._pick(*ways)}/$count as x1", "x1"
        of: Mapping[PrimitiveType, tuple[str, ...]] = {
            PrimitiveType.STRING: ("length({0})", "concat({0},'!')", "toupper({0})", "{0}"),
            PrimitiveType.DOUBLE: ("{0} mul 2", "{0} add 1e300", "{0} divby 4", "round({0})"),
            PrimitiveType.INT64: ("{0} mod 7", "{0} div 2", "-({0} mod 5)", "{0} divby 2"),
            PrimitiveType.BOOLEAN: ("not {0}", "case({0}:1,true:0)"),
            PrimitiveType.DATE_TIME_OFFSET: ("year({0})", "date({0})", "{0}", "hour({0})"),
            PrimitiveType.GUID: ("{0}",),
        }
        return f"{self._pick(*of[prop.type]).format(prop.name)} as x1", "x1"

    def _expand(self, set_name: str, depth: int) -> str:
        ways = WAYS.get(set_name, {})
        if not ways:
            return ""
        chosen = self._random.sample(sorted(ways), k=self._pick(1, 1, min(2, len(ways))))
        return ",".join(self._expansion(name, *ways[name], depth) for name in chosen)

    def _expansion(
        self, name: str, target: str, own: str, other: str, many: bool, depth: int
    ) -> str:
        if many and self._random.random() < 0.15:
            return name + self._pick("/$count", "/$ref")
        options = self._options(target, depth - 1) if many else self._of_one(target)
        kept = [(n, v) for n, v in options if depth > 1 or n != "$expand"]
        inside = ";".join(f"{option}={value}" for option, value in kept)
        return f"{name}({inside})" if inside else name

    def _apply(self, set_name: str) -> tuple[tuple[str, str], ...]:
        if set_name == "Results" and self._random.random() < 0.6:
            sequences = Sequences(self._random)
            text, columns = sequences.sequence(entity_columns())
            options = [("$apply", text)]
            if columns.kinds and self._random.random() < 0.4:
                options.append(("$orderby", sequences.order(columns)))
            if self._random.random() < 0.3:
                options.append(("$count", "true"))
            return tuple(options)
        by = list(dict.fromkeys(self._grouping(set_name) for _ in range(self._pick(1, 2))))
        measured = self._single(set_name)
        method = self._pick("countdistinct", "min", "max")
        if measured.type in (PrimitiveType.BOOLEAN, PrimitiveType.GUID):
            method = "countdistinct"
        aggregate = self._pick("$count as n", f"{measured.name} with {method} as n")
        grouped, order = ",".join(by), self._order_item(set_name)
        text = self._pick(
            f"groupby(({grouped}),aggregate({aggregate}))",
            f"groupby(({grouped}))",
            f"aggregate({aggregate})",
            f"groupby(({grouped}),{self._pick('topcount', 'bottomcount')}(1,{order}))",
            f"{self._pick('topcount', 'bottomcount')}(2,{order})",
        )
        if self._random.random() < 0.4:
            text = f"filter({self._pick(self._atom, self._reached)(set_name, '')})/{text}"
        if "groupby" in text and self._random.random() < 0.5:
            return ("$apply", text), ("$orderby", f"{by[0]}{self._pick('', ' desc')}")
        return (("$apply", text),)

    def _grouping(self, set_name: str) -> str:
        """A column to group by, now and then that of another row."""
        singles = [n for n, (_, _, _, many) in WAYS.get(set_name, {}).items() if not many]
        if singles and self._random.random() < 0.2:
            name = self._pick(*singles)
            return f"{name}/{self._single(WAYS[set_name][name][0]).name}"
        return self._single(set_name).name

    def _reached(self, set_name: str, start: str) -> str:
        """A condition on the rows behind a navigation property, where there is one."""
        ways = WAYS.get(set_name, {})
        if not ways:
            return self._atom(set_name, start)
        name = self._pick(*ways)
        return self._over(start + name, *ways[name], 0)

    # --- conditions -------------------------------------------------------------------------------

    def condition(self, set_name: str, depth: int = 2, start: str = "", ways: int = 2) -> str:
        """A condition on rows of a set, whose columns are reached from `start`."""
        draw = self._random.random()
        if set_name == "Results" and not start and draw < 0.3:
            return self._pick(
                self._results.condition(),
                pushable_filter(self._contract, self._random),
                self._results.date_condition(),
            )
        if depth and draw < 0.5:
            parts = [self.condition(set_name, depth - 1, start, ways) for _ in range(2)]
            return f"({parts[0]}) {self._pick('and', 'or')} ({parts[1]})"
        if depth and draw < 0.6:
            return f"not ({self.condition(set_name, depth - 1, start, ways)})"
        others = WAYS.get(set_name, {})
        if ways and others and draw < 0.8:
            name = self._pick(*others)
            return self._over(start + name, *others[name], ways - 1)
        return self._atom(set_name, start)

    def _over(self, path: str, target: str, own: str, other: str, many: bool, ways: int) -> str:
        """A condition on the rows that a navigation property leads to."""
        if not many:
            return self._pick(f"{path} ne null", self.condition(target, 0, f"{path}/", ways))
        number = f"{self._pick(*_COMPARISONS)} {self._pick(0, 1, 3)}"
        variable = "xyz"[ways]
        inside = self.condition(target, 1, f"{variable}/", ways)
        return self._pick(
            f"{path}/$count {number}",
            f"{path}/$count($filter={self._atom(target, '')}) {number}",
            f"{path}/any()",
            f"{path}/{self._pick('any', 'any', 'all')}({variable}:{inside})",
        )

    def _atom(self, set_name: str, start: str) -> str:
        prop = self._pick(*[p for p in self._sets[set_name] if p.name != "partitionDigest"])
        name, operator = f"{start}{prop.name}", self._pick(*_COMPARISONS)
        literal = self._pick(*self._literals(prop, set_name))
        if prop.collection:
            return self._pick(
                f"{name}/any(g:g {operator} {literal})",
                f"{name}/all(g:g {operator} {literal})",
                f"{name}/$count {operator} {self._pick(0, 1, 2)}",
            )
        if prop.type is PrimitiveType.BOOLEAN:
            return self._pick(name, f"not {name}", f"{name} eq {literal}", f"{name} ne {literal}")
        options = [f"{name} {operator} {literal}", f"{name} {operator} {literal}"]
        others = [p for p in self._singles(set_name) if p.type is prop.type]
        if prop.type is PrimitiveType.GUID:
            return f"{name} {self._pick('eq', 'ne')} {literal}"
        options += [
            f"{name} in ({literal},{self._pick(*self._literals(prop, set_name))})",
            f"{name} {operator} {start}{self._pick(*[p.name for p in others])}",
        ]
        if prop.type is PrimitiveType.INT64:
            options.append(f"7 {self._pick('div', 'mod')} {name} {operator} 0")
        if prop.type is PrimitiveType.STRING:
            options += self._on_text(name, literal, operator)
        return self._pick(*options)

    def _on_text(self, name: str, literal: str, operator: str) -> list[str]:
        function = self._pick("contains", "startswith", "endswith")
        return [
            f"{function}({name},{literal})",
            f"length({name}) {operator} {self._pick(0, 1, 3)}",
            f"tolower({name}) {operator} {literal}",
            f"substring({name},1) {operator} {literal}",
        ]

    def _literals(self, prop: Property, set_name: str) -> tuple[str, ...]:
        rows = self._world.tables[set_name]
        if prop.type is PrimitiveType.STRING:
            own = self._pick(*rows)[prop.name] if rows else None
            mine = own if isinstance(own, str) else "a"
            pool = GROUPS if prop.collection else (*TEXTS, *STATES)
            return (quoted(self._pick(*pool)), quoted(mine), quoted(mine), "null")
        if prop.type is PrimitiveType.GUID:
            return (str(self._pick(*rows)[prop.name]) if rows else "null", "null")
        if prop.type is PrimitiveType.BOOLEAN:
            return ("true", "false", "null")
        if prop.type is PrimitiveType.DATE_TIME_OFFSET:
            return (*INSTANT_LITERALS, "null")
        return (*NUMBER_LITERALS, "null", "1", "2")

    def _single(self, set_name: str) -> Property:
        """A column with one value that can be foretold."""
        return self._pick(*self._singles(set_name))

    def _singles(self, set_name: str) -> list[Property]:
        props = self._sets[set_name]
        return [p for p in props if not p.collection and p.name != "partitionDigest"]

    def _pick(self, *options: T) -> T:
        return self._random.choice(options)
