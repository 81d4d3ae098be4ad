"""Which members each row of an answer has; decided by the writer, rendered by the engine."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.model import Property
from gateway.query.tree.expressions import ComputedProperty, NavigationPath
from gateway.query.tree.queries import BoundQuery, ValuesView


@dataclass(frozen=True, slots=True)
class Expanded:
    """Related rows in a row: the members that hold them and their number, empty for none.

    `query` says which they are, `projection` what is shown of each.
    """

    way: NavigationPath
    query: BoundQuery
    projection: Projection
    member: str
    count_member: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """The members of each row, in order.

    `computed` tells how properties are computed that are no columns. `constants` are control
    information that is the same in every row, as (name, text), and come first. `id_members` name
    the members that hold the entity's URL; the URL is `id_prefix` + the percent-encoded key + `)`.
    `type_suffix` is the annotation that tells a property's type where
    JSON does not, e.g. `@odata.type`; empty for none. Only dynamic properties need it, `all_typed`
    gives it to the model's too. `int64_as_text` is for readers whose numbers are Doubles
    (IEEE754Compatible, JSON Format 3.2): 64-bit integers and decimals are sent as text.
    `omit_nulls` leaves out the properties that are null, and their types.

    `ways` are the members that tell where related rows are, and what stands behind the entity's
    URL. `expanded` are the related rows that come along.

    `views` says what is shown of lists that are not shown whole; `count_suffix` is the annotation
    that tells how many elements there are.

    `variants` are not empty when not all rows have the same members; each row says which it has.
    """

    properties: tuple[Property, ...]
    key: tuple[Property, ...]
    computed: tuple[ComputedProperty, ...] = ()
    constants: tuple[tuple[str, str | None], ...] = ()
    id_members: tuple[str, ...] = ()
    id_prefix: str = ""
    type_suffix: str = ""
    all_typed: bool = False
    int64_as_text: bool = False
    omit_nulls: bool = False
    variants: tuple[Projection, ...] = ()
    ways: tuple[tuple[str, str], ...] = ()
    expanded: tuple[Expanded, ...] = ()
    views: tuple[ValuesView, ...] = ()
    count_suffix: str = ""
