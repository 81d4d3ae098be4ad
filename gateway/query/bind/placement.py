"""The query options that each resource allows (URL Conventions 5.1, Protocol 11.2.1)."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import OptionNotAllowed
from gateway.query.bind.resource import (
    CollectionResource,
    CountResource,
    EntityResource,
    PropertyResource,
    ReferencesResource,
    Resource,
)
from gateway.query.tree.queries import PropertyPart
from grammar import QueryOptions

_OF_ROWS = frozenset(
    {
        "$apply",
        "$search",
        "$filter",
        "$count",
        "$orderby",
        "$skip",
        "$top",
        "$skiptoken",
        "$deltatoken",
    }
)
_LINKS = frozenset({"$skiptoken", "$deltatoken"})
_OF_SHAPE = frozenset({"$select", "$expand", "$compute"})
_FORMAT = frozenset({"$format"})
_READERS: dict[str, Callable[[QueryOptions], object]] = {
    "$apply": lambda o: o.apply,
    "$compute": lambda o: o.compute,
    "$search": lambda o: o.search,
    "$filter": lambda o: o.filter,
    "$count": lambda o: o.count,
    "$orderby": lambda o: o.orderby,
    "$skip": lambda o: o.skip,
    "$top": lambda o: o.top,
    "$skiptoken": lambda o: o.skiptoken,
    "$deltatoken": lambda o: o.deltatoken,
    "$expand": lambda o: o.expand,
    "$select": lambda o: o.select,
    "$format": lambda o: o.format,
    "$id": lambda o: o.id,
    "$index": lambda o: o.index,
    "$levels": lambda o: o.levels,
}


def check_placement(resource: Resource, options: QueryOptions, *, by_id: bool) -> None:
    """Refuse options that have no meaning on this resource.

    `by_id` is true if the resource is `$entity` itself, without a type cast after it.

    Raises:
        OptionNotAllowed: 400, whether or not the option is evaluated elsewhere.
    """
    allowed = _FORMAT if by_id else _allowed(resource)
    for name in given_options(options):
        if name not in allowed:
            raise OptionNotAllowed(f"{name} {_why(name)}", target=name)


def given_options(options: QueryOptions) -> tuple[str, ...]:
    """Return the names of the options in the URL, in the order of evaluation."""
    return tuple(name for name, read in _READERS.items() if read(options) not in (None, ()))


def _allowed(resource: Resource) -> frozenset[str]:
    match resource:
        case CollectionResource():
            return _OF_ROWS | _OF_SHAPE | _FORMAT
        case CountResource():  # $top and $skip do not change it (4.8), links do not exist
            return (_OF_ROWS - _LINKS) | _OF_SHAPE | _FORMAT
        case ReferencesResource():  # the rows that $apply makes have no URL
            return (_OF_ROWS - {"$apply"}) | _FORMAT
        case EntityResource():
            return _OF_SHAPE | _FORMAT
        case PropertyResource(part=PropertyPart.TEXT):
            return frozenset()
        case PropertyResource(prop=prop):
            return _OF_ROWS | _FORMAT if prop.collection else _FORMAT
        case _:
            return _FORMAT


def _why(name: str) -> str:
    if name in _OF_ROWS:
        return "is for collections, not for this resource"
    if name in _OF_SHAPE:
        return "is for entities, not for this resource"
    return "has no meaning on this resource"
