"""Decoded text -> tree, one function for each query option (Part 2, 5.1).

Every function raises `ODataSyntaxError`, and nothing else, for text that is not OData or beyond the
limits, and takes linear time. They are pure: no state but the tables, which are built once, by
`prepare` or else on the first parse.
"""

from __future__ import annotations

from typing import TypeVar, cast

from grammar.errors import BuilderError, ODataSyntaxError
from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.lalr_runtime import ParserState, UnexpectedInput, run
from grammar.parse.messages import refused, unexpected
from grammar.parse.tables import start_states
from grammar.tree.expressions import ComputeItem, Expr, OrderItem
from grammar.tree.options import ExpandItem, SelectItem
from grammar.tree.search import SearchExpr
from grammar.tree.transformations import Transformation

Item = TypeVar("Item")


def prepare() -> None:
    """Build the tables now, for who does not want the first text to wait for them."""
    start_states()


def parse_expression(text: str, limits: Limits = DEFAULT_LIMITS, *, option: str = "") -> Expr:
    """Any expression of 5.1.1, Boolean or not.

    >>> parse_expression("progress divby 2")
    Binary(operator='divby', left=Name(name='progress'), right=Literal(kind=<LiteralKind.INTEGER: \
'Edm.Int64'>, value=2, type_name=''))
    """
    return cast(Expr, parse("expression", text, limits, option))


def parse_filter(text: str, limits: Limits = DEFAULT_LIMITS) -> Expr:
    """$filter: an expression; that it is Boolean is for the binder to check."""
    return parse_expression(text, limits, option="$filter")


def parse_orderby(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[OrderItem, ...]:
    """$orderby: `expression asc|desc`, separated by commas."""
    return _parse_list(OrderItem, "orderby", text, limits)


def parse_compute(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[ComputeItem, ...]:
    """$compute: `expression as alias`, separated by commas."""
    return _parse_list(ComputeItem, "compute", text, limits)


def parse_select(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[SelectItem, ...]:
    """$select: paths, `*`, `Namespace.*`, with options in parentheses (4.01)."""
    return _parse_list(SelectItem, "select", text, limits)


def parse_expand(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[ExpandItem, ...]:
    """$expand: paths, `/$ref`, `/$count`, with options in parentheses."""
    return _parse_list(ExpandItem, "expand", text, limits)


def parse_search(text: str, limits: Limits = DEFAULT_LIMITS) -> SearchExpr:
    """$search: words, phrases, parentheses; NOT binds tighter than AND, AND tighter than OR."""
    return cast(SearchExpr, parse("search", text, limits, "$search"))


def parse_apply(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Transformation, ...]:
    """$apply: transformations separated by slashes (Data Aggregation 3)."""
    return tuple(cast(list[Transformation], parse("apply", text, limits, "$apply")))


def _parse_list(item: type[Item], start: str, text: str, limits: Limits) -> tuple[Item, ...]:
    return tuple(cast(list[Item], parse(start, text, limits, f"${start}")))


def parse(start: str, text: str, limits: Limits, option: str) -> object:
    """Parse text by one start rule of the grammar; the rule decides what it returns."""
    return parse_from(start_states()[start], text, limits, option)


def parse_from(state: ParserState, text: str, limits: Limits, option: str) -> object:
    """Parse text from the first parser state of a rule.

    Raises:
        ODataSyntaxError: the text is not OData or beyond the limits.
    """
    if len(text) > limits.max_length:
        message = f"longer than the limit of {limits.max_length} characters"
        raise ODataSyntaxError(message, text=text, position=limits.max_length, option=option)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = "half a surrogate pair is no character"
        raise ODataSyntaxError(message, text=text, position=error.start, option=option) from None
    try:
        return run(state, text, limits)
    except UnexpectedInput as error:
        raise unexpected(error, text, option) from None
    except BuilderError as refusal:
        raise refused(refusal, text, option) from None
