"""What names mean where an expression stands, and the refusals that every binder shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import (
    InvalidValue,
    LimitExceeded,
    NotSupported,
    TypeMismatch,
    UnknownName,
)
from gateway.query.bind.suggest import nearest
from gateway.query.bind.text_widths import MOST_TEXT, width_of
from gateway.query.tree.expressions import BoundExpr
from grammar import Binary, Call, ComputeItem, Expr, Unary, unparse

_MAX_USES = 100


class Moment:
    """What now() means in a request (URL Conventions 5.1.1.8.9): everywhere the same.

    `asked` tells whether the answer depends on it.
    """

    def __init__(self, value: datetime) -> None:
        self._value = value
        self.asked = False

    def read(self) -> datetime:
        """The moment, aware."""
        self.asked = True
        return self._value

    @property
    def if_asked(self) -> datetime | None:
        """The moment, or None when nothing depends on it."""
        return self._value if self.asked else None


class ReferencedSets:
    """The entity sets that the expressions of a request lead to, and names for their rows."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._entered: dict[str, None] = {}
        self._numbers = count(1)

    @property
    def names(self) -> tuple[str, ...]:
        """The sets, in the order in which they were first entered."""
        return tuple(self._entered)

    def enter(self, set_name: str) -> EntitySet:
        """The set that a navigation property leads to."""
        found = self._set(set_name)
        self._entered[set_name] = None
        return found

    def type_of(self, set_name: str) -> EntityType:
        """Return the entity type behind a navigation property, which is not followed yet."""
        return self._set(set_name).entity_type

    def _set(self, set_name: str) -> EntitySet:
        found = self._schema.find_set(set_name)
        assert found is not None  # noqa: S101 - the contract's ways lead to its sets
        return found

    def name_row(self) -> str:
        """A name that no other row has."""
        return f"n{next(self._numbers)}"


@dataclass(frozen=True, slots=True)
class RowVariable:
    """A lambda variable that stands for a row, and the name that this row has."""

    name: str
    entity_type: EntityType
    row: str


class TextBudget:
    """Characters that the texts of a row may still have together."""

    def __init__(self) -> None:
        self._left = MOST_TEXT

    def spend(self, characters: int) -> bool:
        """Whether there were as many left."""
        self._left -= characters
        return self._left >= 0


def _uses() -> Iterator[int]:
    return iter(range(_MAX_USES))


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the entity type, the aliases of the URL, the lambda variable if inside one.

    Bare names are those of `row`, $it's are those of `it`, which is the same row when it is None;
    see `gateway.query.tree.expressions.NavigationPath`. `variables` are other rows; without
    `others` no navigation property leads to any.

    Inside of $expand (`is_inner`) $it would be the row that the URL is about, which is not at hand.

    `option` names the option for messages; `computed` are the items of $compute that can be used
    here; `open_aliases` are being resolved, to refuse a circle. `uses` of aliases, computed
    properties and transformations run out: one of the other could spell an expression larger than
    any URL. So do the characters of `texts` that are put together. `depth` counts how deep the
    expression is; a chain of one connective is one level.
    """

    entity_type: EntityType
    aliases: tuple[tuple[str, Expr], ...] = ()
    option: str = "$filter"
    computed: tuple[ComputeItem, ...] = ()
    moment: Moment | None = None
    variable: str | None = None
    element: PrimitiveType | None = None
    open_aliases: frozenset[str] = frozenset()
    uses: Iterator[int] = field(default_factory=_uses)
    texts: TextBudget = field(default_factory=TextBudget)
    depth: int = 0
    row: str = ""
    it: tuple[EntityType, str] | None = None
    variables: tuple[RowVariable, ...] = ()
    others: ReferencedSets | None = None
    is_inner: bool = False

    def row_variable(self, name: str) -> RowVariable | None:
        """The innermost variable of this name."""
        return next((v for v in reversed(self.variables) if v.name == name), None)

    def for_option(self, option: str) -> Scope:
        """The same names in another option."""
        return replace(self, option=option, uses=_uses(), texts=TextBudget())

    def use(self) -> None:
        """Count one use of an alias or a computed property, or one transformation.

        Raises:
            LimitExceeded: there were too many.
        """
        if next(self.uses, None) is None:
            raise LimitExceeded(
                f"{self.option}: more than {_MAX_USES} parameter aliases, computed properties and"
                " transformations are used; write values out or ask for less at once",
                target=self.option,
            )

    def make_text(self, expr: BoundExpr) -> None:
        """Count a text that is put together for each row.

        Raises:
            LimitExceeded: they may become too long.
        """
        if not self.texts.spend(width_of(expr)):
            raise LimitExceeded(
                f"{self.option}: the texts that are put together for each row may have more than"
                f" {MOST_TEXT} characters; use shorter literals and fewer calls",
                target=self.option,
            )

    def mismatch(self, what: str) -> TypeMismatch:
        """400: types that do not go together."""
        return TypeMismatch(f"{self.option}: {what}", target=self.option)

    def invalid(self, what: str) -> InvalidValue:
        """400: a value outside its range."""
        return InvalidValue(f"{self.option}: {what}", target=self.option)

    def unsupported(self, expr: Expr, feature: str = "") -> NotSupported:
        """501: legal OData that is not evaluated here."""
        return NotSupported(
            f"{self.option}: {quoted(expr)} uses {feature or _feature(expr)}, which this service"
            " does not evaluate; leave it to the client",
            target=self.option,
        )


def find_property(name: str, scope: Scope, known: tuple[str, ...] = ()) -> Property:
    """The property `name`; `known` are all names that may have been meant.

    Raises:
        UnknownName: with the nearest name that exists.
    """
    found = scope.entity_type.find(name)
    if found is None:
        computed = (item.alias for item in scope.computed)
        hint = nearest(name, (*(known or scope.entity_type.names), *computed))
        raise UnknownName(
            f"{scope.option}: {scope.entity_type.name} has no property {name!r}"
            f"{hint or _way_out(name, scope)}",
            target=scope.option,
        )
    return found


def _way_out(name: str, scope: Scope) -> str:
    """What may have been meant by a name that is near to none."""
    variables = [variable.name for variable in scope.variables]
    if scope.variable is not None:
        variables.append(scope.variable)
    in_reach = f"; variables in reach: {', '.join(variables)}" if variables else ""
    if scope.option == "$filter":
        return f"{in_reach}; text stands in single quotes: '{name}'"
    listed = "; $metadata lists them" if scope.entity_type.key else ""
    return in_reach or listed


def quoted(expr: Expr) -> str:
    """The expression as OData text, cut when it is long."""
    text = unparse(expr)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _feature(expr: Expr) -> str:
    match expr:
        case Call(name, _):
            return f"the function {name}"
        case Binary(operator, _, _) | Unary(operator, _):
            return f"the operator {operator}"
        case _:
            return f"the construct {type(expr).__name__}"
