"""Where blanks may stand, and which: one table of all places, each with each kind of blank.

`~` marks a place where a blank is optional, `_` one where there must be at least one.
"""

from __future__ import annotations

import re

import pytest

from grammar import ODataSyntaxError, encode_query, parse_query_options, split_query
from grammar.limits import DEFAULT_LIMITS
from grammar.parse.parser import parse
from tests.grammar.test_apply import SEQUENCES
from tests.grammar.test_expressions import CANONICAL, PRECEDENCE, STRUCTURE
from tests.grammar.test_options import COMPUTE, EXPAND, ORDERBY, SELECT

BLANKS = (" ", "\t", "\n", "\r\n", "\r", " \t\r\n ")
PLACES = (
    (
        "apply",
        "~filter~(~state_eq_'FAILED'~)~/~groupby~(~(~state~,~region"
        "~)~,~aggregate~(~$count_as_n~)~)~",
    ),
    (
        "apply",
        "~aggregate~(~progress_mul_2_with_sum_as_s~,~$count_as_n~)~/~identity~/~top~(~5~)~",
    ),
    ("apply", "~concat~(~filter~(~a~)~/~skip~(~1~)~,~search~(~x~)~/~orderby~(~a_desc~,~b~)~)~"),
    ("apply", "~groupby~(~(~rollup~(~a~,~b~)~)~)~/~compute~(~a_add_1_as_c~)~"),
    ("apply", "~topcount~(~2~,~a~)~/~bottompercent~(~50~,~b~)~/~toppercent~(~1~,~c~)~"),
    ("apply", "~aggregate~(~a_with_sum_from_b~,~c_with_max_as_m~)~"),
    (
        "apply",
        "~nest~(~identity_as_x~)~/~addnested~(~a~,~identity_as_x~)~/~join~(~a_as_x~,~identity~)~",
    ),
    ("apply", "~ancestors~(~$root/a~,~b~,~c~,~identity~,~2~,~keep_start~)~/~Own.Step~(~a~=~1~)~"),
    ("apply", "~traverse~(~$root/a~,~b~,~c~,~preorder~,~d_asc~)~"),
    ("expression", "~contains~(~tolower~(~name~)~,~'a b'~)_and_not_(~a_in~(~1~,~2~)~)~"),
    ("expression", "~(~a_eq_1_or_b_ne_2~)_and_-~c_divby_2_gt_0~"),
    ("expression", "~cast~(~a~,~Edm.String~)_eq_'x'_and_isof~(~Edm.String~)~"),
    ("expression", "~case~(~a_gt_1~:~2~,~true~:~3~)_le_4~"),
    ("expression", "~results/any~(~r~:~r/state_eq_'x'~)_and_results/all~(~r~:~r/a~)~"),
    ("expression", "~results/any~(~)_or_results/$count~(~$filter~=~a_eq_1~;~$search~=~x~)_gt_2~"),
    (
        "expression",
        "~results/Own.Call~(~a~=~1~)_eq_results/$filter~(~a~)/aggregate~(~b_with_sum~)~",
    ),
    ("expression", '~name_in_[~"a"~,~{~"b"~:~1~}~]~'),
    ("orderby", "~name_desc~,~length~(~name~)_asc~,~a~"),
    ("compute", "~a_add_1_as_b~,~round~(~c~)_as_d~"),
    (
        "select",
        "~id~,~*~,~groupIds~(~$filter~=~$this_eq_'a'~;~$top~=~2~;~$orderby~=~$this_desc~)~",
    ),
    ("expand", "~results~(~$select~=~id~,~state~;~$filter~=~a_eq_1~;~$levels~=~2~)~,~user~"),
    ("expand", "~results/$count~(~$filter~=~a~)~,~user/$ref~(~$count~=~true~)~"),
    ("search", "~(~red_OR_blue~)_AND_NOT_green_yellow~"),
    ("alias_value", '~[~"a"~,~"b"~]~'),
)
NO_PLACES = (
    ("expression", "user /name eq 'x'"),
    ("expression", "user/ name eq 'x'"),
    ("expression", "user\n/name eq 'x'"),
    ("expression", "duration 'PT1S' eq a"),
    ("expression", "Edm .String"),
    ("expression", "2024-01-01 T08:00:00Z eq a"),
    ("expression", "1 .5 eq a"),
    ("expression", "a e q 1"),
    ("expression", "$ it eq 1"),
    ("expression", "@ a eq 1"),
    ("expression", "a eq 1 and and (b eq 1)"),
    ("expression", "eq (1)"),
    ("apply", "group by((a))"),
    ("apply", "groupby((a)) groupby((b))"),
    ("apply", "groupby((a))/"),
    ("apply", "groupby((user /name))"),
    ("apply", "groupby((a)) / / groupby((b))"),
    ("segment", "Results ('a')"),
    ("segment", "$filter (a eq 1)"),
)


def read(start: str, text: str) -> object:
    return parse(start, text, DEFAULT_LIMITS, "")


@pytest.mark.parametrize(("start", "text"), PLACES)
def test_blanks_in_every_place_change_nothing(start: str, text: str) -> None:
    bare = read(start, text.replace("~", "").replace("_", " "))
    for blank in BLANKS:
        assert read(start, re.sub("[~_]", lambda _, b=blank: b, text)) == bare  # type: ignore[misc]
    for place in re.finditer("[~_]", text):
        one = text[: place.start()] + "\n" + text[place.end() :]
        assert read(start, one.replace("~", "").replace("_", " ")) == bare


@pytest.mark.parametrize(("start", "text"), NO_PLACES)
def test_blanks_stand_nowhere_else(start: str, text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        read(start, text)


def test_a_line_break_is_a_blank_wherever_a_blank_is() -> None:
    """In all texts of the other tests; what stands in quotes is a value and stays."""
    for start, texts in (
        ("expression", (*PRECEDENCE, *STRUCTURE, *CANONICAL)),
        ("apply", SEQUENCES),
        ("orderby", ORDERBY),
        ("compute", COMPUTE),
        ("select", SELECT),
        ("expand", EXPAND),
    ):
        for text in texts:
            if "'" not in text and '"' not in text:
                assert read(start, text.replace(" ", "\r\n\t")) == read(start, text), text


def test_a_value_keeps_its_blanks() -> None:
    assert read("expression", "'a \r\n b'") == read("expression", " 'a \r\n b' \n")
    assert read("expression", "'a b'") != read("expression", "'a\nb'")


ENDS = (
    ("$filter", "a eq 1"),
    ("$top", "5"),
    ("$skip", "5"),
    ("$count", "true"),
    ("$orderby", "a desc"),
    ("$select", "a,b"),
    ("$expand", "a"),
    ("$compute", "a add 1 as b"),
    ("$search", "x y"),
    ("$apply", "groupby((a))"),
    ("@x", "'a'"),
)


@pytest.mark.parametrize(("name", "value"), ENDS)
@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_at_the_ends_of_an_option_change_nothing(name: str, value: str, blank: str) -> None:
    plain = parse_query_options(((name, value),))
    assert parse_query_options(((name, f"{blank}{value}{blank}"),)) == plain
    assert parse_query_options(((f"{blank}{name}{blank}", value),)) == plain
    sent = encode_query(((name, f"{blank}{value}{blank}"),))
    assert parse_query_options(split_query(sent.encode())) == plain
