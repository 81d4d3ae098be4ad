"""Errors for paths that name something that cannot be used in their place, with what can be."""

from __future__ import annotations

from dataclasses import replace

from gateway.edm.model import EntityType, NavigationProperty, Property
from gateway.errors import GatewayError, UnknownName
from gateway.query.bind.scope import Scope, unknown_property
from grammar import ExpandItem, QueryOptions, SelectItem, unparse


def row_as_value(path: str, navigation: NavigationProperty, scope: Scope) -> GatewayError:
    """Return the error for related rows where a value is needed."""
    if navigation.collection:
        return rows_as_value(path, "leads to other rows", scope)
    return scope.mismatch(
        f"{path} leads to other rows; {_of_their_values(path, navigation, scope)}"
    )


def rows_as_value(path: str, fault: str, scope: Scope) -> GatewayError:
    """Return the error for several related rows where a value is needed; `fault` says so."""
    uses = f"{path}/$count, {path}/any(x:x/... eq ...) or {path}/all(x:x/... eq ...)"
    if scope.option == "$orderby":
        uses = f"{path}/$count"
    if scope.option == "$apply":
        uses += f"; only aggregate takes their values, aggregate({path}/... with max as x)"
    return scope.mismatch(f"{path} {fault}; write {uses}")


def values_as_value(prop: Property, scope: Scope) -> GatewayError:
    """Return the error for a list of values where one value is needed."""
    name = prop.name
    uses = f"sort by {name}/$count"
    if scope.option != "$orderby":
        uses = f"test its elements, e.g. {name}/any(x:x eq ...), or count them: {name}/$count"
    return scope.mismatch(f"{name} is a collection; {uses}")


def row_as_collection(
    path: str, feature: str, navigation: NavigationProperty, scope: Scope
) -> GatewayError:
    """Return the error for `any`, `all` or `/$count` of a single related row."""
    return scope.mismatch(
        f"{path} is one row, and {feature} needs a collection;"
        f" {_of_their_values(path, navigation, scope)}, or test whether it exists: {path} ne null"
    )


def _of_their_values(path: str, navigation: NavigationProperty, scope: Scope) -> str:
    return f"name one of their values, e.g. {path}/{_example(_target(navigation, scope))}"


def _example(entity_type: EntityType) -> str:
    """Return the name of a property, of one that is no key if there is any."""
    others = (name for name in entity_type.names if name not in entity_type.key)
    return next(others, entity_type.names[0])


def below_property(prop: Property, scope: Scope) -> GatewayError:
    """Return the error for a path that goes on after a property."""
    if prop.collection:
        uses = f"use {prop.name}/any(x:x eq ...) or {prop.name}/$count"
        return scope.mismatch(f"nothing can follow {prop.name}, which holds values; {uses}")
    return scope.mismatch(
        f"nothing can follow {prop.name}, which has a primitive type; write {prop.name} alone"
    )


def selected_below_property(item: SelectItem, scope: Scope) -> GatewayError:
    """Return the error for an item of $select that goes below a property."""
    name = item.path[0]
    return UnknownName(
        f"$select: {unparse(item)} goes below a property, but {scope.entity_type.name} has"
        f" only primitive properties; select {name} alone",
        target="$select",
    )


def selected_below_row(
    item: SelectItem, navigation: NavigationProperty, scope: Scope
) -> GatewayError:
    """Return the error for an item of $select that goes below related rows.

    It names the options that request the same; the property if the related rows have no such one.
    """
    name, inner = navigation.name, item.path[1:]
    target = _target(navigation, scope)
    if inner and inner[0] not in target.all_names:
        return unknown_property(inner[0], replace(scope, entity_type=target), target.all_names)
    if not inner:
        instead = f"$expand={name}({_options(item.options)})"
    elif target.find(inner[0]) is None:
        instead = f"$expand={name}($expand={inner[0]})"
    else:
        instead = f"$expand={name}($select={inner[0]})"
        if not navigation.collection:
            instead += f" or $compute={name}/{inner[0]} as {_alias(name, inner[0], scope)}"
    return scope.invalid(
        f"{unparse(item)} is not a property of {scope.entity_type.name} itself but of related rows;"
        f" write {instead}"
    )


def _alias(name: str, inner: str, scope: Scope) -> str:
    """Return a name for a value of a related row that no property has, whatever its case."""
    taken = {known.lower() for known in scope.entity_type.all_names}
    alias = name + inner[:1].upper() + inner[1:]
    return f"{name}_{inner}" if alias.lower() in taken else alias


def _options(options: QueryOptions | None) -> str:
    return "" if options is None else unparse(options).replace("&", ";")


def _target(navigation: NavigationProperty, scope: Scope) -> EntityType:
    assert scope.referenced_sets is not None  # noqa: S101 - `enter` refuses all navigation then
    return scope.referenced_sets.type_of(navigation.target)


def expanded_below_row(
    item: ExpandItem, navigation: NavigationProperty, target: EntityType
) -> GatewayError:
    """Return the error for an item of $expand that goes below related rows."""
    name, inner = navigation.name, "/".join(item.path[1:])
    option = "$select" if target.find(item.path[1]) is not None else "$expand"
    return UnknownName(
        f"$expand: {inner} cannot follow {name}; write it in parentheses: {name}({option}={inner})",
        target="$expand",
    )


def expanded_property(prop: Property) -> GatewayError:
    """Return the error for a property in $expand."""
    return UnknownName(
        f"$expand: {prop.name} is a property and leads to no other rows; write $select={prop.name}",
        target="$expand",
    )
