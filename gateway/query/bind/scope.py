"""The meaning of names in an expression, and the errors that all binders share."""

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
from gateway.query.bind.text_widths import MAX_TEXT_CHARACTERS, width_of
from gateway.query.tree.expressions import BoundExpr
from grammar import Binary, Call, ComputeItem, Expr, Unary, unparse

_MAX_USES = 100


class Moment:
    """The value of now(), the same throughout a request (URL Conventions 5.1.1.8.9).

    `used` is true if the response depends on it.
    """

    def __init__(self, value: datetime) -> None:
        self._value = value
        self.used = False

    def read(self) -> datetime:
        """Return the moment, with its time zone, and note that it was used."""
        self.used = True
        return self._value

    @property
    def if_used(self) -> datetime | None:
        """Return the moment, or None if nothing depends on it."""
        return self._value if self.used else None


class ReferencedSets:
    """The entity sets that a request navigates to, and names for their rows."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._entered: dict[str, None] = {}
        self._numbers = count(1)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the sets, in the order in which they were first entered."""
        return tuple(self._entered)

    def enter(self, set_name: str) -> EntitySet:
        """Return the set that a navigation property leads to, and count it as referenced."""
        found = self._set(set_name)
        self._entered[set_name] = None
        return found

    def type_of(self, set_name: str) -> EntityType:
        """Return the entity type at the end of a navigation property without following it."""
        return self._set(set_name).entity_type

    def _set(self, set_name: str) -> EntitySet:
        found = self._schema.find_set(set_name)
        assert found is not None  # noqa: S101 - navigation leads to sets of the contract
        return found

    def name_row(self) -> str:
        """Return a name that no other row has."""
        return f"n{next(self._numbers)}"


@dataclass(frozen=True, slots=True)
class RowVariable:
    """A lambda variable whose value is a row, and the name of that row."""

    name: str
    entity_type: EntityType
    row: str


class TextBudget:
    """The number of characters that the computed texts of a row may still have together."""

    def __init__(self) -> None:
        self._left = MAX_TEXT_CHARACTERS

    def spend(self, characters: int) -> bool:
        """Spend characters; return False if there were not enough left."""
        self._left -= characters
        return self._left >= 0


def _uses() -> Iterator[int]:
    return iter(range(_MAX_USES))


@dataclass(frozen=True, slots=True)
class Scope:
    """Names and their meaning: the entity type, the URL's aliases, the lambda variable if any.

    Bare names belong to `row`, names after $it to `it`, which is the same row if None; see
    `gateway.query.tree.expressions.NavigationPath`. `variables` are other rows. Without
    `referenced_sets`, navigation properties are refused.

    Inside of $expand (`is_inner`), $it would be a row of the outer query, which is not available.

    `option` names the option for messages; `computed` are the items of $compute that can be used
    here; `open_aliases` are being resolved, to refuse a cycle. `uses` limits aliases, computed
    properties and transformations, because nested ones can expand to an expression larger than
    any URL. `texts` limits the characters of computed texts. `depth` is the depth of the
    expression; a chain of one connective is one level.
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
    referenced_sets: ReferencedSets | None = None
    is_inner: bool = False

    def row_variable(self, name: str) -> RowVariable | None:
        """Return the innermost variable of this name."""
        return next((v for v in reversed(self.variables) if v.name == name), None)

    def for_option(self, option: str) -> Scope:
        """Return the same names for another option."""
        return replace(self, option=option, uses=_uses(), texts=TextBudget())

    def use(self) -> None:
        """Count one use of an alias or a computed property, or one transformation.

        Raises:
            LimitExceeded: there were too many.
        """
        if next(self.uses, None) is None:
            raise LimitExceeded(
                f"{self.option}: more than {_MAX_USES} parameter aliases, computed properties and"
                " transformations are used; write values out or split the query",
                target=self.option,
            )

    def make_text(self, expr: BoundExpr) -> None:
        """Count a text that is computed for each row.

        Raises:
            LimitExceeded: the texts may become too long.
        """
        if not self.texts.spend(width_of(expr)):
            raise LimitExceeded(
                f"{self.option}: the texts computed for each row could exceed"
                f" {MAX_TEXT_CHARACTERS} characters; use shorter literals and fewer calls",
                target=self.option,
            )

    def mismatch(self, what: str) -> TypeMismatch:
        """Return the error (400) for types that do not go together."""
        return TypeMismatch(f"{self.option}: {what}", target=self.option)

    def invalid(self, what: str) -> InvalidValue:
        """Return the error (400) for a value outside its range."""
        return InvalidValue(f"{self.option}: {what}", target=self.option)

    def unsupported(self, expr: Expr, feature: str = "") -> NotSupported:
        """Return the error (501) for legal OData that is not evaluated here."""
        return NotSupported(
            f"{self.option}: {quoted(expr)} uses {feature or _feature(expr)}, which this service"
            " does not evaluate; apply it in the client",
            target=self.option,
        )


def find_property(name: str, scope: Scope, known: tuple[str, ...] = ()) -> Property:
    """Return the property `name`; `known` are all names to suggest from.

    Raises:
        UnknownName: with the nearest name that exists.
    """
    found = scope.entity_type.find(name)
    if found is None:
        raise unknown_property(name, scope, known)
    return found


def unknown_property(name: str, scope: Scope, known: tuple[str, ...] = ()) -> UnknownName:
    """Return the error for a name that no property has; `known` are all names to suggest from."""
    computed = (item.alias for item in scope.computed)
    hint = nearest(name, (*(known or scope.entity_type.names), *computed))
    return UnknownName(
        f"{scope.option}: {scope.entity_type.name} has no property {name!r}"
        f"{hint or _remedy(name, scope)}",
        target=scope.option,
    )


def _remedy(name: str, scope: Scope) -> str:
    """Return a hint for a name that is similar to no other."""
    variables = [variable.name for variable in scope.variables]
    if scope.variable is not None:
        variables.append(scope.variable)
    in_scope = f"; variables in scope: {', '.join(variables)}" if variables else ""
    if scope.option == "$filter":
        return f"{in_scope}; write text in single quotes: '{name}'"
    listed = "; $metadata lists them" if scope.entity_type.key else ""
    return in_scope or listed


def quoted(expr: Expr) -> str:
    """Return the expression as OData text, shortened if it is long."""
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
