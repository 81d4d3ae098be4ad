"""Problems of a request in the words of common validation libraries.

A `Problem` is independent of words. `describe` renders it as a library would, with a nested
member's path where that library puts it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, assert_never

Kind = Literal[
    "unknown", "required", "most", "least", "one_of", "each_one_of", "integer", "text", "list",
    "object", "boolean", "instant", "longest", "empty", "equal", "single",
]  # fmt: skip
Wording = Literal["plain", "class-validator", "joi", "zod", "pydantic", "mute"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a request: its kind, the member's path, and a bound or the allowed values."""

    kind: Kind
    member: str
    argument: str = ""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.member.rpartition(".")[2]


_CLASS_VALIDATOR: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": "property {name} should not exist",
        "required": "{name} should not be empty",
        "most": "{name} must not be greater than {argument}",
        "least": "{name} must not be less than {argument}",
        "one_of": "{name} must be one of the following values: {argument}",
        "each_one_of": "each value in {name} must be one of the following values: {argument}",
        "integer": "{name} must be an integer number",
        "text": "each value in {name} must be a string",
        "list": "{name} must be an array",
        "object": "nested property {name} must be either object or array",
        "boolean": "{name} must be a boolean value",
        "instant": "{name} must be {argument}",
        "longest": "{name} must contain no more than {argument} elements",
        "empty": "{name} should not be empty",
        "equal": "{name} must be equal to {argument}",
        "single": "{name} must be a string",
    }
)
_JOI: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": '"{member}" is not allowed',
        "required": '"{member}" is required',
        "most": '"{member}" must be less than or equal to {argument}',
        "least": '"{member}" must be greater than or equal to {argument}',
        "one_of": '"{member}" must be one of [{argument}]',
        "each_one_of": '"{member}[0]" must be one of [{argument}]',
        "integer": '"{member}" must be an integer',
        "text": '"{member}[0]" must be a string',
        "list": '"{member}" must be an array',
        "object": '"{member}" must be of type object',
        "boolean": '"{member}" must be a boolean',
        "instant": '"{member}" must be {argument}',
        "longest": '"{member}" must contain less than or equal to {argument} items',
        "empty": '"{member}" does not contain 1 required value(s)',
        "equal": '"{member}" must be [{argument}]',
        "single": '"{member}" must be a string',
    }
)
_ZOD: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": "Unrecognized key(s) in object: '{name}'",
        "required": "{member}: Required",
        "most": "{member}: Number must be less than or equal to {argument}",
        "least": "{member}: Number must be greater than or equal to {argument}",
        "one_of": "{member}: Invalid enum value. Expected {quoted}",
        "each_one_of": "{member}.0: Invalid enum value. Expected {quoted}",
        "integer": "{member}: Expected integer, received something else",
        "text": "{member}.0: Expected string, received something else",
        "list": "{member}: Expected array, received something else",
        "object": "{member}: Expected object, received something else",
        "boolean": "{member}: Expected boolean, received something else",
        "instant": "{member}: Invalid datetime, expected {argument}",
        "longest": "{member}: Array must contain at most {argument} element(s)",
        "empty": "{member}: Array must contain at least 1 element(s)",
        "equal": "{member}: Invalid literal value, expected {argument}",
        "single": "{member}: Expected string, received array",
    }
)
_PYDANTIC: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": "Extra inputs are not permitted",
        "required": "Field required",
        "most": "Input should be less than or equal to {argument}",
        "least": "Input should be greater than or equal to {argument}",
        "one_of": "Input should be {quoted}",
        "each_one_of": "Input should be {quoted}",
        "integer": "Input should be a valid integer",
        "text": "Input should be a valid string",
        "list": "Input should be a valid list",
        "object": "Input should be a valid dictionary or object",
        "boolean": "Input should be a valid boolean",
        "instant": "Input should be {argument}",
        "longest": "List should have at most {argument} items after validation",
        "empty": "List should have at least 1 item after validation",
        "equal": "Input should be {argument}",
        "single": "Input should be a valid string",
    }
)
_PLAIN: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": "Object contains unknown field `{name}` - at `$.{member}`",
        "required": "Object missing required field `{name}` - at `$.{member}`",
        "most": "Expected `int` <= {argument} - at `$.{member}`",
        "least": "Expected `int` >= {argument} - at `$.{member}`",
        "one_of": "Invalid enum value - at `$.{member}`",
        "each_one_of": "Invalid enum value - at `$.{member}[0]`",
        "integer": "Expected `int` - at `$.{member}`",
        "text": "Expected `str` - at `$.{member}[0]`",
        "list": "Expected `array` - at `$.{member}`",
        "object": "Expected `object` - at `$.{member}`",
        "boolean": "Expected `bool` - at `$.{member}`",
        "instant": "Expected {argument} - at `$.{member}`",
        "longest": "Expected `array` of length <= {argument} - at `$.{member}`",
        "empty": "Expected `array` of length >= 1 - at `$.{member}`",
        "equal": "Expected `{argument}` - at `$.{member}`",
        "single": "Expected `str` - at `$.{member}`",
    }
)


def describe(problem: Problem, wording: Wording) -> str:
    """Render one problem.

    >>> describe(Problem("most", "options.limit", "100"), "class-validator")
    'options.limit must not be greater than 100'
    """
    match wording:
        case "plain":
            return _fill(_PLAIN[problem.kind], problem)
        case "class-validator":
            parent, dot, _ = problem.member.rpartition(".")
            return f"{parent}{dot}{_fill(_CLASS_VALIDATOR[problem.kind], problem)}"
        case "joi":
            return _fill(_JOI[problem.kind], problem)
        case "zod":
            return _fill(_ZOD[problem.kind], problem)
        case "pydantic":
            return _fill(_PYDANTIC[problem.kind], problem)
        case "mute":
            return "The request is invalid"
        case _:
            assert_never(wording)


def _fill(template: str, problem: Problem) -> str:
    values = problem.argument.split(", ")
    quoted = " | ".join(f"'{value}'" for value in values)
    fill: Callable[..., str] = template.format
    return fill(name=problem.name, member=problem.member, argument=problem.argument, quoted=quoted)
