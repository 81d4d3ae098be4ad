"""Decoded text to tree, one function for each query option (Part 2, 5.1).

Every function takes linear time, and raises `ODataSyntaxError` for text that is not OData or beyond
the limits. The functions are pure: the only state is the tables, which are built once, by `prepare`
or on the first parse.
"""

from __future__ import annotations

from typing import TypeVar, cast

from grammar.errors import BuilderError, ODataSyntaxError
from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.lalr_runtime import ParserState, UnexpectedInput, run
from grammar.parse.messages import rejected, unexpected
from grammar.parse.tables import start_states
from grammar.tree.expressions import ComputeItem, Expr, OrderItem
from grammar.tree.options import ExpandItem, SelectItem
from grammar.tree.search import SearchExpr
from grammar.tree.transformations import Transformation

Item = TypeVar("Item")


def prepare() -> None:
    """Build the tables now, so that the first parse does not take longer."""
    start_states()


def parse_expression(text: str, limits: Limits = DEFAULT_LIMITS, *, option: str = "") -> Expr:
    """Parse any expression of 5.1.1, Boolean or not.

    >>> parse_expression("progress divby 2")
    Binary(operator='divby', left=Name(name='progress'), right=Literal(kind=<LiteralKind.INTEGER: \
'Edm.Int64'>, value=2, type_name=''))
    """
    return cast(Expr, parse("expression", text, limits, option))


def parse_filter(text: str, limits: Limits = DEFAULT_LIMITS) -> Expr:
    """Parse $filter; the binder checks that the expression is Boolean."""
    return parse_expression(text, limits, option="$filter")


def parse_orderby(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[OrderItem, ...]:
    """Parse $orderby: `expression asc|desc`, separated by commas."""
    return _parse_list(OrderItem, "orderby", text, limits)


def parse_compute(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[ComputeItem, ...]:
    """Parse $compute: `expression as alias`, separated by commas."""
    return _parse_list(ComputeItem, "compute", text, limits)


def parse_select(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[SelectItem, ...]:
    """Parse $select: paths, `*`, `Namespace.*`, with options in parentheses (4.01)."""
    return _parse_list(SelectItem, "select", text, limits)


def parse_expand(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[ExpandItem, ...]:
    """Parse $expand: paths, `/$ref`, `/$count`, with options in parentheses."""
    return _parse_list(ExpandItem, "expand", text, limits)


def parse_search(text: str, limits: Limits = DEFAULT_LIMITS) -> SearchExpr:
    """Parse $search: NOT binds tighter than AND, AND tighter than OR."""
    return cast(SearchExpr, parse("search", text, limits, "$search"))


def parse_apply(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Transformation, ...]:
    """Parse $apply: transformations separated by slashes (Data Aggregation 3)."""
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
    if len(text) > limits.max_characters:
        message = f"longer than the limit of {limits.max_characters} characters"
        hint = "shorten it"
        raise ODataSyntaxError(
            message, text=text, position=limits.max_characters, option=option, hint=hint
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = "half of a surrogate pair is not a character"
        hint = "write both halves, or leave this one out"
        raise ODataSyntaxError(
            message, text=text, position=error.start, option=option, hint=hint
        ) from None
    try:
        return run(state, text, limits)
    except UnexpectedInput as error:
        raise unexpected(error, text, option) from None
    except BuilderError as error:
        raise rejected(error, text, option) from None
