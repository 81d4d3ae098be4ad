"""Resources reached by navigation properties: their conditions and their addresses."""

from __future__ import annotations

from gateway.query.bind.keys import write_key
from gateway.query.bind.resource import CollectionResource, EntityResource, NavigationSource
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import (
    THIS_ROW,
    BoundExpr,
    ColumnRef,
    Compare,
    CompareOperator,
    Constant,
    NavigationPath,
    QuantifiedRows,
    conjunction,
)


def related_condition(
    resource: CollectionResource | EntityResource, scope: Scope
) -> BoundExpr | None:
    """Return the condition for rows of the resource: its key, and the entity it is related to."""
    return conjunction(*_conditions(resource, scope, ""))


def _conditions(
    resource: CollectionResource | EntityResource, scope: Scope, row: str
) -> tuple[BoundExpr, ...]:
    found: list[BoundExpr] = []
    if isinstance(resource, EntityResource):
        properties = resource.entity_set.entity_type.key_properties
        pairs = zip(
            properties, resource.key, strict=False
        )  # without a key: the only related entity
        found += [_equal(ColumnRef(prop, row), value) for prop, value in pairs]
    if resource.within is not None:
        found += _within(resource.within, resource, scope, row)
    return tuple(found)


def _within(
    within: NavigationSource,
    resource: CollectionResource | EntityResource,
    scope: Scope,
    row: str,
) -> list[BoundExpr]:
    """Return comparisons with the source's key if possible: the Analytics API can filter by those.

    They suffice if they use the whole key. With a part of the key they would match rows of sources
    that do not exist, so the existence of the source is another condition.
    """
    source, on = within.source, within.navigation.on
    entity_type = resource.entity_set.entity_type
    known = dict(zip(source.entity_set.entity_type.key, source.key, strict=False))
    plain: list[BoundExpr] = []
    if source.within is None and all(own in known for own, _ in on):
        columns = {prop.name: prop for prop in entity_type.properties}
        plain = [_equal(ColumnRef(columns[other], row), known[own]) for own, other in on]
        if len(on) == len(known):
            return plain
    assert scope.referenced_sets is not None  # noqa: S101 - paths are bound with it
    back = entity_type.find_navigation(within.navigation.partner)
    if back is None:  # it need not be published
        back = within.navigation.back("", source.entity_set.name, collection=True)
    target = scope.referenced_sets.enter(back.target)
    path = NavigationPath(back, target, row or THIS_ROW, scope.referenced_sets.name_row())
    exists = QuantifiedRows(path, "any", conjunction(*_conditions(source, scope, path.to)))
    return [*plain, exists]


def _equal(column: ColumnRef, value: Constant) -> BoundExpr:
    return Compare(CompareOperator.EQ, column, value)


def entity_address(resource: EntityResource) -> str:
    """Return the URL of an entity below the service root, as context URLs write it."""
    if resource.within is None:
        return f"{resource.entity_set.name}({write_key(resource.key, resource.entity_set)})"
    source = entity_address(resource.within.source)
    key = f"({write_key(resource.key, resource.entity_set)})" if resource.key else ""
    return f"{source}/{resource.within.navigation.name}{key}"
