"""Each syntax error says what to do, or what would be valid where the parser stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.errors import GatewayError, InvalidSyntax
from gateway.query.request import parse_request
from tests.query.asking import encoded

VALID = {
    "$apply": (
        "filter(state eq 'x')/groupby((rollup(state,region),user/name),"
        "aggregate($count as n,progress with sum from state with max as m))"
        "/concat(topcount(2,n),skip(1)/top(2))/compute(n mul 2 as twice)/orderby(n desc)"
    ),
    "$filter": "not (contains(state,'x') and groupIds/any(g:g in ('a','b'))) or progress gt -2.5",
    "$compute": "case(progress gt 1:'a',true:'b') as x,cast(progress,Edm.String) as y",
    "$orderby": "progress desc,user/name asc",
    "$select": "id,groupIds($filter=$this eq 'x';$count=true)",
    "$expand": "user($select=name;$expand=results($top=2)),content/$ref",
    "$search": 'blue AND (green OR NOT "a b")',
    "$top": "5",
    "$skip": "5",
    "$count": "true",
}
INSERTED = ("", "-", ",", ";", "(", ")", "/", "'", "$all", " x ", " with ", "=", "&", "1.5")


def damaged(text: str) -> Iterator[str]:
    """Yield the text cut off, with one character less, and with something inserted, everywhere."""
    for place in range(len(text) + 1):
        yield text[:place]
        yield text[:place] + text[place + 1 :]
        if place % 5 == 0:
            for inserted in INSERTED:
                yield text[:place] + inserted + text[place:]


@pytest.mark.parametrize("option", VALID)
def test_every_damaged_option_is_refused_with_a_way_out(option: str) -> None:
    texts = [*dict.fromkeys(damaged(VALID[option]))]
    refused = [error for text in texts if (error := refusal_of(option, text)) is not None]
    for error in refused:
        assert error.status == 400
        takes = re.search(r"takes [\d or]+ arguments?, not \d", error.message)
        assert "; " in error.message or takes, error.message
        if isinstance(error, InvalidSyntax):
            assert error.message.startswith(option)
            assert error.target.startswith(option)
    assert len(refused) > (3 if len(VALID[option]) < 6 else 30)


def refusal_of(option: str, text: str) -> GatewayError | None:
    """The error of an option's text; None if it is valid."""
    try:
        parse_request(b"Results", encoded(f"{option}={text}"))
    except GatewayError as error:
        return error
    return None
