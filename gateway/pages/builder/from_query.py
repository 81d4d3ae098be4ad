"""URL -> form. The form's fields take over an option if they cover it fully, else it stays text.

Nothing is lost: `to_query` turns the form into a URL with the same meaning.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from gateway.edge.public_root import SERVICE_PATH
from gateway.edm.model import EntitySet, Schema
from gateway.errors import InvalidValue, ResourceNotFound
from gateway.pages.builder.conditions import to_condition
from gateway.pages.builder.form import OWN, Condition, Form, FormTotal, SortKey
from gateway.pages.builder.to_query import COUNT, METHODS
from gateway.query.reference import below_root
from gateway.query.request import parse_request
from grammar import (
    Aggregate,
    AggregateItem,
    Expr,
    FilterStep,
    GroupBy,
    Name,
    OrderItem,
    QueryOptions,
    SelectItem,
    Special,
    Transformation,
    encode_path,
    operands,
    option_pairs,
    unparse,
)

_BREAKS = ("\r", "\0")
_MAX_CONDITIONS = 40


def below_service(text: str, root: str) -> str:
    """Return the part of a pasted URL below the service root, percent-encoded as by browsers.

    The URL may be relative, or absolute with any host name of the gateway.

    >>> below_service("http://h.example/odata/v4/Results?$filter=state eq 'é'", "http://h/odata/v4/")
    "Results?$filter=state%20eq%20'%C3%A9'"

    Raises:
        InvalidValue: the URL belongs to another service.
    """
    url = text.strip()
    found = below_root(url, root)
    path, mark, query = url.partition("?")
    if found is None and f"{SERVICE_PATH}/" in path:
        found = path.partition(f"{SERVICE_PATH}/")[2] + mark + query
    if found is None:
        raise InvalidValue(
            f"this URL belongs to another service; use one that starts with the service root {root}"
        )
    return "".join(map(_encoded, found))


def _encoded(character: str) -> str:
    is_bare = "!" <= character <= "~"
    return character if is_bare else "".join(f"%{byte:02X}" for byte in character.encode())


def to_form(url: str, schema: Schema) -> Form:
    """Return the form for a URL below the service root.

    Raises:
        GatewayError: the URL is not valid OData.
        ResourceNotFound, InvalidValue: the form cannot show the query.
    """
    path, _, query = url.partition("?")
    request = parse_request(path.encode(), query.encode())
    segments = request.path.segments
    entity_set = schema.find_set(segments[0].name) if segments else None
    if entity_set is None or request.by_id:
        raise ResourceNotFound(
            "the form works for tables only, and this URL requests something else; edit the URL"
            " itself"
        )
    rest = encode_path(request.path).removeprefix(entity_set.name)
    form = _read(request.options, Form(entity_set.name, rest), entity_set)
    _check_holds(form)
    return form


def _read(options: QueryOptions, form: Form, entity_set: EntitySet) -> Form:
    """Fill the form from the options; those that its fields cover are removed from `options`."""
    condition = options.filter
    apply = _read_apply(options.apply, entity_set)
    if apply is not None:
        condition, groups, totals = apply
        form = replace(form, groups=groups, totals=totals)
        options = replace(options, apply=())
    else:
        options = replace(options, filter=None)
    if condition is not None:
        any_of, conditions = _read_condition(condition, entity_set)
        form = replace(form, any_of=any_of, conditions=conditions)
    columns = None if form.is_grouped else _read_select(options.select, entity_set)
    if columns is not None:
        form, options = replace(form, columns=columns), replace(options, select=())
    order = _read_order(options.orderby)
    if order is not None:
        form, options = replace(form, order=order), replace(options, orderby=())
    form = replace(form, top=options.top, count=options.count is True)
    options = replace(options, top=None, count=None if form.count else options.count)
    return replace(form, other=option_pairs(options))


def _read_condition(node: Expr, entity_set: EntitySet) -> tuple[bool, tuple[Condition, ...]]:
    alternatives = operands(node, "or")
    parts = alternatives if len(alternatives) > 1 else operands(node, "and")
    if len(parts) > _MAX_CONDITIONS:
        return False, (Condition("", OWN, (unparse(node),)),)
    find = entity_set.entity_type.find
    return len(alternatives) > 1, tuple(to_condition(part, find) for part in parts)


def _read_apply(
    steps: tuple[Transformation, ...], entity_set: EntitySet
) -> tuple[Expr | None, tuple[str, ...], tuple[FormTotal, ...]] | None:
    """Return condition, groups and totals of steps that the form can express, else None."""
    known = entity_set.entity_type.names
    condition: Expr | None = None
    if len(steps) > 1 and isinstance(steps[0], FilterStep):
        condition, steps = steps[0].predicate, steps[1:]
    match steps:
        case (Aggregate(items),):
            totals = _read_totals(items, known)
            return None if totals is None else (condition, (), totals)
        case (GroupBy(by, inner),):
            groups = tuple(e.name for e in by if isinstance(e, Name) and e.name in known)
            inside = inner[0] if len(inner) == 1 else None
            items = inside.items if isinstance(inside, Aggregate) else ()
            totals = _read_totals(items, known) if items or not inner else None
            whole = totals is not None and len(set(groups)) == len(by)
            return (condition, groups, totals or ()) if whole else None
        case _:
            return None


def _read_totals(
    items: tuple[AggregateItem, ...], known: tuple[str, ...]
) -> tuple[FormTotal, ...] | None:
    found = [total for total in map(_read_total, items) if total is not None]
    all_known = all(total.method == COUNT or total.column in known for total in found)
    return tuple(found) if all_known and len(found) == len(items) else None


def _read_total(item: AggregateItem) -> FormTotal | None:
    match item:
        case AggregateItem(Special("$count"), "", alias, ()):
            return FormTotal(COUNT, "", alias)
        case AggregateItem(Name(name), method, alias, ()) if method in METHODS and alias:
            return FormTotal(method, name, alias)
        case _:
            return None


def _read_select(items: tuple[SelectItem, ...], entity_set: EntitySet) -> tuple[str, ...] | None:
    names = tuple(chain.from_iterable(item.path for item in items))
    known = entity_set.entity_type.names
    plain = items == tuple(SelectItem((name,)) for name in names)
    one_each = len(set(names)) == len(names)
    return names if plain and one_each and set(names) <= set(known) else None


def _read_order(items: tuple[OrderItem, ...]) -> tuple[SortKey, ...] | None:
    found = [
        SortKey(item.expression.name, item.descending)
        for item in items
        if isinstance(item.expression, Name)
    ]
    return tuple(found) if len(found) == len(items) else None


def _check_holds(form: Form) -> None:
    """Raise InvalidValue if a browser would change characters in a field."""
    own = (value for condition in form.conditions for value in condition.values)
    other = [f"{name}={value}" for name, value in form.other]
    lines = any("\n" in each for each in other) or any("=" in name for name, _ in form.other)
    if lines or any(mark in text for text in chain(own, other) for mark in _BREAKS):
        raise InvalidValue(
            "the form cannot hold the line breaks or control characters in this URL; edit the URL"
            " itself"
        )
