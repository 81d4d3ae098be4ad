"""Paths in expressions that lead to other rows (URL Conventions 5.1.1.15, 5.1.1.13)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.edm.model import EntityType, NavigationProperty, Property
from gateway.errors import NotSupported, TypeMismatch
from gateway.query.bind.scope import RowVariable, Scope, find_property
from gateway.query.tree.expressions import THIS_ROW, BoundExpr, NavigationPath, Reached
from grammar import Expr, Member, Name, Special


@dataclass(frozen=True, slots=True)
class RowPath:
    """A row that an expression leads to: of which type, under which name, along which ways."""

    entity_type: EntityType
    row: str
    ways: tuple[NavigationPath, ...] = ()

    def value(self, expr: BoundExpr) -> BoundExpr:
        """A value of that row, as a value of the row that the path begins at."""
        for way in reversed(self.ways):
            expr = Reached(way, expr)
        return expr


def find_row(expr: Expr, scope: Scope) -> RowPath | None:
    """The single row that a path leads to; None when it leads to something else.

    Raises:
        TypeMismatch: it goes on behind a collection.
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
    """The property at the end of a path, and whose it is; None when that is no path to one.

    Raises:
        UnknownName: there is a row, which has no such property.
    """
    grouped = _grouped_by(expr, scope)
    if grouped is not None:
        return RowPath(scope.entity_type, scope.row), grouped
    if isinstance(expr, Name) and scope.row_variable(expr.name) is not None:
        name = expr.name
        raise scope.mismatch(f"{name} stands for a row; name one of its values: {name}/...")
    found = _last_step(expr, scope)
    if found is None:
        return None
    start, last = found
    if start.entity_type.find_navigation(last) is not None:
        raise scope.mismatch(f"{last} leads to other rows; name one of their values: {last}/...")
    inside_row, known = replace(scope, entity_type=start.entity_type), start.entity_type.all_names
    return start, find_property(last, inside_row, known)


def path_name(expr: Expr) -> str:
    """Return a path as text, `user/name`; empty when the expression is no path from the row."""
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
    """As `find_member`, where nothing else will do.

    Raises:
        NotSupported: it is no path to a property.
    """
    found = find_member(expr, scope)
    if found is None:
        _check_first_step(expr, scope)
        raise scope.unsupported(expr)
    return found


def _check_first_step(expr: Expr, scope: Scope) -> None:
    """A path that leads nowhere because of the name that it begins with."""
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
        raise scope.mismatch(f"nothing can follow {prop.name}, which is of a primitive type")


def find_rows(expr: Expr, scope: Scope) -> tuple[RowPath, NavigationPath] | None:
    """The way to the rows that a path through a collection leads to, and where it begins.

    None when the path leads to no such rows.
    """
    found = _last_step(expr, scope)
    if found is None:
        return None
    start, last = found
    way = start.entity_type.find_navigation(last)
    if way is None or not way.collection:
        return None
    return start, enter(start, way, scope)


def _last_step(expr: Expr, scope: Scope) -> tuple[RowPath, str] | None:
    """The row that the last name of a path is about, and that name; None when it is no path."""
    match expr:
        case Name(name):
            return RowPath(scope.entity_type, scope.row), name
        case Member(base, name):
            start = find_row(base, scope)
            return None if start is None else (start, name)
        case _:
            return None


def enter(start: RowPath, navigation: NavigationProperty, scope: Scope) -> NavigationPath:
    """The way from a row; the rows it leads to get a name of their own."""
    if scope.others is None:
        raise NotSupported(
            f"{scope.option}: the way {navigation.name} is not evaluated here; ask for the rows of"
            f" {navigation.target} themselves",
            target=scope.option,
        )
    if scope.element is not None:
        raise NotSupported(
            f"{scope.option}: the way {navigation.name} inside of any and all over values is not"
            " evaluated; write the condition outside of them",
            target=scope.option,
        )
    target = scope.others.enter(navigation.target)
    return NavigationPath(navigation, target, start.row or THIS_ROW, scope.others.name_row())


def inside(way: NavigationPath, scope: Scope, variable: str | None = None) -> Scope:
    """The names in a condition on other rows: by a variable, or else on their own."""
    target = way.target.entity_type
    outer = replace(scope, row=scope.row or THIS_ROW)
    if variable is None:
        it = scope.it or (scope.entity_type, outer.row)
        return replace(outer, entity_type=target, row=way.to, it=it, computed=())
    found = RowVariable(variable, target, way.to)
    return replace(outer, variables=(*scope.variables, found))


def _along(start: RowPath, name: str, scope: Scope) -> RowPath | None:
    navigation = start.entity_type.find_navigation(name)
    if navigation is None:
        return None
    if navigation.collection:
        raise TypeMismatch(
            f"{scope.option}: {name} are several rows; ask for them by any, all or /$count, e.g."
            f" {name}/any(x:x/... eq ...)",
            target=scope.option,
        )
    way = enter(start, navigation, scope)
    return RowPath(way.target.entity_type, way.to, (*start.ways, way))
