"""Judges one case of the standard's grammar test cases with our parsers.

The cases are reference data that does not ship with the project: they are looked for in the folder
`../shared`, or where SKILLHABIT_SHARED points.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from grammar import (
    Literal,
    ODataSyntaxError,
    encode_path,
    encode_query,
    option_pairs,
    parse_expression,
    parse_query_options,
    parse_resource_path,
    parse_search,
    parse_value,
    split_path,
    split_query,
    unparse,
)
from tests.grammar.context import context_text, parse_context
from tests.grammar.headers import check_header, check_prefer
from tests.grammar.relative_url import parse_relative_url

SHARED = Path(os.environ.get("SKILLHABIT_SHARED", Path(__file__).parents[3] / "shared"))
CASES = SHARED / "data" / "abnf" / "cases.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the cases; `rule` is a rule of the standard's ABNF."""

    id: str
    area: str
    rule: str
    input: str
    valid: bool

    @property
    def raw(self) -> bytes:
        return self.input.encode()


def load_cases() -> list[Case]:
    """All cases, or none when the folder is absent."""
    if not CASES.exists():
        return []
    lines = CASES.read_text(encoding="utf-8").splitlines()
    names = ("id", "area", "rule", "input", "valid")
    return [Case(**{name: json.loads(line)[name] for name in names}) for line in lines]


_LITERALS = {
    "binaryLiteral": "BINARY",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "dateTimeOffsetLiteral": "DATE_TIME_OFFSET",
    "dateTimeOffsetValueInUrl": "DATE_TIME_OFFSET",
    "decimalLiteral": "DECIMAL",
    "durationLiteral": "DURATION",
    "enumLiteral": "ENUM|STRING",  # 4.01: without a prefix the other operand decides
    "guid": "GUID",
    "int16Literal": "INTEGER",
    "int64Literal": "INTEGER",
    "primitiveLiteral": "DECIMAL|STRING",
    "sbyteLiteral": "INTEGER",
    "singleLiteral": "DOUBLE",
    "stringLiteral": "STRING",
}
_VALUES = {
    "booleanValue": ("Edm.Boolean",),
    "byteValue": ("Edm.Byte",),
    "dateTimeOffsetValue": ("Edm.DateTimeOffset",),
    "dateValue": ("Edm.Date",),
    "decimalValue": ("Edm.Decimal",),
    "doubleValue": ("Edm.Double",),
    "durationValue": ("Edm.Duration",),
    "enumValue": ("Model.Enum",),
    "int16Value": ("Edm.Int16",),
    "singleValue": ("Edm.Single",),
    "timeOfDayValue": ("Edm.TimeOfDay",),
    "primitiveValue": ("Edm.Boolean", "Edm.Guid", "Edm.Decimal", "Model.Enum", "Edm.Binary"),
}
_EXPRESSIONS = {
    "boolCommonExpr": "{}",
    "commonExpr": "{}",
    "firstMemberExpr": "{}",
    "isofExpr": "{}",
    "notExpr": "{}",
    "propertyPathExpr": "{}",
    "anyExpr": "Items/{}",
    "functionParameter": "Model.F({})",
}
_OPTIONS = {
    "queryOptions",
    "filter",
    "orderby",
    "select",
    "expand",
    "compute",
    "search",
    "systemQueryOption",
    "customQueryOption",
    "skiptoken",
    "deltatoken",
}
_HEADERS = {"header", "prefer", "request-id"}
_ROOT = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?(?=[^/?#]*(?:\?|$))")


def is_accepted(case: Case) -> bool:
    """Whether our parsers accept the input as what the case's rule says it is."""
    try:
        _judge(case)
    except ODataSyntaxError:
        return False
    return True


def _judge(case: Case) -> None:
    rule = case.rule
    if rule in _LITERALS or rule.startswith(("geography", "geometry")):
        _literal(case)
    elif rule in _VALUES:
        _value(case)
    elif rule in _EXPRESSIONS:
        _expression(_EXPRESSIONS[rule].format(unquote(case.input)))
    elif rule in _OPTIONS:
        _options(case)
    elif rule in {"odataUri", "odataRelativeUri", "resourcePath", "entitySetName"}:
        _url(case)
    else:
        _other(case)


def _other(case: Case) -> None:
    if case.rule == "searchExpr":
        parse_search(unquote(case.input))
    elif case.rule == "odataIdentifier":
        _expression(case.input)
    elif case.rule == "context":
        _context(case.input.removeprefix("#"))
    elif case.rule in _HEADERS:
        name, _, value = case.input.partition(": ")
        if name == "Prefer":
            check_prefer(value)
        else:
            check_header(name if value else "Content-ID", value or name)
    else:
        assert case.rule.lower().endswith("preference"), case.rule
        check_prefer(case.input)


def _literal(case: Case) -> None:
    tree = parse_expression(unquote(case.input))
    if not isinstance(tree, Literal):
        raise ODataSyntaxError("no literal")
    expected = _LITERALS.get(case.rule, "GEOGRAPHY|GEOMETRY")
    if tree.kind.name not in expected.split("|"):
        raise ODataSyntaxError("a literal of another type")
    assert parse_expression(unparse(tree)) == tree


def _value(case: Case) -> None:
    for type_name in _VALUES[case.rule]:
        try:
            parse_value(case.input, type_name)
        except ODataSyntaxError:
            continue
        return
    raise ODataSyntaxError("no value")


def _expression(text: str) -> None:
    tree = parse_expression(text)
    assert parse_expression(unparse(tree)) == tree


def _options(case: Case) -> None:
    pairs = split_query(case.raw)
    if case.rule != "queryOptions" and len(pairs) != 1:
        raise ODataSyntaxError("more than one option")
    options = parse_query_options(pairs)
    assert parse_query_options(split_query(encode_query(option_pairs(options)).encode())) == options


def _url(case: Case) -> None:
    raw = case.input
    if case.rule == "odataUri":
        root = _ROOT.match(raw)
        if root is None:
            raise ODataSyntaxError("no service root")
        raw = raw[root.end() :]
    if raw.startswith("$metadata#"):
        _context(raw.removeprefix("$metadata#"))
        return
    path, _ = parse_relative_url(raw.encode())
    assert parse_resource_path(split_path(encode_path(path).encode())) == path


def _context(fragment: str) -> None:
    tree = parse_context(fragment)
    assert context_text(tree) == fragment
