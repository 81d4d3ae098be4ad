"""What is asked of an entity set, bound: names resolved, values typed, everything checked."""

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
    """What $expand shows of the other rows: themselves, where they are, or how many there are."""

    ENTITIES = "entities"
    REFERENCES = "$ref"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class BoundExpand:
    """One item of $expand: `query` says what of the rows that the way leads to is shown.

    Its order is total; its expressions are about the other row, as those of any query.
    """

    way: NavigationPath
    query: BoundQuery
    form: ExpandForm = ExpandForm.ENTITIES


@dataclass(frozen=True, slots=True)
class ValuesView:
    """What is shown of a list: the elements that meet a condition, sorted, cut to a window.

    `descending` is None where they stay in their order. `count` asks how many meet it.
    """

    prop: Property
    condition: BoundExpr | None
    descending: bool | None
    skip: int
    top: int | None
    count: bool


class Shape(StrEnum):
    """What the client wants of the entity set."""

    COLLECTION = "collection"
    ENTITY = "entity"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A question about one entity set.

    `select` lists the properties of each row in wire order; `selected` tells whether the client
    chose them, which the context URL must say, and `ways` are the navigation properties it chose;
    `views` says what is shown of lists that it does not want whole.
    `computed` are all properties of $compute, shown or not; where filter and order use one, its
    expression stands there. `top` and `skip` are in rows and apply after filter and order; `count`
    asks for the number of rows before both. For an ENTITY, `filter` is the key, and `key` its
    address below the service root. With `apply`, `filter` is what $apply begins with, and all else
    is about its result, except `moment`: what now() meant, None when nothing depends on it.
    `references` asks where the entities are, and for nothing else of them (`/$ref`). `others` names
    the sets that navigation leads to. `source` is the entity whose related ones are asked for: when
    there is none, the resource does not exist.
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
    others: tuple[str, ...] = ()
    expand: tuple[BoundExpand, ...] = ()
    ways: tuple[str, ...] = ()
    views: tuple[ValuesView, ...] = ()
    source: BoundQuery | None = None


class PropertyPart(StrEnum):
    """In which form a property is asked for: as JSON, as bare text, or how many elements it has."""

    JSON = "property"
    TEXT = "$value"
    COUNT = "$count"


@dataclass(frozen=True, slots=True)
class PropertyQuery:
    """A question about one property of one entity, which `entity` finds.

    `skip`, `top` and `count` are about the elements of a collection.
    """

    entity: BoundQuery
    prop: Property
    part: PropertyPart
    skip: int = 0
    top: int | None = None
    count: bool = False
