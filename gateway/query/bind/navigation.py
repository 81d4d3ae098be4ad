"""Paths in expressions that lead to other rows (URL Conventions 5.1.1.15, 5.1.1.13)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.edm.model import EntityType, NavigationProperty, Property
from gateway.errors import NotSupported
from gateway.query.bind.misplaced import below_property, row_as_value, rows_as_value
from gateway.query.bind.scope import RowVariable, Scope, find_property
from gateway.query.tree.expressions import THIS_ROW, BoundExpr, NavigationPath, Reached
from grammar import Expr, Member, Name, Special


@dataclass(frozen=True, slots=True)
class RowPath:
    """A row that an expression leads to: its type, its name, and the steps to it."""

    entity_type: EntityType
    row: str
    steps: tuple[NavigationPath, ...] = ()

    def value(self, expr: BoundExpr) -> BoundExpr:
        """Return a value of that row as a value of the row that the path starts from."""
        for step in reversed(self.steps):
            expr = Reached(step, expr)
        return expr


def find_row(expr: Expr, scope: Scope) -> RowPath | None:
    """Return the single row that a path leads to; None if it leads to something else.

    Raises:
        TypeMismatch: it continues after a collection.
        NotSupported: navigation where it is not evaluated.
    """
    match expr:
        case Special("$it") if scope.is_inner:
            raise scope.unsupported(expr, "$it inside of $expand")
        case Special("$it"):
            return RowPath(*(scope.it or (scope.entity_type, scope.row)))
        case Special("$this"):
            return RowPath(scope.entity_type, scope.row)
        case Name(name) if (variable := scope.row_variable(name)) is not None:
            return RowPath(variable.entity_type, variable.row)
        case Name(name):
            return _along(RowPath(scope.entity_type, scope.row), name, scope)
        case Member(base, name):
            start = find_row(base, scope)
            return None if start is None else _along(start, name, scope)
        case _:
            return None


def find_member(expr: Expr, scope: Scope) -> tuple[RowPath, Property] | None:
    """Return the property at the end of a path, and its row; None if there is no such path.

    Raises:
        UnknownName: the row has no such property.
    """
    grouped = _grouped_by(expr, scope)
    if grouped is not None:
        return RowPath(scope.entity_type, scope.row), grouped
    if isinstance(expr, Name) and scope.row_variable(expr.name) is not None:
        name = expr.name
        raise scope.mismatch(f"{name} is a row; name one of its values: {name}/...")
    found = _last_step(expr, scope)
    if found is None:
        return None
    start, last = found
    navigation = start.entity_type.find_navigation(last)
    if navigation is not None:
        raise row_as_value(path_name(expr) or last, navigation, scope)
    inside_row, known = replace(scope, entity_type=start.entity_type), start.entity_type.all_names
    return start, find_property(last, inside_row, known)


def path_name(expr: Expr) -> str:
    """Return a path as text, `user/name`; empty if the expression is not a path from the row."""
    match expr:
        case Name(name):
            return name
        case Member(Special("$it"), name):
            return name
        case Member(base, name):
            start = path_name(base)
            return f"{start}/{name}" if start else ""
        case _:
            return ""


def _grouped_by(expr: Expr, scope: Scope) -> Property | None:
    """Return the property that rows have because they were grouped by this path."""
    name = path_name(expr)
    if "/" not in name or scope.row_variable(name.partition("/")[0]) is not None:
        return None
    return scope.entity_type.find(name)


def find_value(expr: Expr, scope: Scope) -> tuple[RowPath, Property]:
    """Return what `find_member` returns, or raise.

    Raises:
        NotSupported: it is not a path to a property.
    """
    found = find_member(expr, scope)
    if found is None:
        _check_first_step(expr, scope)
        raise scope.unsupported(expr)
    return found


def _check_first_step(expr: Expr, scope: Scope) -> None:
    """Raise if the first name of a path is unknown or cannot be followed."""
    if not isinstance(expr, Member):
        return
    first: Expr = expr
    while isinstance(first, Member):
        first = first.base
    if not isinstance(first, Name) or scope.row_variable(first.name) is not None:
        return
    if scope.entity_type.find_navigation(first.name) is None:
        variables = (variable.name for variable in scope.variables)
        prop = find_property(first.name, scope, (*scope.entity_type.all_names, *variables))
        raise below_property(prop, scope)


def find_rows(expr: Expr, scope: Scope) -> tuple[RowPath, NavigationPath] | None:
    """Return the row that the last step of a path starts from, and that step.

    None if the path does not lead to several rows.
    """
    found = _last_step(expr, scope)
    if found is None:
        return None
    start, last = found
    navigation = start.entity_type.find_navigation(last)
    if navigation is None or not navigation.collection:
        return None
    return start, enter(start, navigation, scope)


def _last_step(expr: Expr, scope: Scope) -> tuple[RowPath, str] | None:
    """Return the row before the last name of a path, and that name; None if it is not a path."""
    match expr:
        case Name(name):
            return RowPath(scope.entity_type, scope.row), name
        case Member(base, name):
            start = find_row(base, scope)
            return None if start is None else (start, name)
        case _:
            return None


def enter(start: RowPath, navigation: NavigationProperty, scope: Scope) -> NavigationPath:
    """Return the step from a row; the rows at its end get a new name."""
    if scope.referenced_sets is None:
        raise NotSupported(
            f"{scope.option}: the navigation property {navigation.name} cannot be used here; query"
            f" {navigation.target} instead",
            target=scope.option,
        )
    if scope.element is not None:
        raise NotSupported(
            f"{scope.option}: the navigation property {navigation.name} cannot be used inside any"
            " or all over values; write the condition outside of them",
            target=scope.option,
        )
    target = scope.referenced_sets.enter(navigation.target)
    return NavigationPath(
        navigation, target, start.row or THIS_ROW, scope.referenced_sets.name_row()
    )


def inside(path: NavigationPath, scope: Scope, variable: str | None = None) -> Scope:
    """Return the scope of a condition on related rows; without a variable their names are bare."""
    target = path.target.entity_type
    outer = replace(scope, row=scope.row or THIS_ROW)
    if variable is None:
        it = scope.it or (scope.entity_type, outer.row)
        return replace(outer, entity_type=target, row=path.to, it=it, computed=())
    found = RowVariable(variable, target, path.to)
    return replace(outer, variables=(*scope.variables, found))


def _along(start: RowPath, name: str, scope: Scope) -> RowPath | None:
    navigation = start.entity_type.find_navigation(name)
    if navigation is None:
        return None
    if navigation.collection:
        raise rows_as_value(name, "are several rows", scope)
    step = enter(start, navigation, scope)
    return RowPath(step.target.entity_type, step.to, (*start.steps, step))
