"""The Prefer header: unknown and malformed preferences are ignored, never refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.query.preferences import parse_preferences
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        (["odata.maxpagesize=50"], 50),
        (["MaxPageSize=50"], 50),
        (['maxpagesize="50"'], 50),
        (["respond-async, wait=10, odata.maxpagesize=7"], 7),
        (["odata.maxpagesize=7; foo=bar"], 7),
        (["odata.maxpagesize=7", "maxpagesize=9"], 9),
        (["maxpagesize=9, maxpagesize=7"], 9),
        (['foo="a, maxpagesize=3"'], None),
        ([", maxpagesize=7,,"], 7),
        (["=, a b, wait=x/y, maxpagesize=7"], 7),
        (["wait=5 maxpagesize=7"], None),
        (["maxpagesize=7=8"], None),
        (["odata.maxpagesize=0"], None),
        (["odata.maxpagesize=-1"], None),
        (["odata.maxpagesize=1e3"], None),
        (["odata.maxpagesize=٣"], None),
        (["odata.maxpagesize=99999999999999999999"], None),
        (["odata.maxpagesize"], None),
        (["return=minimal"], None),
        ([], None),
    ],
)
def test_the_page_size_that_a_client_prefers(lines: list[str], size: int | None) -> None:
    assert parse_preferences(lines).max_page_size == size


@pytest.mark.parametrize(
    ("line", "omitted"),
    [
        ("omit-values=nulls", True),
        ("Omit-Values=NULLS", True),
        ('odata.omit-values="nulls"', True),
        ("odata.maxpagesize=5, omit-values=nulls", True),
        ("omit-values=defaults", False),
        ("omit-values", False),
        ("omit-values=defaults, odata.omit-values=nulls", False),
    ],
)
def test_nulls_are_omitted_for_who_prefers_that(line: str, omitted: bool) -> None:
    assert parse_preferences([line]).omit_nulls is omitted


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('odata.include-annotations="*"', "*"),
        ('include-annotations="-*"', "-*"),
        (
            'odata.include-annotations="display.*,-display.subject#q"',
            "display.*,-display.subject#q",
        ),
        ('odata.include-annotations="Org.OData.Core.V1.*"', "Org.OData.Core.V1.*"),
        ('odata.include-annotations=""', ""),
        ('odata.include-annotations="a b"', ""),
        ('odata.include-annotations="*\\"; x=y"', ""),
        ('odata.include-annotations="ü"', ""),
    ],
)
def test_annotations_are_wished_for_in_their_own_syntax(line: str, kept: str) -> None:
    assert parse_preferences([line]).include_annotations == kept


@examples(300, repeatable=True)
@given(st.lists(st.text(st.sampled_from('maxpgesiz=";, \\1.'), max_size=30), max_size=3))
def test_no_header_is_an_error(lines: list[str]) -> None:
    size = parse_preferences(lines).max_page_size
    assert size is None or size >= 1
