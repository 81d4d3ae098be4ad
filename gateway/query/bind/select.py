"""$select: the shown properties, and the shown parts of lists (URL Conventions 5.1.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.edm.model import Property
from gateway.errors import NotSupported, OptionNotAllowed
from gateway.query.bind.collections import value_condition
from gateway.query.bind.expressions import bind_predicate
from gateway.query.bind.misplaced import selected_below_property, selected_below_row
from gateway.query.bind.placement import given_options
from gateway.query.bind.scope import Scope, find_property
from gateway.query.tree.expressions import ComputedProperty
from gateway.query.tree.queries import ValuesView
from grammar import OrderItem, QueryOptions, SelectItem, Special

_ALL = ("*",)
_OF_VALUES = frozenset({"$filter", "$search", "$orderby", "$skip", "$top", "$count"})


@dataclass(frozen=True, slots=True)
class Selected:
    """Properties in wire order, each once; `by_client` is true if the client chose them.

    `navigation` names the chosen navigation properties, which show up only in the context URL.
    """

    properties: tuple[Property, ...]
    by_client: bool
    navigation: tuple[str, ...]
    views: tuple[ValuesView, ...]


def bind_select(
    items: tuple[SelectItem, ...],
    scope: Scope,
    all_properties: tuple[Property, ...],
    computed: tuple[ComputedProperty, ...],
) -> Selected:
    """Bind $select; properties keep the order written, `*` and no $select mean all of them.

    Raises:
        UnknownName: a property that does not exist, or something below one.
        InvalidValue: values of related rows, which $expand requests.
        NotSupported, OptionNotAllowed: options of a list that are not evaluated, or mean nothing.
    """
    chosen = [_property(item, scope, computed) for item in items]
    navigation = tuple(item.path[0] for item in items if _is_navigation(item, scope))
    views = tuple(
        _view(prop, item.options, scope)
        for prop, item in zip(chosen, items, strict=True)
        if prop is not None and item.options is not None
    )
    if not items or any(item.path == _ALL for item in items):
        dynamic = (item.prop for item in computed)
        return Selected((*all_properties, *dynamic), False, navigation, views)
    properties = dict.fromkeys(prop for prop in chosen if prop is not None)
    return Selected(tuple(properties), True, navigation, views)


def _property(
    item: SelectItem, scope: Scope, computed: tuple[ComputedProperty, ...]
) -> Property | None:
    if item.path == _ALL or _is_navigation(item, scope):
        return None
    for other in computed:
        if item == SelectItem((other.prop.name,)):
            return other.prop
    grouped = scope.entity_type.find("/".join(item.path))
    if grouped is not None and len(item.path) > 1 and item.options is None:
        return grouped
    found = scope.entity_type.find(item.path[0])
    below = len(item.path) > 1 or (item.options is not None and not (found and found.collection))
    if found is not None and below:
        raise selected_below_property(item, scope)
    navigation = scope.entity_type.find_navigation(item.path[0])
    if navigation is not None:
        raise selected_below_row(item, navigation, scope)
    return find_property("/".join(item.path), scope)


def _is_navigation(item: SelectItem, scope: Scope) -> bool:
    plain = len(item.path) == 1 and item.options is None
    return plain and scope.entity_type.find_navigation(item.path[0]) is not None


def _view(prop: Property, options: QueryOptions, scope: Scope) -> ValuesView:
    for name in given_options(options):
        if name not in _OF_VALUES:
            raise OptionNotAllowed(
                f"$select: {name} has no meaning for {prop.name}, a list of values; leave it out",
                target="$select",
            )
    scope = replace(scope, aliases=(*scope.aliases, *options.aliases))
    conditions = [] if options.filter is None else [options.filter]
    return ValuesView(
        prop,
        value_condition(prop, conditions, options.search, scope, bind_predicate),
        _direction(prop, options.orderby),
        options.skip or 0,
        options.top,
        options.count or False,
    )


def _direction(prop: Property, orderby: tuple[OrderItem, ...]) -> bool | None:
    match orderby:
        case ():
            return None
        case (OrderItem(Special("$this"), descending),):
            return descending
    raise NotSupported(
        f"$select: the values of {prop.name} can be sorted only by $this: $orderby=$this desc",
        target="$select",
    )
