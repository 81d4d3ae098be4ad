"""`ODataRequest` + schema -> resource and `BoundQuery`: what the options mean on the resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import TypeAlias

from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.errors import NotSupported, ResourceNotFound, UnknownName
from gateway.query.bind_apply import bind_apply, row_scope
from gateway.query.bind_orderby import bind_orderby
from gateway.query.binder import bind_predicate
from gateway.query.bound import (
    BoundExpr,
    BoundQuery,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    PropertyQuery,
    Shape,
    conjunction,
)
from gateway.query.compute import bind_compute
from gateway.query.keys import write_key
from gateway.query.placement import check_placement, given_options
from gateway.query.request import ODataRequest
from gateway.query.resource import (
    CollectionResource,
    CountResource,
    EntityResource,
    MetadataDocument,
    PropertyResource,
    ReferenceResource,
    ReferencesResource,
    Resource,
    ServiceDocument,
    resolve_resource,
)
from gateway.query.scope import Moment, Scope, find_property
from gateway.query.search import bind_search
from gateway.query.transformations import BoundApply, entity_rows
from grammar import Binary, Expr, QueryOptions, SelectItem, unparse

_UNSUPPORTED: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$schemaversion", lambda o: o.schemaversion),
    ("$deltatoken", lambda o: o.deltatoken),
)
_ON_ELEMENTS = frozenset({"$count", "$skip", "$top", "$format"})

Bound: TypeAlias = ServiceDocument | MetadataDocument | BoundQuery | PropertyQuery


def bind(request: ODataRequest, schema: Schema, now: datetime | None = None) -> Bound:
    """What the request asks for, checked against the model.

    `now` is what now() means; without it the function is refused.

    Raises:
        GatewayError: 400, 404 or 501 from the catalogue; nothing is ignored silently.
    """
    options = request.options
    resource = resolve_resource(request.path, schema, options.aliases)
    _check_options(resource, request)
    match resource:
        case ServiceDocument() | MetadataDocument():
            return resource
        case CollectionResource():
            return _bind_collection(_of_collection(resource, options, now))
        case CountResource(of):
            return _bind_count(_of_collection(of, options, now))
        case ReferencesResource(of):
            query = _bind_collection(_of_collection(of, options, now))
            return replace(query, select=(), references=True)
        case EntityResource(entity_set, key):
            return _bind_entity(_Binding(entity_set, options, now), key)
        case ReferenceResource(EntityResource(entity_set, key)):
            query = _bind_entity(_Binding(entity_set, options, now), key)
            return replace(query, select=(), references=True)
        case PropertyResource():
            return _bind_property(resource, options)


def _check_options(resource: Resource, request: ODataRequest) -> None:
    if request.by_id and not isinstance(resource, EntityResource):
        raise ResourceNotFound("$id: this is no entity of this service", target="$id")
    only_id = request.by_id and len(request.path.segments) == 1
    check_placement(resource, request.options, by_id=only_id)
    for name, present in _UNSUPPORTED:
        if present(request.options) not in (None, ()):
            raise NotSupported(
                f"{name} is not evaluated by this service; leave it out and let the client do it",
                target=name,
            )


class _Binding:
    """What the options of one request have in common: the names of the rows that they see.

    Those are the entity's, or what $apply makes of them, and what $compute adds. `conditions` are
    those of the path, which an entity must all meet before anything else (URL Conventions 4.12).
    """

    def __init__(
        self,
        entity_set: EntitySet,
        options: QueryOptions,
        now: datetime | None,
        conditions: tuple[Expr, ...] = (),
    ) -> None:
        self.entity_set = entity_set
        self.entity_type = entity_set.entity_type
        self.options = options
        self.moment = None if now is None else Moment(now)
        scope = Scope(self.entity_type, options.aliases, moment=self.moment)
        first, self.apply = bind_apply(options.apply, scope.for_option("$apply"))
        self.leading = conjunction(_bind_conditions(conditions, scope), first)
        self.rows = self.apply.rows if self.apply else entity_rows(self.entity_type)
        scope = row_scope(self.rows, scope)
        names = (*self.entity_type.names, *scope.entity_type.names)
        self.computed = bind_compute(options.compute, scope.for_option("$compute"), names)
        self.scope = replace(scope, computed=options.compute)

    def asked_moment(self) -> datetime | None:
        """What now() meant, if it was asked; known when all options are bound."""
        return None if self.moment is None else self.moment.if_asked


def _of_collection(
    resource: CollectionResource, options: QueryOptions, now: datetime | None
) -> _Binding:
    return _Binding(resource.entity_set, options, now, resource.filters)


def _bind_conditions(conditions: tuple[Expr, ...], scope: Scope) -> BoundExpr | None:
    if not conditions:
        return None
    whole = reduce(lambda left, right: Binary("and", left, right), conditions)
    return bind_predicate(whole, scope)


def _bind_collection(binding: _Binding) -> BoundQuery:
    options = binding.options
    select, selected = _bind_select(binding)
    _check_expand(options, binding.entity_type)
    filter_, apply = _bind_filter(binding)
    query = BoundQuery(
        entity_set=binding.entity_set,
        shape=Shape.COLLECTION,
        select=select,
        selected=selected,
        filter=filter_,
        apply=apply,
        orderby=bind_orderby(options.orderby, binding.scope.for_option("$orderby")),
        skip=options.skip or 0,
        top=options.top,
        count=options.count or False,
        computed=binding.computed,
    )
    return replace(query, moment=binding.asked_moment())


def _bind_count(binding: _Binding) -> BoundQuery:
    """$apply, $filter and $search change the number (URL Conventions 4.8); the rest is checked."""
    query = _bind_collection(binding)
    return BoundQuery(
        query.entity_set,
        Shape.COUNT,
        query.select,
        filter=query.filter,
        apply=query.apply,
        count=True,
        moment=query.moment,
    )


def _bind_entity(binding: _Binding, key: tuple[Constant, ...]) -> BoundQuery:
    select, selected = _bind_select(binding)
    _check_expand(binding.options, binding.entity_type)
    properties = binding.entity_type.key_properties
    conditions = (
        Compare(CompareOperator.EQ, ColumnRef(prop), value)
        for prop, value in zip(properties, key, strict=True)
    )
    query = BoundQuery(
        binding.entity_set,
        Shape.ENTITY,
        select,
        selected,
        conjunction(*conditions),
        key=write_key(key, binding.entity_set),
    )
    return replace(query, computed=binding.computed, moment=binding.asked_moment())


def _bind_property(resource: PropertyResource, options: QueryOptions) -> PropertyQuery:
    for name in given_options(options):
        if name not in _ON_ELEMENTS:
            raise NotSupported(
                f"{name} is not evaluated on the elements of {resource.prop.name}; leave it out and"
                " let the client do it",
                target=name,
            )
    of = _Binding(resource.of.entity_set, QueryOptions(), None)
    entity = replace(_bind_entity(of, resource.of.key), select=(resource.prop,))
    window = (options.skip or 0, options.top, options.count or False)
    return PropertyQuery(entity, resource.prop, resource.part, *window)


def _bind_filter(binding: _Binding) -> tuple[BoundExpr | None, BoundApply | None]:
    """The filter of the entities, and $apply with that of its result; a row passes $search too."""
    options, searched, predicate = binding.options, None, None
    if options.search is not None:
        searched = bind_search(options.search, binding.rows.properties)
    if options.filter is not None:
        predicate = bind_predicate(options.filter, binding.scope.for_option("$filter"))
    if binding.apply is None:
        return conjunction(binding.leading, searched, predicate), None
    return binding.leading, replace(binding.apply, filter=conjunction(searched, predicate))


def _bind_select(binding: _Binding) -> tuple[tuple[Property, ...], bool]:
    """Properties in the order written, each once; `*` and no $select are all of them."""
    items = binding.options.select
    if not items or any(item.path == ("*",) for item in items):
        for item in items:
            _select_one(item, binding)
        dynamic = (computed.prop for computed in binding.computed)
        return (*binding.rows.properties, *dynamic), False
    chosen = (_select_one(item, binding) for item in items)
    return tuple(dict.fromkeys(prop for prop in chosen if prop is not None)), True


def _select_one(item: SelectItem, binding: _Binding) -> Property | None:
    if item.path == ("*",):
        return None
    if len(item.path) > 1 or item.options is not None:
        raise UnknownName(
            f"$select: {unparse(item)} goes below a property, but {binding.entity_type.name} has"
            " primitive properties only",
            target="$select",
        )
    for computed in binding.computed:
        if item.path == (computed.prop.name,):
            return computed.prop
    return find_property(item.path[0], binding.scope.for_option("$select"))


def _check_expand(options: QueryOptions, entity_type: EntityType) -> None:
    for item in options.expand:
        if item.path != ("*",):
            raise UnknownName(
                f"$expand: {entity_type.name} has no navigation property {'/'.join(item.path)!r}",
                target="$expand",
            )
