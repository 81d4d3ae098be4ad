"""The rules of expressions and of paths in them (Part 2, 5.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from grammar.errors import BuilderError
from grammar.parse.functions import ARITIES, check_arity, unknown_function
from grammar.tree.expressions import (
    Alias,
    Binary,
    BoundCall,
    Call,
    Case,
    Cast,
    CountOf,
    Expr,
    FilteredBy,
    IsOf,
    KeyLookup,
    KeyPredicate,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    RecordExpr,
    Special,
    Unary,
)
from grammar.tree.options import QueryOptions

PathStep: TypeAlias = Callable[[Expr], Expr]
Pair: TypeAlias = tuple[str, Expr]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call: values by position or by name, never both."""

    positional: tuple[Expr, ...] = ()
    named: tuple[Pair, ...] = ()


def first(item: object) -> list[object]:
    """Start a list."""
    return [item]


def more(items: list[object], item: object) -> list[object]:
    """Extend a list in place, which only the parser has."""
    items.append(item)
    return items


def binary(left: Expr, operator: str, right: Expr) -> Binary:
    """Build `left operator right`."""
    return Binary(operator, left, right)


def in_one(left: Expr, item: Expr) -> Binary:
    """Build `x in ('a')`, with a list of one, or `x in (Names)`, with a collection."""
    return Binary("in", left, ListExpr((item,)) if isinstance(item, Literal) else item)


def in_many(left: Expr, item: Expr, items: list[Expr]) -> Binary:
    """Build `x in ('a','b')`."""
    return Binary("in", left, ListExpr((item, *items)))


def call(name: str, arguments: Arguments) -> Expr:
    """Build a canonical function, or one of the service if the name has a namespace."""
    canonical = name.lower()
    if canonical in ARITIES:
        if arguments.named:
            raise BuilderError(
                f"{canonical} takes its arguments by position, without names",
                hint=f"write {canonical}(a,b)",
                at=1,
            )
        check_arity(canonical, len(arguments.positional))
        return Call(canonical, arguments.positional)
    if "." not in name:
        raise unknown_function(name)
    return BoundCall(None, name, _parameters(name, arguments))


def call_start(name: str, arguments: Arguments) -> Expr:
    """Build a call with a path after it; `Items(1)/x` is a collection with a key."""
    if "." in name or name.lower() in ARITIES:
        return call(name, arguments)
    key = _key(arguments)
    if key is None:
        raise unknown_function(name)
    return KeyLookup(Name(name), key)


def call_step(name: str, arguments: Arguments) -> PathStep:
    """Build `/Name(...)`: a key if possible, otherwise a function bound to the path before."""
    key = None if "." in name else _key(arguments)
    if key is not None:
        return lambda base: KeyLookup(Member(base, name), key)
    parameters = _parameters(name, arguments)
    return lambda base: BoundCall(base, name, parameters)


def _parameters(name: str, arguments: Arguments) -> tuple[Pair, ...]:
    if arguments.positional:
        hint = f"for example {name}(Parameter=1)"
        raise BuilderError(f"{name} takes named parameters", hint=hint, at=1)
    return arguments.named


def _key(arguments: Arguments) -> KeyPredicate | None:
    """Return one literal or alias, or named ones; None if the arguments are not a key (4.3)."""
    if len(arguments.positional) == 1:
        pairs: tuple[Pair, ...] = (("", arguments.positional[0]),)
    else:
        pairs = () if arguments.positional else arguments.named
    plain = all(isinstance(value, Literal | Alias) for _, value in pairs)
    return KeyPredicate(pairs) if pairs and plain else None


def extend(base: Expr, step: PathStep) -> Expr:
    """Add a step to a path."""
    return step(base)


def lambda_step(quantifier: str, variable: str = "", predicate: Expr | None = None) -> PathStep:
    """Build `/any()`, `/any(x:...)`, `/all(x:...)`."""
    if predicate is None and quantifier == "all":
        raise BuilderError(
            "all needs a predicate", hint="for example Items/all(i:i/Price gt 5)", at=1
        )
    if "." in variable:
        raise BuilderError(
            "a lambda variable cannot have a namespace", hint="write a name without dots", at=1
        )
    return lambda base: Lambda(base, quantifier, variable or None, predicate)


def count_step(_text: str) -> PathStep:
    """Build `/$count`."""
    return CountOf


def count_step_with(options: dict[str, object]) -> PathStep:
    """Build `/$count($filter=...;$search=...)`."""
    given = QueryOptions(**options)  # type: ignore[arg-type]  # the grammar ensures the types
    return lambda base: CountOf(base, given.filter, given.search)


def case(branches: list[tuple[Expr, Expr]]) -> Case:
    """Build `case(condition:value,...)`."""
    return Case(tuple(branches))


def json_member(name: str, value: Expr) -> Pair:
    """Build `"name":value` in a JSON object."""
    return name, value


EXPRESSION_RULES: dict[str, Callable[..., object]] = {
    "first": first,
    "more": more,
    "pair": lambda name, value: (name, value),
    "binary": binary,
    "unary": Unary,
    "in_nothing": lambda left: Binary("in", left, ListExpr(())),
    "in_one": in_one,
    "in_many": in_many,
    "no_arguments": Arguments,
    "positional": lambda items: Arguments(tuple(items)),
    "named": lambda items: Arguments((), tuple(items)),
    "call": call,
    "call_start": call_start,
    "name": Name,
    "special": Special,
    "alias": Alias,
    "member": Member,
    "extend": extend,
    "cast": Cast,
    "cast_this": lambda type_name: Cast(None, type_name),
    "isof": IsOf,
    "isof_this": lambda type_name: IsOf(None, type_name),
    "case": case,
    "call_step": call_step,
    "count_step": count_step,
    "count_step_with": count_step_with,
    "filter_step": lambda predicate: lambda base: FilteredBy(base, predicate),
    "lambda_step": lambda_step,
    "no_items": lambda: ListExpr(()),
    "array": lambda items: ListExpr(tuple(items)),
    "json_string": lambda text: Literal(LiteralKind.STRING, text),
    "no_members": lambda: RecordExpr(()),
    "record": lambda members: RecordExpr(tuple(members)),
    "json_member": json_member,
}
