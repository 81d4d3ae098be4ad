"""$expand: which other rows come along with each row, and what of them (URL Conventions 5.1.3)."""

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
from gateway.query.bind.placement import given_options
from gateway.query.bind.scope import ReferencedSets
from gateway.query.bind.suggest import nearest
from gateway.query.tree.expressions import THIS_ROW, BoundOrder, ColumnRef, NavigationPath
from gateway.query.tree.queries import BoundExpand, BoundQuery, ExpandForm
from gateway.query.tree.transformations import POSITION
from grammar import ExpandItem, QueryOptions

BindNested: TypeAlias = Callable[[NavigationPath, QueryOptions], BoundQuery]
"""Binds the options of an item on the rows that the way leads to."""

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
    others: ReferencedSets,
    bind: BindNested,
    depth: int,
) -> tuple[BoundExpand, ...]:
    """Each way once, in the order written; `*` are all that are not named.

    Raises:
        UnknownName: no such navigation property.
        InvalidValue: one that stands twice.
        LimitExceeded: too many, or too deep in each other.
        NotSupported, OptionNotAllowed: options that are not evaluated, or have no meaning there.
    """
    if len(items) > _MAX_ITEMS or (items and depth >= MAX_DEPTH):
        raise LimitExceeded(
            f"$expand: at most {_MAX_ITEMS} items, and {MAX_DEPTH} levels inside of each other;"
            " ask for the other tables themselves and let the client join them",
            target="$expand",
        )
    named = [item for item in items if item.path != ("*",)]
    found = [_item(item, entity_type, others, bind) for item in named]
    names = [item.way.navigation.name for item in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise InvalidValue(f"$expand: {min(doubled)} stands twice; name it once", target="$expand")
    for item in items:
        if item.path == ("*",):
            rest = (way for way in entity_type.navigation if way.name not in names)
            found += [_all(item, way, others, bind) for way in rest]
            break
    return tuple(found)


def _item(
    item: ExpandItem, entity_type: EntityType, others: ReferencedSets, bind: BindNested
) -> BoundExpand:
    form = ExpandForm(item.suffix) if item.suffix else ExpandForm.ENTITIES
    navigation = _find(item, entity_type)
    options = item.options or QueryOptions()
    _check_options(options, navigation, form)
    return _bound(navigation, options, form, others, bind)


def _all(
    item: ExpandItem,
    navigation: NavigationProperty,
    others: ReferencedSets,
    bind: BindNested,
) -> BoundExpand:
    if item.options is not None and given_options(item.options):
        raise NotSupported(
            "$expand: options behind * are not evaluated; name the navigation properties",
            target="$expand",
        )
    if item.suffix not in ("", ExpandForm.REFERENCES):
        raise InvalidValue(
            f"$expand: */{item.suffix} has no meaning, because not all are several rows; name the"
            f" navigation properties, e.g. {navigation.name}",
            target="$expand",
        )
    form = ExpandForm(item.suffix) if item.suffix else ExpandForm.ENTITIES
    return _bound(navigation, QueryOptions(), form, others, bind)


def _bound(
    navigation: NavigationProperty,
    options: QueryOptions,
    form: ExpandForm,
    others: ReferencedSets,
    bind: BindNested,
) -> BoundExpand:
    way = NavigationPath(navigation, others.enter(navigation.target), THIS_ROW, _OTHER_ROW)
    query = bind(way, options)
    order = (*query.orderby, BoundOrder(ColumnRef(POSITION)))
    shown = replace(query, orderby=order, references=form is ExpandForm.REFERENCES)
    return BoundExpand(way, shown, form)


def _find(item: ExpandItem, entity_type: EntityType) -> NavigationProperty:
    found = entity_type.find_navigation(item.path[0])
    if found is None:
        hint = nearest(item.path[0], (way.name for way in entity_type.navigation))
        raise UnknownName(
            f"$expand: {entity_type.name} has no navigation property {'/'.join(item.path)!r}{hint}",
            target="$expand",
        )
    if len(item.path) > 1:
        inner = "/".join(item.path[1:])
        raise UnknownName(
            f"$expand: nothing can follow {found.name}; what is behind it goes inside:"
            f" {found.name}($expand={inner})",
            target="$expand",
        )
    if item.suffix == ExpandForm.COUNT and not found.collection:
        raise InvalidValue(f"$expand: {found.name} is one row, which has no /$count")
    return found


def _check_options(options: QueryOptions, navigation: NavigationProperty, form: ExpandForm) -> None:
    allowed = _ALLOWED[form] if navigation.collection else _ALLOWED[form] & _OF_ONE
    for name in given_options(options):
        if name in ("$levels", "$apply"):
            raise NotSupported(
                f"$expand: {name} behind {navigation.name} is not evaluated; ask for"
                f" {navigation.target} itself",
                target="$expand",
            )
        if name not in allowed:
            raise OptionNotAllowed(
                f"$expand: {name} has no meaning behind {navigation.name}", target="$expand"
            )
