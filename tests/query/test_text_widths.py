"""How long the texts may become that a question puts together."""

from __future__ import annotations

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.errors import LimitExceeded
from gateway.query.bind.query import bind
from gateway.query.bind.text_widths import MAX_TEXT_CHARACTERS
from gateway.query.request import parse_request

SCHEMA = load_contract(built_in_contract()).schema
LONG = "x" * (MAX_TEXT_CHARACTERS // 8)


def ask(query: str) -> object:
    return bind(parse_request(b"Results", query.encode()), SCHEMA)


def nested(levels: int, text: str) -> str:
    return "concat(@p," * levels + text + ")" * levels


@pytest.mark.parametrize(
    "query",
    [
        f"$filter=length({nested(4, 'contentName')}) eq -1&@p='{LONG}'",
        f"$orderby={nested(4, 'contentName')}&@p='{LONG}'",
        f"$compute=concat(@p,userName) as a,concat(a,a) as b,concat(b,b) as c&@p='{LONG}'",
        f"$filter=case(progress gt 1:concat(@p,userName),true:{nested(4, 'id')}) eq ''&@p='{LONG}'",
        "$apply=compute(concat(userName,userName) as a0)/"
        + "/".join(f"compute(concat(a{n},a{n}) as a{n + 1})" for n in range(8)),
        "$apply=compute(concat(userName,userName) as a0)/"
        + "/".join(
            f"aggregate(a{n} with max as b{n})/compute(concat(b{n},b{n}) as a{n + 1})"
            for n in range(8)
        ),
        f"$filter=groupIds/any(g:{nested(4, 'g')} eq 'x')&@p='{LONG}'",
        f"$filter=user/results/any(r:length({nested(4, 'r/contentName')}) eq 1)&@p='{LONG}'",
    ],
)  # fmt: skip
def test_what_would_grow_beyond_all_bounds_is_refused(query: str) -> None:
    with pytest.raises(LimitExceeded, match=f"could exceed {MAX_TEXT_CHARACTERS} characters"):
        ask(query)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=concat(concat(userName,', '),contentName) eq 'a, b'",
        "$compute=" + "concat(" * 9 + "userName" + ",contentName)" * 9 + " as whole",
        f"$filter=contentName eq '{'x' * 100_000}'",
        f"$filter=contains(contentName,'{'x' * 20_000}')",
        "$filter=tolower(trim(substring(contentName,1))) eq 'a'",
    ],
)
def test_what_people_ask_is_not(query: str) -> None:
    ask(query)
