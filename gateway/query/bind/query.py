"""`ODataRequest` + schema -> `BoundQuery`: the options, bound to the resource of the path."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import TypeAlias

from gateway.edm.model import EntitySet, Schema
from gateway.errors import NotSupported, ResourceNotFound
from gateway.query.bind.apply import bind_apply, row_scope
from gateway.query.bind.compute import bind_compute
from gateway.query.bind.expand import bind_expand
from gateway.query.bind.expressions import bind_orderby, bind_predicate
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

_ON_ELEMENTS = frozenset({"$count", "$skip", "$top", "$format"})

Bound: TypeAlias = ServiceDocument | MetadataDocument | BoundQuery | PropertyQuery


def bind(request: ODataRequest, schema: Schema, now: datetime | None = None) -> Bound:
    """Resolve a request against the model and check it.

    `now` is the value of now(); without it the function is refused.

    Raises:
        GatewayError: 400, 404 or 501; `docs/language.md` lists what is ignored.
    """
    options = request.options
    _check_version(options.schemaversion, schema.version)
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
        raise ResourceNotFound(
            "$id: this URL is not an entity of this service; use the @odata.id of an entity",
            target="$id",
        )
    only_id = request.by_id and len(request.path.segments) == 1
    check_placement(resource, request.options, by_id=only_id)


def _check_version(wanted: str | None, current: str) -> None:
    """Refuse every schema version but the current one; `*` is the current one (11.2.12)."""
    if wanted not in (None, "*", current):
        raise ResourceNotFound(
            f"$schemaversion: there is no schema version {wanted!r}; the current one is"
            f" {current!r}: columns have changed, so read $metadata again",
            target="$schemaversion",
        )


class _Common:
    """State shared by all parts of a request.

    `referenced_sets` collects the sets that the request uses besides its own.
    """

    def __init__(
        self, schema: Schema, aliases: tuple[tuple[str, Expr], ...], moment: Moment | None
    ) -> None:
        self.aliases = aliases
        self.moment = moment
        self.referenced_sets = ReferencedSets(schema)

    def finished(self, query: BoundQuery) -> BoundQuery:
        """Return the query with now() and the referenced sets; call it when all is bound."""
        moment = None if self.moment is None else self.moment.if_used
        return replace(query, moment=moment, referenced_sets=self.referenced_sets.names)


class _Binding:
    """Names shared by the options of one resource: those of the rows that they apply to.

    The names are the entity's, or those of the result of $apply, and those that $compute adds.
    `leading` is the condition that rows must meet first: of the path (URL Conventions 4.12) and at
    the start of $apply. Nested options see the aliases of the `outer` ones, and their own.
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
        scope = replace(rows, referenced_sets=common.referenced_sets, is_inner=outer is not None)
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
    """Return the condition of the path: its key, its related entity, its /$filter segments."""
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
        selected_navigation=selected.navigation,
        views=selected.views,
    )


def _bind_count(binding: _Binding, resource: CollectionResource) -> BoundQuery:
    """Bind `/$count`: $apply, $filter and $search change it (4.8), the rest is only checked."""
    query = _bind_collection(binding, resource)
    return BoundQuery(
        query.entity_set,
        Shape.COUNT,
        query.select,
        filter=query.filter,
        apply=query.apply,
        count=True,
        moment=query.moment,
        referenced_sets=query.referenced_sets,
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
        selected_navigation=selected.navigation,
        views=selected.views,
    )
    return replace(common.finished(query), source=_source_of_one(resource, common))


def _source_of_one(resource: EntityResource, common: _Common) -> BoundQuery | None:
    """Return the source of a single related entity that may be missing without a client error."""
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
                " apply it in the client",
                target=name,
            )
    entity = _bind_entity(resource.of, QueryOptions(), common)
    window = (options.skip or 0, options.top, options.count or False)
    return PropertyQuery(
        replace(entity, select=(resource.prop,)), resource.prop, resource.part, *window
    )


def _bind_filter(binding: _Binding) -> tuple[BoundExpr | None, BoundApply | None]:
    """Return the filter of the entities, and $apply with the filter of its result."""
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
            "$expand: the result of $apply cannot be expanded; group by the columns that you need",
            target="$expand",
        )

    def nested(path: NavigationPath, options: QueryOptions) -> BoundQuery:
        return _bind_rows(_Binding(path.target, options, binding.common, outer=binding))

    entity_type = binding.scope.entity_type
    if any("/" in name for name in entity_type.names):  # grouping paths take the same place
        entity_type = replace(entity_type, navigation=())
    sets = binding.common.referenced_sets
    return bind_expand(binding.options.expand, entity_type, sets, nested, binding.depth)
