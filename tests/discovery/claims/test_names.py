"""The table of usual names: real spellings, any case style, and nothing that raises."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.claims.name_table import Part, Role, is_in
from gateway.discovery.claims.names import best_paths, plain_name, role_of, roles_of


def path(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"\.|(?=\[\])", text.replace("[gte]", "-gte")) if part)


def cases() -> list[tuple[Part, str, str]]:
    lines = Path(__file__).with_name("usual_names.txt").read_text("utf-8").splitlines()[1:]
    heads = [line.partition(": ") for line in lines]
    return [
        (Part(head.split()[0]), head.split()[1], name.strip())
        for head, _, names in heads
        for name in names.split("|")
    ]


AMBIGUOUS = {"pageCount", "lastPage", "user.name.first", "user.name.last"}


@pytest.mark.parametrize(("part", "role", "name"), cases(), ids=lambda v: str(v))
def test_usual_names_have_their_role_first(part: Part, role: str, name: str) -> None:
    found = role_of(path(name), part)
    assert role in [one.role.value for one in found if one.score >= 0.3], found
    if name not in AMBIGUOUS:
        assert role in [one.role.value for one in found if one.score == found[0].score], found


STYLES: list[Callable[[list[str]], str]] = [
    lambda words: words[0] + "".join(word.title() for word in words[1:]),
    lambda words: "".join(word.title() for word in words),
    "_".join,
    "-".join,
    lambda words: "_".join(words).upper(),
    lambda words: "".join(words),
    lambda words: " ".join(words).title(),
]


@pytest.mark.parametrize(("part", "role", "name"), cases(), ids=lambda v: str(v))
def test_the_case_style_changes_nothing(part: Part, role: str, name: str) -> None:
    words = [re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\[\]|\*|\d+", one) for one in path(name)]
    spelled = [[word.lower() for word in one] for one in words]
    wanted = role_of(path(name), part)
    for style in STYLES:
        assert role_of(tuple(style(one) for one in spelled), part) == wanted


@pytest.mark.parametrize(
    ("name", "not_role"),
    [
        ("manager.id", Role.KEY),
        ("updatedBy.id", Role.USER_ID),
        ("content.author.email", Role.USER_EMAIL),
        ("user.status", Role.STATE),
        ("user.updatedAt", Role.UPDATED_AT),
        ("createdAt", Role.UPDATED_AT),
        ("user.groups[].id", Role.USER_ID),
        ("content.id", Role.KEY),
    ],
)
def test_what_belongs_to_others_is_no_serious_candidate(name: str, not_role: Role) -> None:
    assert all(
        found.score < 0.5 for found in role_of(path(name), Part.ROW) if found.role is not_role
    )


def test_the_better_path_comes_first() -> None:
    paths = [path(name) for name in ("user.status", "manager.id", "user.id", "id", "state")]
    assert best_paths(Role.USER_ID, paths)[0][0] == ("user", "id")
    assert roles_of(paths, Part.ROW)[Role.STATE][0] == ("state",)
    assert Role.LIMIT not in roles_of(paths, Part.ROW)


STEPS = st.sampled_from(["[]", "*", "user", "id", "updated", "at", "from", "", ".", "<user>", "é"])


@given(st.lists(st.one_of(st.text(max_size=20), STEPS), max_size=20))
def test_any_path_has_scores_in_order(names: list[str]) -> None:
    found = role_of(tuple(names))
    assert all(0 < one.score <= 1 for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for part in Part:
        assert role_of(tuple(names), part) == [one for one in found if is_in(one.role, part)]


@pytest.mark.parametrize(
    "unit", ["date", "user", "updated", "filterby", "time", "a", "customfield"]
)
def test_long_names_take_no_time(unit: str) -> None:
    start = time.process_time()
    role_of((unit * 100,))
    role_of((unit * (290 // len(unit)),))
    role_of((unit * (290 // len(unit)) + "x",))
    role_of(tuple(unit for _ in range(40)))
    assert time.process_time() - start < 5


def test_plain_names_have_no_separators() -> None:
    assert plain_name("Updated_At-2") == "updatedat2"
