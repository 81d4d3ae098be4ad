"""The members of each row in a response; chosen by the writer, rendered by the engine."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.model import Property
from gateway.query.tree.expressions import ComputedProperty, NavigationPath
from gateway.query.tree.queries import BoundQuery, ValuesView


@dataclass(frozen=True, slots=True)
class Expanded:
    """Related rows inside a row: the members that hold them and their number, empty for none.

    `query` selects the rows, `projection` the members of each.
    """

    path: NavigationPath
    query: BoundQuery
    projection: Projection
    member: str
    count_member: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """The members of each row, in order.

    `computed` holds the expressions of properties that are not columns. `constants` are control
    information that is the same in every row, as (name, text), and come first. `id_members` name
    the members that hold the entity's URL; the URL is `id_prefix` + the percent-encoded key + `)`.
    `type_suffix` is the annotation for the type of a property where JSON does not show it, e.g.
    `@odata.type`; empty for none. Only dynamic properties need it; `all_typed` adds it to the
    model's properties too. `int64_as_text` is for clients whose numbers are Doubles
    (IEEE754Compatible, JSON Format 3.2): 64-bit integers and decimals are sent as text.
    `omit_nulls` leaves out the properties that are null, and their types.

    `navigation_links` are pairs: a member that links to related rows, and the suffix of its URL
    after the entity's. `expanded` are the related rows included in each row.

    `views` cut down lists that are not shown whole; `count_suffix` is the annotation for the
    number of their elements.

    `variants` is not empty if rows have different members; each row then names its variant.
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
    navigation_links: tuple[tuple[str, str], ...] = ()
    expanded: tuple[Expanded, ...] = ()
    views: tuple[ValuesView, ...] = ()
    count_suffix: str = ""
