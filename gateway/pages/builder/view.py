"""The form as the page shows it: its rows with their choices, and the position of an error."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.labels import column_label
from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import TextPosition
from gateway.pages.builder.conditions import OPERATORS, is_complete, operators_of
from gateway.pages.builder.fields import fits, suggested
from gateway.pages.builder.form import OWN, Condition, Form, FormTotal
from gateway.pages.builder.to_query import COUNT, METHODS
from gateway.pages.builder.values import NOTHING_LISTED, Choices, SuggestedValue, find_choices
from gateway.service.service import QueryService

_CONTEXT_CHARACTERS = 44
_LISTED = ("eq", "ne", "in", "notin", "has", "hasnot")


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A condition with its possible operators and values.

    `takes` is `own` for a custom OData condition. `lists` holds the suggested values, `chosen`
    these and the chosen ones.
    """

    condition: Condition
    column: str
    operators: tuple[str, ...]
    takes: str
    lists: Choices = NOTHING_LISTED
    is_instant: bool = False

    @property
    def chosen(self) -> tuple[SuggestedValue, ...]:
        """Return the suggested and the chosen values; empty if there are no suggestions."""
        return self.lists.with_chosen(self.condition.values) if self.lists.items else ()

    @property
    def is_complete(self) -> bool:
        """Return True if the condition is part of the query."""
        return is_complete(self.condition)


@dataclass(frozen=True, slots=True)
class FormView:
    """A form, and the lists for its fields.

    `columns` and `groups` list all columns. The chosen ones come first, unless their order is that
    of the model.
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
    def labels(self) -> dict[str, str]:
        """Return the names of the columns for people."""
        return {prop.name: column_label(prop) for prop in self.properties}

    @property
    def properties(self) -> tuple[Property, ...]:
        """Return the columns of the table."""
        return self.entity_set.entity_type.properties

    @property
    def mode(self) -> str:
        """Return the mode: `rows` or `totals`."""
        return "totals" if self.form.is_grouped else "rows"

    @property
    def shape(self) -> str:
        """Return a key of the condition controls; the script replaces them if it changes."""
        rows = (f"{row.column} {row.condition.operator}" for row in self.rows)
        return "; ".join((self.form.table, self.mode, *rows))

    def columns_for(self, total: FormTotal) -> tuple[str, ...]:
        """Return the columns that a total can have, including its current one."""
        names = (prop.name for prop in self.groups if fits(total.method, prop))
        return tuple(dict.fromkeys((*names, total.column)))

    def suggested(self, total: FormTotal) -> str:
        """Return the default name of a total."""
        return suggested(total.method, total.column, self.entity_set.entity_type)


async def view_form(
    form: Form, entity_set: EntitySet, service: QueryService, root: str
) -> FormView:
    """Return the form with its lists, which come from the newest snapshot."""
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
    """Put chosen columns first: browsers submit boxes in page order, the order of `$select`."""
    by_name = {prop.name: prop for prop in properties}
    if list(chosen) == [name for name in by_name if name in chosen]:
        return properties
    order = dict.fromkeys((*(name for name in chosen if name in by_name), *by_name))
    return tuple(by_name[name] for name in order)


@dataclass(frozen=True, slots=True)
class ErrorExcerpt:
    """The text around the position of an error; `at` is the character at it, if any."""

    before: str
    at: str
    after: str

    @property
    def caret(self) -> str:
        """Return a line with a caret below the position."""
        return " " * len(self.before) + "^"


def excerpt_of(place: TextPosition) -> ErrorExcerpt:
    """Return the surroundings of a position, cut to fit one line.

    >>> excerpt_of(TextPosition("state == 'A'", 6))
    ErrorExcerpt(before='state ', at='=', after="= 'A'")
    """
    first = max(0, place.position - _CONTEXT_CHARACTERS)
    shown = "".join(c if c.isprintable() else " " for c in place.text)
    before = ("\N{HORIZONTAL ELLIPSIS}" if first else "") + shown[first : place.position]
    rest = shown[place.position + 1 : place.position + _CONTEXT_CHARACTERS]
    return ErrorExcerpt(before, shown[place.position : place.position + 1], rest)
