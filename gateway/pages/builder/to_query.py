"""Form -> URL: builds a syntax tree, which the grammar serialises and encodes."""

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
"""OData's own method names; `COUNT` takes no column."""


def to_url(form: Form, entity_set: EntitySet) -> str:
    """Return the URL below the service root, canonical and percent-encoded.

    Raises:
        InvalidSyntax, UnknownOption: text in the form is not valid OData; see `place`.
        TypeMismatch, UnknownName: a value does not fit its column, or the column does not exist.
    """
    try:
        own = option_pairs(_options(form, entity_set))
        wrong = (("$top", form.wrong_top),) if form.wrong_top else ()  # the grammar rejects it
        added = (*wrong, *form.other)
        whole = parse_query_options((*own, *added)) if added else None
    except ODataSyntaxError as error:
        raise to_gateway_error(error) from error
    query = encode_query(own if whole is None else option_pairs(whole))
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
    """Return all conditions as one expression, left-associative as in OData."""
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
        raise _name_condition(number, condition, error) from error


def _name_condition(
    number: int, condition: Condition, error: ODataSyntaxError | GatewayError
) -> GatewayError:
    """Return the error with a message that names the condition in the form."""
    cause = error if isinstance(error, GatewayError) else to_gateway_error(error)
    name = f"condition {number}" + (f", {condition.column}" if condition.column else "")
    message = cause.message.removeprefix("$filter: ")
    return type(cause)(f"{name}: {message}", target=name, place=cause.place)


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
