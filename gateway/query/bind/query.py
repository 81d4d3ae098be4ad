"""`ODataRequest` + schema -> resource and `BoundQuery`: what the options mean on the resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import TypeAlias

from gateway.edm.model import EntitySet, Schema
from gateway.errors import NotSupported, ResourceNotFound
from gateway.query.bind.apply import bind_apply, row_scope
from gateway.query.bind.compute import bind_compute
from gateway.query.bind.expand import bind_expand
from gateway.query.bind.expressions import bind_predicate
from gateway.query.bind.orderby import bind_orderby
from gateway.query.bind.placement import check_placement, given_options
from gateway.query.bind.related import entity_address, related_condition
from gateway.query.bind.resource import (
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
from gateway.query.bind.scope import Moment, ReferencedSets, Scope
from gateway.query.bind.search import bind_search
from gateway.query.bind.select import Selected, bind_select
from gateway.query.request import ODataRequest
from gateway.query.tree.expressions import BoundExpr, NavigationPath, conjunction
from gateway.query.tree.queries import BoundExpand, BoundQuery, PropertyQuery, Shape
from gateway.query.tree.transformations import BoundApply, entity_rows
from grammar import Binary, Expr, QueryOptions

_UNSUPPORTED: tuple[tuple[str, Callable[[QueryOptions], object]], ...] = (
    ("$schemaversion", lambda o: o.schemaversion),
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
    common = _Common(schema, options.aliases, None if now is None else Moment(now))
    match resource:
        case ServiceDocument() | MetadataDocument():
            return resource
        case CollectionResource():
            return _bind_collection(_of_collection(resource, options, common), resource)
        case CountResource(of):
            return _bind_count(_of_collection(of, options, common), of)
        case ReferencesResource(of):
            query = _bind_collection(_of_collection(of, options, common), of)
            return replace(query, select=(), references=True)
        case EntityResource():
            return _bind_entity(resource, options, common)
        case ReferenceResource(of):
            query = _bind_entity(of, options, common)
            return replace(query, select=(), references=True)
        case PropertyResource():
            return _bind_property(resource, options, common)


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


class _Common:
    """What all parts of a request have in common.

    `others` collects the sets that are looked at besides the one asked for.
    """

    def __init__(
        self, schema: Schema, aliases: tuple[tuple[str, Expr], ...], moment: Moment | None
    ) -> None:
        self.aliases = aliases
        self.moment = moment
        self.others = ReferencedSets(schema)

    def finished(self, query: BoundQuery) -> BoundQuery:
        """The query with what is known when all of it is bound: now(), and where ways led to."""
        moment = None if self.moment is None else self.moment.if_asked
        return replace(query, moment=moment, others=self.others.names)


class _Binding:
    """What the options of one resource have in common: the names of the rows that they see.

    Those are the entity's, or what $apply makes of them, and what $compute adds. `conditions` are
    those of the path, which an entity must all meet before anything else (URL Conventions 4.12).
    Options inside of others see the aliases of the `outer` ones, and their own.
    """

    def __init__(
        self,
        entity_set: EntitySet,
        options: QueryOptions,
        common: _Common,
        resource: CollectionResource | EntityResource | None = None,
        outer: _Binding | None = None,
    ) -> None:
        self.entity_set = entity_set
        self.entity_type = entity_set.entity_type
        self.options = options
        self.common = common
        self.depth: int = outer.depth + 1 if outer else 0
        self.aliases: tuple[tuple[str, Expr], ...] = (
            *(outer.aliases if outer else common.aliases),
            *options.aliases,
        )
        rows = Scope(self.entity_type, self.aliases, moment=common.moment)
        scope = replace(rows, others=common.others, is_inner=outer is not None)
        first, self.apply = bind_apply(options.apply, scope.for_option("$apply"))
        self.leading = conjunction(_bind_resource(resource, scope), first)
        self.rows = self.apply.rows if self.apply else entity_rows(self.entity_type)
        scope = row_scope(self.rows, scope)
        names = (*self.entity_type.all_names, *scope.entity_type.names)
        self.computed = bind_compute(options.compute, scope.for_option("$compute"), names)
        self.scope = replace(scope, computed=options.compute)


def _of_collection(
    resource: CollectionResource, options: QueryOptions, common: _Common
) -> _Binding:
    return _Binding(resource.entity_set, options, common, resource)


def _bind_resource(
    resource: CollectionResource | EntityResource | None, scope: Scope
) -> BoundExpr | None:
    """The conditions that the path makes: the key, where the rows are related to, /$filter."""
    if resource is None:
        return None
    related = related_condition(resource, scope)
    if isinstance(resource, EntityResource) or not resource.filters:
        return related
    whole = reduce(lambda left, right: Binary("and", left, right), resource.filters)
    return conjunction(related, bind_predicate(whole, scope))


def _bind_collection(binding: _Binding, resource: CollectionResource) -> BoundQuery:
    query = _bind_rows(binding)
    source = None
    if resource.within is not None:
        source = _bind_entity(resource.within.source, QueryOptions(), binding.common)
    return replace(binding.common.finished(query), source=source)


def _bind_rows(binding: _Binding) -> BoundQuery:
    options = binding.options
    selected = _select_of(binding)
    filter_, apply = _bind_filter(binding)
    return BoundQuery(
        entity_set=binding.entity_set,
        shape=Shape.COLLECTION,
        select=selected.properties,
        selected=selected.by_client,
        filter=filter_,
        apply=apply,
        orderby=bind_orderby(options.orderby, binding.scope.for_option("$orderby")),
        skip=options.skip or 0,
        top=options.top,
        count=options.count or False,
        computed=binding.computed,
        expand=_bind_expand(binding),
        ways=selected.ways,
        views=selected.views,
    )


def _bind_count(binding: _Binding, resource: CollectionResource) -> BoundQuery:
    """$apply, $filter and $search change the number (URL Conventions 4.8); the rest is checked."""
    query = _bind_collection(binding, resource)
    return BoundQuery(
        query.entity_set,
        Shape.COUNT,
        query.select,
        filter=query.filter,
        apply=query.apply,
        count=True,
        moment=query.moment,
        others=query.others,
        source=query.source,
    )


def _bind_entity(resource: EntityResource, options: QueryOptions, common: _Common) -> BoundQuery:
    binding = _Binding(resource.entity_set, options, common, resource)
    selected = _select_of(binding)
    query = BoundQuery(
        binding.entity_set,
        Shape.ENTITY,
        selected.properties,
        selected.by_client,
        binding.leading,
        key=entity_address(resource),
        computed=binding.computed,
        expand=_bind_expand(binding),
        ways=selected.ways,
        views=selected.views,
    )
    return replace(common.finished(query), source=_source_of_one(resource, common))


def _source_of_one(resource: EntityResource, common: _Common) -> BoundQuery | None:
    """The entity that may be related to none, which is no mistake of the client's."""
    within = resource.within
    if within is None or resource.key or not within.navigation.nullable:
        return None
    return _bind_entity(within.source, QueryOptions(), common)


