"""Form -> URL: a syntax tree is made of it, which the grammar writes down and encodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from gateway.edm.model import EntitySet
from gateway.errors import GatewayError, UnknownName
from gateway.pages.builder.conditions import is_complete, to_expression
from gateway.pages.builder.form import OWN, Condition, Form
from gateway.query.request import to_gateway_error
from grammar import (
    Aggregate,
    AggregateItem,
    Binary,
    Expr,
    FilterStep,
    GroupBy,
    Name,
    ODataSyntaxError,
    OrderItem,
    QueryOptions,
    SelectItem,
    Special,
    Transformation,
    encode_query,
    option_pairs,
    parse_query_options,
)

COUNT = "count"
METHODS = ("sum", "min", "max", "average", "countdistinct")
"""OData's own names; `COUNT` is of no column."""


def to_url(form: Form, entity_set: EntitySet) -> str:
    """The URL below the service root, canonical and percent-encoded.

    Raises:
        InvalidSyntax, UnknownOption: what a person has written is not OData; see `place`.
        TypeMismatch, UnknownName: a value does not fit its column, or there is no such column.
    """
    try:
        made = option_pairs(_options(form, entity_set))
        wrong = (("$top", form.wrong_top),) if form.wrong_top else ()  # the grammar refuses it
        added = (*wrong, *form.other)
        whole = parse_query_options((*made, *added)) if added else None
    except ODataSyntaxError as error:
        raise to_gateway_error(error) from error
    query = encode_query(made if whole is None else option_pairs(whole))
    return f"{form.table}{form.rest}{'?' if query else ''}{query}"


def _options(form: Form, entity_set: EntitySet) -> QueryOptions:
    condition = _condition(form, entity_set)
    return QueryOptions(
        apply=tuple(_apply(form, condition)),
        filter=None if form.is_grouped else condition,
        count=form.count or None,
        orderby=tuple(OrderItem(Name(key.name), key.descending) for key in form.order),
        top=form.top,
        select=tuple(SelectItem((name,)) for name in form.columns if not form.is_grouped),
    )


def _condition(form: Form, entity_set: EntitySet) -> Expr | None:
    """All conditions in one, from left to right as OData reads them."""
    complete = [
        _expression(number, condition, entity_set)
        for number, condition in enumerate(form.conditions, 1)
        if is_complete(condition)
    ]
    word = "or" if form.any_of else "and"
    return reduce(lambda left, right: Binary(word, left, right), complete) if complete else None


def _expression(number: int, condition: Condition, entity_set: EntitySet) -> Expr:
    try:
        if condition.operator == OWN:
            return to_expression(condition, None)
        prop = entity_set.entity_type.find(condition.column)
        if prop is None:
            raise UnknownName(f"{entity_set.name} has no column {condition.column!r}")
        return to_expression(condition, prop)
    except (ODataSyntaxError, GatewayError) as error:
        raise _of_condition(number, condition, error) from error


def _of_condition(
    number: int, condition: Condition, error: ODataSyntaxError | GatewayError
) -> GatewayError:
    """The failure in words that name the row of the form."""
    told = error if isinstance(error, GatewayError) else to_gateway_error(error)
    name = f"condition {number}" + (f", {condition.column}" if condition.column else "")
    message = told.message.removeprefix("$filter: ")
    return type(told)(f"{name}: {message}", target=name, place=told.place)


def _apply(form: Form, condition: Expr | None) -> Iterator[Transformation]:
    if not form.is_grouped:
        return
    if condition is not None:
        yield FilterStep(condition)
    items = tuple(_item(total.method, total.column, total.alias) for total in form.totals)
    total = (Aggregate(items),) if items else ()
    if form.groups:
        yield GroupBy(tuple(map(Name, form.groups)), total)
    else:
        yield from total


def _item(method: str, column: str, alias: str) -> AggregateItem:
    if method == COUNT:
        return AggregateItem(Special("$count"), "", alias)
    return AggregateItem(Name(column), method, alias)
