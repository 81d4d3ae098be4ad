"""A question that fails -> a smaller one that fails in the same way.

Options, their items and nested options go one by one, and expressions give way to their operands,
on the grammar's tree, as long as the complaint is of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

from grammar import ODataSyntaxError, QueryOptions, option_pairs, parse_query_options
from tests.fuzz.judging import Complaint
from tests.fuzz.questions import FILE_FORMATS, Question

_MOST_TRIES = 300


def shrunk(complaint: Complaint, judge: Callable[[Question], Complaint | None]) -> Complaint:
    """Return the complaint about the smallest question that was found."""
    tries, smallest = 0, complaint
    while True:
        for question in _smaller(smallest.question):
            tries += 1
            if tries > _MOST_TRIES:
                return smallest
            found = _judged(question, judge)
            if found is not None and _kind(found) == _kind(complaint):
                smallest = found
                break
        else:
            return smallest


def _judged(question: Question, judge: Callable[[Question], Complaint | None]) -> Complaint | None:
    """What has lost its meaning on the way fails in no interesting way."""
    try:
        return judge(question)
    except (LookupError, TypeError, AttributeError, ValueError, AssertionError, ArithmeticError):
        return None
    except NotImplementedError:
        return None


def _kind(complaint: Complaint) -> str:
    status = complaint.what.startswith("status ")
    return complaint.what[:12] if status else "values"


def _smaller(question: Question) -> Iterator[Question]:
    """Simpler questions, the simplest first."""
    if question.format not in (*FILE_FORMATS, "raw", "minimal"):
        yield replace(question, format="minimal")
    plain = {"role": "", "version": "4.0", "pages": 0}
    for name, value in plain.items():
        if getattr(question, name) != value:
            yield replace(question, **{name: value})  # type: ignore[arg-type]  # by name
    try:
        tree = parse_query_options(question.options)
    except ODataSyntaxError:
        return
    for options in _without_parts(tree):
        with suppress(AttributeError, TypeError):  # no text has such a tree
            yield replace(question, options=option_pairs(options))


def _without_parts(node: Any) -> Iterator[Any]:
    """The node with less in it, then what stands inside of it in its place."""
    for field in fields(node):
        value = getattr(node, field.name)
        for smaller in _smaller_values(node, value):
            yield replace(node, **{field.name: smaller})
    if not isinstance(node, QueryOptions):
        children = (getattr(node, field.name) for field in fields(node))
        yield from (child for child in children if is_dataclass(child))


def _smaller_values(node: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        if len(value) > 1 or isinstance(node, QueryOptions):
            yield from (value[:n] + value[n + 1 :] for n in range(len(value)))
        for n, item in enumerate(value):
            for smaller in _without_parts(item) if is_dataclass(item) else ():
                yield (*value[:n], smaller, *value[n + 1 :])
    elif isinstance(node, QueryOptions) and value is not None:
        yield None
    if is_dataclass(value):
        yield from _without_parts(value)
