"""Bound queries on an entity set: names resolved, values typed, everything checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.edm.model import EntitySet, Property
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ComputedProperty, NavigationPath

if TYPE_CHECKING:
    from gateway.query.tree.transformations import BoundApply


class ExpandForm(StrEnum):
    """The form of an $expand item: the related rows, references to them, or their number."""

    ENTITIES = "entities"
    REFERENCES = "$ref"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class BoundExpand:
    """One item of $expand; `query` selects among the rows at the end of `path`.

    Its order is total; its expressions refer to the related row.
    """

    path: NavigationPath
    query: BoundQuery
    form: ExpandForm = ExpandForm.ENTITIES


@dataclass(frozen=True, slots=True)
class ValuesView:
    """The shown part of a list: the elements that meet a condition, sorted, limited to a window.

    `descending` is None if they keep their order. `count` includes the number that meet it.
    """

    prop: Property
    condition: BoundExpr | None
    descending: bool | None
    skip: int
    top: int | None
    count: bool


class Shape(StrEnum):
    """The shape of a query's result: rows, one entity, or a number."""

    COLLECTION = "collection"
    ENTITY = "entity"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query on one entity set.

    `select` lists the properties of each row in wire order. `selected` is true if the client chose
    them, which the context URL must show; `selected_navigation` names the navigation properties it
    chose, and `views` are the lists that it wants in part.
    `computed` are all properties of $compute, shown or not; filter and order contain the
    expression of a computed property, not its name. `top` and `skip` are in rows and apply after
    filter and order; `count` includes the number of rows before both. For an ENTITY, `filter` is
    the key, and `key` its address below the service root. With `apply`, `filter` is the filter at
    the start of $apply, and all else applies to its result, except `moment`: the value of now(),
    None if nothing depends on it. `references` returns the URLs of the entities and nothing else
    of them (`/$ref`). `referenced_sets` names the sets that navigation leads to. `source` is the
    entity whose related ones are requested; if it does not exist, neither does the resource.
    """

    entity_set: EntitySet
    shape: Shape
    select: tuple[Property, ...]
    selected: bool = False
    filter: BoundExpr | None = None
    orderby: tuple[BoundOrder, ...] = ()
    skip: int = 0
    top: int | None = None
    count: bool = False
    key: str = ""
    computed: tuple[ComputedProperty, ...] = ()
    apply: BoundApply | None = None
    moment: datetime | None = None
    references: bool = False
    referenced_sets: tuple[str, ...] = ()
    expand: tuple[BoundExpand, ...] = ()
    selected_navigation: tuple[str, ...] = ()
    views: tuple[ValuesView, ...] = ()
    source: BoundQuery | None = None


class PropertyPart(StrEnum):
    """The form of a property in the response: JSON, bare text, or the number of its elements."""

    JSON = "property"
    TEXT = "$value"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class PropertyQuery:
    """A query on one property of the entity that `entity` finds.

    `skip`, `top` and `count` apply to the elements of a collection.
    """

    entity: BoundQuery
    prop: Property
    part: PropertyPart
    skip: int = 0
    top: int | None = None
    count: bool = False
