"""`ODataRequest` + schema -> resource and `BoundQuery`: which options mean what on which resource.

The table of options by resource is URL Conventions 5.1 and Protocol 11.2.1.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import NotSupported, OptionNotAllowed, UnknownName
from gateway.query.binder import bind_expression, bind_predicate
from gateway.query.bound import (
    BoundExpr,
    BoundOrder,
    BoundQuery,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    Shape,
)
from gateway.query.request import ODataRequest
from gateway.query.resource import (
    CollectionResource,
    CountResource,
    EntityResource,
    MetadataDocument,
    Resource,
    ServiceDocument,
    resolve_resource,
)
from gateway.query.scope import Scope, find_property
from grammar import QueryOptions, SelectItem, unparse

_UNSUPPORTED: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$apply", lambda o: o.apply),
    ("$compute", lambda o: o.compute),
    ("$search", lambda o: o.search),
    ("$schemaversion", lambda o: o.schemaversion),
    ("$deltatoken", lambda o: o.deltatoken),
)
_MISPLACED: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$id", lambda o: o.id),
    ("$index", lambda o: o.index),
    ("$levels", lambda o: o.levels),
)
_COLLECTION_ONLY: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$filter", lambda o: o.filter),
    ("$count", lambda o: o.count),
    ("$orderby", lambda o: o.orderby),
    ("$skip", lambda o: o.skip),
    ("$top", lambda o: o.top),
    ("$skiptoken", lambda o: o.skiptoken),
)
_ENTITY_OPTIONS: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$select", lambda o: o.select),
    ("$expand", lambda o: o.expand),
)


def bind(request: ODataRequest, schema: Schema) -> ServiceDocument | MetadataDocument | BoundQuery:
    """What the request asks for, checked against the model.

    Raises:
        GatewayError: 400, 404 or 501 from the catalogue; nothing is ignored silently.
    """
    resource = resolve_resource(request.path, schema, request.options.aliases)
    _check_options(resource, request.options)
    match resource:
        case ServiceDocument() | MetadataDocument():
            return resource
        case CollectionResource(entity_set):
            return _bind_collection(entity_set, request.options)
        case CountResource(entity_set):
            return _bind_count(entity_set, request.options)
        case EntityResource(entity_set, key):
            return _bind_entity(entity_set, key, request.options)


def _check_options(resource: Resource, options: QueryOptions) -> None:
    for name, present in _MISPLACED:
        if _given(present(options)):
            raise OptionNotAllowed(f"{name} has no meaning on this resource", target=name)
    for name, present in _UNSUPPORTED:
        if _given(present(options)):
            raise NotSupported(
                f"{name} is not evaluated by this service; leave it out and let the client do it",
                target=name,
            )
    match resource:
        case ServiceDocument() | MetadataDocument():
            refused = _COLLECTION_ONLY + _ENTITY_OPTIONS
        case EntityResource():
            refused = _COLLECTION_ONLY
        case _:
            refused = ()
    for name, present in refused:
        if _given(present(options)):
            raise OptionNotAllowed(f"{name} is for collections, not for this resource", target=name)


def _given(value: object) -> bool:
    return value is not None and value != ()


def _bind_collection(entity_set: EntitySet, options: QueryOptions) -> BoundQuery:
    entity_type = entity_set.entity_type
    select, selected = _bind_select(options.select, entity_type)
    _check_expand(options, entity_type)
    return BoundQuery(
        entity_set=entity_set,
        shape=Shape.COLLECTION,
        select=select,
        selected=selected,
        filter=_bind_filter(options, entity_type),
        orderby=_bind_orderby(options, entity_type),
        skip=options.skip or 0,
        top=options.top,
        count=options.count or False,
    )


def _bind_count(entity_set: EntitySet, options: QueryOptions) -> BoundQuery:
    """Only $filter changes the number (URL Conventions 4.8); the rest is checked, not applied."""
    query = _bind_collection(entity_set, options)
    return BoundQuery(entity_set, Shape.COUNT, query.select, filter=query.filter, count=True)


def _bind_entity(entity_set: EntitySet, key: str, options: QueryOptions) -> BoundQuery:
    entity_type = entity_set.entity_type
    select, selected = _bind_select(options.select, entity_type)
    _check_expand(options, entity_type)
    column = find_property(entity_type.key, Scope(entity_type))
    by_key = Compare(CompareOperator.EQ, ColumnRef(column), Constant(key, PrimitiveType.STRING))
    return BoundQuery(entity_set, Shape.ENTITY, select, selected, by_key, key=key)


def _bind_filter(options: QueryOptions, entity_type: EntityType) -> BoundExpr | None:
    if options.filter is None:
        return None
    return bind_predicate(options.filter, Scope(entity_type, options.aliases))


def _bind_orderby(options: QueryOptions, entity_type: EntityType) -> tuple[BoundOrder, ...]:
    """Any expression with a primitive value (Protocol 11.2.6.2); a constant orders nothing."""
    scope = Scope(entity_type, options.aliases, "$orderby")
    items = ((bind_expression(item.expression, scope), item) for item in options.orderby)
    return tuple(
        BoundOrder(bound, item.descending)
        for bound, item in items
        if not isinstance(bound, Constant)
    )


def _bind_select(
    items: tuple[SelectItem, ...], entity_type: EntityType
) -> tuple[tuple[Property, ...], bool]:
    """Properties in the order written, each once; `*` and no $select are all of them."""
    if not items or any(item.path == ("*",) for item in items):
        for item in items:
            _select_one(item, entity_type)
        return entity_type.properties, False
    chosen = (_select_one(item, entity_type) for item in items)
    return tuple(dict.fromkeys(prop for prop in chosen if prop is not None)), True


def _select_one(item: SelectItem, entity_type: EntityType) -> Property | None:
    if item.path == ("*",):
        return None
    if len(item.path) > 1 or item.options is not None:
        raise UnknownName(
            f"$select: {unparse(item)} goes below a property, but {entity_type.name} has primitive"
            " properties only",
            target="$select",
        )
    return find_property(item.path[0], Scope(entity_type, option="$select"))


def _check_expand(options: QueryOptions, entity_type: EntityType) -> None:
    for item in options.expand:
        if item.path != ("*",):
            raise UnknownName(
                f"$expand: {entity_type.name} has no navigation property {'/'.join(item.path)!r}",
                target="$expand",
            )