def _bind_property(
    resource: PropertyResource, options: QueryOptions, common: _Common
) -> PropertyQuery:
    for name in given_options(options):
        if name not in _ON_ELEMENTS:
            raise NotSupported(
                f"{name} is not evaluated on the elements of {resource.prop.name}; leave it out and"
                " let the client do it",
                target=name,
            )
    entity = _bind_entity(resource.of, QueryOptions(), common)
    window = (options.skip or 0, options.top, options.count or False)
    return PropertyQuery(
        replace(entity, select=(resource.prop,)), resource.prop, resource.part, *window
    )


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


def _select_of(binding: _Binding) -> Selected:
    scope = binding.scope.for_option("$select")
    return bind_select(binding.options.select, scope, binding.rows.properties, binding.computed)


def _bind_expand(binding: _Binding) -> tuple[BoundExpand, ...]:
    if binding.apply is not None and any(item.path != ("*",) for item in binding.options.expand):
        raise NotSupported(
            "$expand: rows that $apply makes are not expanded; group by the columns needed",
            target="$expand",
        )

    def nested(way: NavigationPath, options: QueryOptions) -> BoundQuery:
        return _bind_rows(_Binding(way.target, options, binding.common, outer=binding))

    ways = binding.scope.entity_type
    if any("/" in name for name in ways.names):  # what was grouped by is shown in the same place
        ways = replace(ways, navigation=())
    return bind_expand(binding.options.expand, ways, binding.common.others, nested, binding.depth)
