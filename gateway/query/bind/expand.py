"""$expand: the related rows included with each row, and their options (URL Conventions 5.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from gateway.edm.model import EntityType, NavigationProperty
from gateway.errors import (
    InvalidValue,
    LimitExceeded,
    NotSupported,
    OptionNotAllowed,
    UnknownName,
)
from gateway.query.bind.misplaced import expanded_below_row, expanded_property
from gateway.query.bind.placement import given_options
from gateway.query.bind.scope import ReferencedSets
from gateway.query.bind.suggest import nearest
from gateway.query.tree.expressions import THIS_ROW, BoundOrder, ColumnRef, NavigationPath
from gateway.query.tree.queries import BoundExpand, BoundQuery, ExpandForm
from gateway.query.tree.transformations import POSITION
from grammar import ExpandItem, QueryOptions

BindNested: TypeAlias = Callable[[NavigationPath, QueryOptions], BoundQuery]
"""Binds the options of an item to the rows at the end of the path."""

MAX_DEPTH = 5
_MAX_ITEMS = 30
_OTHER_ROW = "t"
_OF_ONE = frozenset({"$select", "$expand", "$compute"})
_OF_MANY = _OF_ONE | {"$filter", "$search", "$orderby", "$skip", "$top", "$count"}
_ALLOWED = {
    ExpandForm.ENTITIES: _OF_MANY,
    ExpandForm.REFERENCES: _OF_MANY - _OF_ONE,
    ExpandForm.COUNT: frozenset({"$filter", "$search"}),
}


def bind_expand(
    items: tuple[ExpandItem, ...],
    entity_type: EntityType,
    referenced_sets: ReferencedSets,
    bind: BindNested,
    depth: int,
) -> tuple[BoundExpand, ...]:
    """Bind each item once, in the order written; `*` means all that are not named.

    Raises:
        UnknownName: no such navigation property.
        InvalidValue: one that is named twice.
        LimitExceeded: too many items, or too many levels.
        NotSupported, OptionNotAllowed: options that are not evaluated, or have no meaning there.
    """
    if len(items) > _MAX_ITEMS or (items and depth >= MAX_DEPTH):
        raise LimitExceeded(
            f"$expand: at most {_MAX_ITEMS} items and {MAX_DEPTH} levels are allowed; load the"
            " other tables and join them in the client",
            target="$expand",
        )
    named = [item for item in items if item.path != ("*",)]
    found = [_item(item, entity_type, referenced_sets, bind) for item in named]
    names = [item.path.navigation.name for item in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise InvalidValue(
            f"$expand: {min(doubled)} is named twice; name it once", target="$expand"
        )
    for item in items:
        if item.path == ("*",):
            rest = (one for one in entity_type.navigation if one.name not in names)
            found += [_all(item, one, referenced_sets, bind) for one in rest]
            break
    return tuple(found)


def _item(
    item: ExpandItem, entity_type: EntityType, referenced_sets: ReferencedSets, bind: BindNested
) -> BoundExpand:
    form = ExpandForm(item.suffix) if item.suffix else ExpandForm.ENTITIES
    navigation = _find(item, entity_type, referenced_sets)
    options = item.options or QueryOptions()
    _check_options(options, navigation, form)
    return _bound(navigation, options, form, referenced_sets, bind)


def _all(
    item: ExpandItem,
    navigation: NavigationProperty,
    referenced_sets: ReferencedSets,
    bind: BindNested,
) -> BoundExpand:
    if item.options is not None and given_options(item.options):
        raise NotSupported(
            "$expand: options of * are not evaluated; name the navigation properties",
            target="$expand",
        )
    if item.suffix not in ("", ExpandForm.REFERENCES):
        raise InvalidValue(
            f"$expand: */{item.suffix} has no meaning, because some navigation properties lead to"
            f" one row; name the navigation properties, e.g. {navigation.name}",
            target="$expand",
        )
    form = ExpandForm(item.suffix) if item.suffix else ExpandForm.ENTITIES
    return _bound(navigation, QueryOptions(), form, referenced_sets, bind)


def _bound(
    navigation: NavigationProperty,
    options: QueryOptions,
    form: ExpandForm,
    referenced_sets: ReferencedSets,
    bind: BindNested,
) -> BoundExpand:
    path = NavigationPath(
        navigation, referenced_sets.enter(navigation.target), THIS_ROW, _OTHER_ROW
    )
    query = bind(path, options)
    order = (*query.orderby, BoundOrder(ColumnRef(POSITION)))
    shown = replace(query, orderby=order, references=form is ExpandForm.REFERENCES)
    return BoundExpand(path, shown, form)


def _find(
    item: ExpandItem, entity_type: EntityType, referenced_sets: ReferencedSets
) -> NavigationProperty:
    found = entity_type.find_navigation(item.path[0])
    if found is None:
        prop = entity_type.find(item.path[0])
        if prop is not None:
            raise expanded_property(prop)
        hint = nearest(item.path[0], (known.name for known in entity_type.navigation))
        raise UnknownName(
            f"$expand: {entity_type.name} has no navigation property {'/'.join(item.path)!r}{hint}",
            target="$expand",
        )
    if len(item.path) > 1:
        raise expanded_below_row(item, found, referenced_sets.type_of(found.target))
    if item.suffix == ExpandForm.COUNT and not found.collection:
        raise InvalidValue(
            f"$expand: {found.name} is one row, which has no /$count; write {found.name} alone",
            target="$expand",
        )
    return found


def _check_options(options: QueryOptions, navigation: NavigationProperty, form: ExpandForm) -> None:
    allowed = _ALLOWED[form] if navigation.collection else _ALLOWED[form] & _OF_ONE
    for name in given_options(options):
        if name in ("$levels", "$apply"):
            raise NotSupported(
                f"$expand: {name} of {navigation.name} is not evaluated; query"
                f" {navigation.target} instead",
                target="$expand",
            )
        if name not in allowed:
            raise OptionNotAllowed(
                f"$expand: {name} has no meaning for {navigation.name}; leave it out",
                target="$expand",
            )
