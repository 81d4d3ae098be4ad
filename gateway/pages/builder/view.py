"""What the page shows of a form: its rows with what each can be, and the place of a mistake."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import TextPosition
from gateway.pages.builder.conditions import OPERATORS, is_complete, operators_of
from gateway.pages.builder.fields import fits, suggested
from gateway.pages.builder.form import OWN, Condition, Form, Total
from gateway.pages.builder.to_query import COUNT, METHODS
from gateway.pages.builder.values import NOTHING_LISTED, Choices, SuggestedValue, find_choices
from gateway.service.service import QueryService

_SHOWN = 44
_LISTED = ("eq", "ne", "in", "notin", "has", "hasnot")


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A condition and what it can be; `takes` is own for one that is written in OData.

    `lists` what values there are, `chosen` these and those that are chosen already.
    """

    condition: Condition
    column: str
    operators: tuple[str, ...]
    takes: str
    lists: Choices = NOTHING_LISTED
    is_instant: bool = False

    @property
    def chosen(self) -> tuple[SuggestedValue, ...]:
        """What to choose from, with what is chosen; nothing where nothing is listed."""
        return self.lists.with_chosen(self.condition.values) if self.lists.items else ()

    @property
    def is_complete(self) -> bool:
        """Whether it is part of the query."""
        return is_complete(self.condition)


@dataclass(frozen=True, slots=True)
class FormView:
    """A form, and the lists that its fields choose from.

    `columns` and `groups` are all that there are, the chosen ones first unless these stand in the
    order of the model.
    """

    form: Form
    entity_set: EntitySet
    rows: tuple[ConditionRow, ...]
    columns: tuple[Property, ...]
    groups: tuple[Property, ...]
    sortable: tuple[str, ...]
    methods: tuple[str, ...] = (COUNT, *METHODS)
    own: str = OWN

    @property
    def properties(self) -> tuple[Property, ...]:
        """The columns of the table."""
        return self.entity_set.entity_type.properties

    @property
    def mode(self) -> str:
        """Rows or totals."""
        return "totals" if self.form.is_grouped else "rows"

    @property
    def shape(self) -> str:
        """What the controls of the conditions depend on: with another one they are made anew."""
        rows = (f"{row.column} {row.condition.operator}" for row in self.rows)
        return "; ".join((self.form.table, self.mode, *rows))

    def columns_for(self, total: Total) -> tuple[str, ...]:
        """Columns that a total can be of, and the one that it is of."""
        names = (prop.name for prop in self.groups if fits(total.method, prop))
        return tuple(dict.fromkeys((*names, total.column)))

    def suggested(self, total: Total) -> str:
        """What a total is called unless somebody says otherwise."""
        return suggested(total.method, total.column, self.entity_set.entity_type)


async def view_form(
    form: Form, entity_set: EntitySet, service: QueryService, root: str
) -> FormView:
    """The form with its lists, which are made of the rows at hand."""
    kind = entity_set.entity_type
    rows = [await _row(each, entity_set, service, root) for each in form.conditions]
    single = tuple(prop for prop in kind.properties if not prop.collection)
    names = [prop.name for prop in single]
    totals = [*form.groups, *(total.alias for total in form.totals)]
    offered = totals if form.is_grouped else names
    return FormView(
        form,
        entity_set,
        tuple(rows),
        columns=_chosen_first(kind.properties, form.columns),
        groups=_chosen_first(single, form.groups),
        sortable=tuple(dict.fromkeys((*offered, *(key.name for key in form.order)))),
    )


async def _row(
    condition: Condition, entity_set: EntitySet, service: QueryService, root: str
) -> ConditionRow:
    prop = entity_set.entity_type.find(condition.column)
    if prop is None:
        is_own = condition.operator == OWN
        name, takes = (OWN, "own") if is_own else (condition.column, "none")
        return ConditionRow(condition, name, (condition.operator,), takes)
    lists = NOTHING_LISTED
    if condition.operator in _LISTED:
        lists = await find_choices(service, root, entity_set, prop)
    return ConditionRow(
        condition,
        prop.name,
        operators_of(prop),
        OPERATORS[condition.operator].takes,
        lists,
        is_instant=prop.type is PrimitiveType.DATE_TIME_OFFSET,
    )


def _chosen_first(
    properties: tuple[Property, ...], chosen: tuple[str, ...]
) -> tuple[Property, ...]:
    """A browser sends checked boxes in the order of the page, which is that of `$select`."""
    by_name = {prop.name: prop for prop in properties}
    if list(chosen) == [name for name in by_name if name in chosen]:
        return properties
    order = dict.fromkeys((*(name for name in chosen if name in by_name), *by_name))
    return tuple(by_name[name] for name in order)


@dataclass(frozen=True, slots=True)
class Spot:
    """A text around the place where it stops being right; `at` is the character there, if any."""

    before: str
    at: str
    after: str

    @property
    def caret(self) -> str:
        """A line that points at it from below."""
        return " " * len(self.before) + "^"


def spot_of(place: TextPosition) -> Spot:
    """The place, in a line that is not too long.

    >>> spot_of(TextPosition("state == 'A'", 6))
    Spot(before='state ', at='=', after="= 'A'")
    """
    first = max(0, place.position - _SHOWN)
    shown = "".join(c if c.isprintable() else " " for c in place.text)
    before = ("\N{HORIZONTAL ELLIPSIS}" if first else "") + shown[first : place.position]
    rest = shown[place.position + 1 : place.position + _SHOWN]
    return Spot(before, shown[place.position : place.position + 1], rest)
