"""A variation: all the ways in which one API differs from the one that this project assumes."""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal, TypeVar, cast

from gateway.sandbox.variations.aggregates import StatisticsForm
from gateway.sandbox.variations.attributes import CustomFieldForm, GroupForm
from gateway.sandbox.variations.door import DoorForm
from gateway.sandbox.variations.envelope import EnvelopeForm
from gateway.sandbox.variations.layout import LayoutForm
from gateway.sandbox.variations.ordering import OrderForm
from gateway.sandbox.variations.paging import PagingForm
from gateway.sandbox.variations.parts import ContentForm, KeyForm, PersonForm
from gateway.sandbox.variations.population import PopulationForm
from gateway.sandbox.variations.ranges import RangeForm
from gateway.sandbox.variations.refusals import StatusForm
from gateway.sandbox.variations.selection import FilterForm, Role
from gateway.sandbox.variations.values import ValueForm


@dataclass(frozen=True, slots=True)
class DescriptionForm:
    """The OpenAPI description that an API serves of itself.

    Attributes:
        path: the document's path, or None without one.
        version: of OpenAPI.
        prefix_in: the place of the endpoints' prefix, the paths or the server's URL.
        page: the path of a Swagger UI page, or None without one.
        embedded: `no` for a page with the document's URL, `page` for one that contains it,
            `script` for one that loads it with its start-up script, as NestJS does.
        success: the status that it claims, if it is wrong.
    """

    path: str | None = None
    version: Literal["2.0", "3.0.3", "3.1.0"] = "3.0.3"
    prefix_in: Literal["paths", "servers"] = "paths"
    page: str | None = None
    embedded: Literal["no", "page", "script"] = "no"
    success: int | None = None


@dataclass(frozen=True, slots=True)
class Variation:
    """One API; the default is the assumed one. Each part is described where it is defined."""

    status: StatusForm = field(default_factory=StatusForm)
    door: DoorForm = field(default_factory=DoorForm)
    filters: FilterForm = field(default_factory=FilterForm)
    ranges: RangeForm = field(default_factory=RangeForm)
    paging: PagingForm = field(default_factory=PagingForm)
    order: OrderForm = field(default_factory=OrderForm)
    envelope: EnvelopeForm = field(default_factory=EnvelopeForm)
    key: KeyForm = field(default_factory=KeyForm)
    user: PersonForm = field(default_factory=PersonForm)
    content: ContentForm = field(default_factory=ContentForm)
    values: ValueForm = field(default_factory=ValueForm)
    groups: GroupForm = field(default_factory=GroupForm)
    fields: CustomFieldForm = field(default_factory=CustomFieldForm)
    layout: LayoutForm = field(default_factory=LayoutForm)
    statistics: StatisticsForm = field(default_factory=StatisticsForm)
    population: PopulationForm = field(default_factory=PopulationForm)
    description: DescriptionForm = field(default_factory=DescriptionForm)

    @property
    def number_roles(self) -> frozenset[Role]:
        """Return the roles whose ids are numbers, in rows and in filters."""
        users: set[Role] = {"users"} if self.user.id_number else set()
        contents: set[Role] = {"contents"} if self.content.id_number else set()
        return frozenset(users | contents)


def merge(*variations: Variation) -> Variation:
    """Return a variation with all differences; of two for one part, the later one counts.

    >>> one = Variation(status=StatusForm(success=201))
    >>> two = Variation(status=StatusForm(error="list"))
    >>> merge(one, two).status == StatusForm(success=201, error="list")
    True
    """
    merged = Variation()
    for variation in variations:
        merged = _overlay(merged, variation, Variation())
    return merged


_Form = TypeVar("_Form")


def _overlay(below: _Form, above: _Form, default: _Form) -> _Form:
    """Return `below` with every value of `above` that is not the default."""
    changes: dict[str, object] = {}
    for part in fields(cast("type[Variation]", type(default))):
        low, high, usual = (getattr(form, part.name) for form in (below, above, default))
        changes[part.name] = (
            _overlay(low, high, usual) if is_dataclass(usual) else low if high == usual else high
        )
    return cast("_Form", replace(cast("Variation", below), **changes))  # type: ignore[arg-type]
