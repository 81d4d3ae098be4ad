"""$select: which properties are shown (URL Conventions 5.1.4)."""

from __future__ import annotations

from gateway.edm.model import Property
from gateway.errors import NotSupported, UnknownName
from gateway.query.bound import ComputedProperty
from gateway.query.scope import Scope, find_property
from grammar import SelectItem, unparse

_ALL = ("*",)


def bind_select(
    items: tuple[SelectItem, ...],
    scope: Scope,
    all_properties: tuple[Property, ...],
    computed: tuple[ComputedProperty, ...],
) -> tuple[tuple[Property, ...], bool, tuple[str, ...]]:
    """Properties in the order written, each once; `*` and no $select are all of them.

    Also tells whether the client chose, and which navigation properties it named: of them there is
    nothing to show but that they were selected.

    Raises:
        UnknownName: a property that is not there, or something below one.
        NotSupported: options for the elements of a list.
    """
    chosen = [_property(item, scope, computed) for item in items]
    ways = tuple(item.path[0] for item in items if _is_way(item, scope))
    if not items or any(item.path == _ALL for item in items):
        dynamic = (item.prop for item in computed)
        return (*all_properties, *dynamic), False, ways
    return tuple(dict.fromkeys(prop for prop in chosen if prop is not None)), True, ways


def _property(
    item: SelectItem, scope: Scope, computed: tuple[ComputedProperty, ...]
) -> Property | None:
    if item.path == _ALL or _is_way(item, scope):
        return None
    _check_flat(item, scope)
    for other in computed:
        if item.path == (other.prop.name,):
            return other.prop
    return find_property(item.path[0], scope)


def _is_way(item: SelectItem, scope: Scope) -> bool:
    plain = len(item.path) == 1 and item.options is None
    return plain and scope.entity_type.find_navigation(item.path[0]) is not None


def _check_flat(item: SelectItem, scope: Scope) -> None:
    """There are no complex properties to go into; what a list holds is not chosen from yet."""
    if len(item.path) == 1 and item.options is None:
        return
    prop = scope.entity_type.find(item.path[0])
    if len(item.path) == 1 and prop is not None and prop.collection:
        raise NotSupported(
            f"$select: {unparse(item)} has options for the elements of {prop.name}, which this"
            " service does not evaluate; select it whole and leave the rest to the client",
            target="$select",
        )
    raise UnknownName(
        f"$select: {unparse(item)} goes below a property, but {scope.entity_type.name} has"
        " primitive properties only; what is shown of other rows is selected in $expand",
        target="$select",
    )
