"""Whatever a body holds: rows, a failure that passes, or one that names page, byte, row and member.

The table of docs/reliability.md is the expectation.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.read.bodies import decode_any, exposed, flaw_of, repaired
from gateway.analytics.read.client import RetryPolicy
from gateway.analytics.read.locate import Spot, find_spot, row_id
from gateway.analytics.read.page import PageReader
from gateway.analytics.read.statistics import read_figures
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.errors import GatewayError, UpstreamBrokeContract, UpstreamUnavailable
from gateway.sandbox import generate
from tests.analytics.small_contract import small_contract
from tests.analytics.upstream_app import FIRST_PAGE, Answer, Scene, ok

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HALF = re.compile("[\ud800-\udfff]")
ROW = rb'{"id":"r1","state":"A%b","groups":["g"],"changed":"2025-01-01T00:00:00Z"}'
LONG = b"".join(b"%d" % number for number in range(999))


def page(*rows: bytes, total: int | None = None, more: bytes = b"") -> bytes:
    number = len(rows) if total is None else total
    return b'{"rows":[%b],"total":%d%b}' % (b",".join(rows), number, more)


def encoded(body: bytes) -> Answer:
    """Built when it is sent: httpx unpacks at once."""
    return lambda _: httpx.Response(200, content=body, headers={"Content-Encoding": "gzip"})


PLAIN = page(ROW % b"x")
BODIES: dict[str, Answer] = {
    "has half of a surrogate pair in a text or a name": ok(
        page(ROW % rb"\ud83d", more=rb',"\uDE00":"\ud83d"')
    ),
    "begins with a byte order mark": ok(b"\xef\xbb\xbf" + PLAIN),
    "has U+0000 or another control character, escaped": ok(page(ROW % rb"\u0000\u001f")),
    "has members that the contract file does not name": ok(page(ROW % b"x", more=b',"x":1e999')),
    "has a member twice in an object": ok(page((ROW % b"x")[:-1] + b',"state":"y"}')),
    "is cut off": ok(PLAIN[:-5]),
    "is cut off before it was packed": encoded(gzip.compress(PLAIN[:-5])),
    "is packed and cut off": encoded(gzip.compress(page(ROW % LONG))[:-40]),
    "is empty": ok(b""),
    "is a page of HTML": ok(b"<html>Please sign in</html>"),
    "is in UTF-16": ok(PLAIN.decode().encode("utf-16")),
    "is in Latin-1, or is no UTF-8": ok(page(ROW % b"\xe9")),
    "has half of a surrogate pair in UTF-8": ok(page(ROW % b"\xed\xa0\xbd")),
    "has a control character that is not escaped": ok(page(ROW % b"a\x00b")),
    "has NaN or Infinity": ok(page(ROW % b"x", more=b',"x":NaN')),
    "has a number, comma, quote or comment that JSON has not": ok(page(ROW % b"x", b"{'id':1}")),
    "is nested deeper than a thousand times": ok(
        page(ROW % b"x", more=b',"x":' + b"[" * 9_999 + b"]" * 9_999)
    ),
    "has something behind its end": ok(PLAIN + b"{}"),
    "is not packed as its Content-Encoding says": encoded(PLAIN),
    "is packed and damaged": encoded(gzip.compress(PLAIN)[:-8] + bytes(8)),
    "has two keys that U+FFFD makes equal": ok(
        page(*(ROW.replace(b"r1", b"r" + half) % b"x" for half in (rb"\ud83d", rb"\ud83e")))
    ),
    "is JSON of another shape": ok(b'{"items":[]}'),
    "has a number beyond its type": ok(PLAIN.replace(b'"total":1', b'"total":' + b"9" * 5_000)),
}


def table() -> dict[str, str]:
    text = PAGE.read_text("utf-8").partition("<!-- bodies -->")[2].partition("<!-- /")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.split("\n")[3:-1]]
    return {body: answer for body, answer, _ in rows}


async def outcome(answer: Answer, contract: Contract, **policy: Any) -> str:
    scene = Scene([answer], contract, RetryPolicy(**policy))
    try:
        await scene.client.fetch(FIRST_PAGE)
    except GatewayError as error:
        return f"{error.status} {error.code}"
    return "200"


@pytest.mark.anyio
@pytest.mark.parametrize("tries", [1, 5])
@pytest.mark.parametrize("body", BODIES)
async def test_what_a_body_holds_decides_whether_waiting_helps(body: str, tries: int) -> None:
    contract = small_contract()
    assert await outcome(BODIES[body], contract, tries=tries) == table()[body]
    response = replace(contract.response, repeated=("state",))
    again = replace(contract, response=response)
    assert await outcome(BODIES[body], again, tries=tries) == table()[body]


def test_the_table_has_every_body() -> None:
    assert table().keys() == BODIES.keys()


@pytest.mark.anyio
@pytest.mark.parametrize("cut", range(1, len(PLAIN)))
async def test_a_body_that_is_cut_off_anywhere_may_pass(cut: int) -> None:
    scene = Scene([ok(PLAIN[:cut])], policy=RetryPolicy(tries=1))
    with pytest.raises(UpstreamUnavailable, match="too early"):
        await scene.client.fetch(FIRST_PAGE)


@pytest.mark.anyio
async def test_a_whole_and_wrong_body_is_an_answer_of_a_living_upstream() -> None:
    """Else it would be left alone as if it were down, and its fault told as one that passes."""
    for answer in (encoded(PLAIN), ok(page(ROW % b"\xe9"))):
        scene = Scene([answer], call_seconds=2.0)
        for skip in range(5):
            with pytest.raises(UpstreamBrokeContract):
                await scene.client.fetch(replace(FIRST_PAGE, skip=skip))


# --- repairing ------------------------------------------------------------------------------------

TEXTS = st.text(
    st.one_of(st.sampled_from('\ud83d\ude00\ud800\udfff\\"u\ufffd\x00é😀'), st.characters())
)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_halves_become_the_replacement_character_and_nothing_else_changes(value: object) -> None:
    """What Python's own decoder reads, with each half that it lets through replaced."""
    body = json.dumps(value).encode()
    read = json.loads(body)  # joins pairs whose halves were written one by one
    if _names_stay_apart(read):
        assert msgspec.json.decode(repaired(body)) == _replaced(read)
    assert len(repaired(body)) == len(body)


@given(TEXTS, TEXTS)
def test_what_is_exposed_stays_different(one: str, other: str) -> None:
    """Of texts that U+FFFD makes equal, and that hold no escape of their own."""
    first, second = (json.loads(json.dumps(text)) for text in (one, other))
    same = _replaced(first) == _replaced(second)
    if first != second and same and "\\" not in first + second:
        found = [msgspec.json.decode(exposed(json.dumps(text).encode())) for text in (one, other)]
        assert found[0] != found[1]


def _replaced(value: Any) -> Any:
    match value:
        case str():
            return HALF.sub("\ufffd", value)
        case list():
            return [_replaced(each) for each in value]
        case dict():
            return {_replaced(name): _replaced(each) for name, each in value.items()}
    return value


def _names_stay_apart(value: object) -> bool:
    match value:
        case list():
            return all(map(_names_stay_apart, value))
        case dict():
            names = {_replaced(name) for name in value}
            return len(names) == len(value) and all(map(_names_stay_apart, value.values()))
    return True


def test_a_mark_and_a_half_at_once_are_mended() -> None:
    assert decode_any(b'\xef\xbb\xbf{"a":"\\uD83D"}') == {"a": "\ufffd"}


# --- keys that become equal -----------------------------------------------------------------------


def results(*users: str, groups: tuple[str, ...] = ()) -> bytes:
    """A page of the built-in contract with users of these ids, as JSON writes them."""
    rows = generate(len(users)).to_rows()
    for number, (row, user) in enumerate(zip(rows, users, strict=True)):
        assert isinstance(row["user"], dict)
        found = [{"id": group, "name": group} for group in groups]
        row["id"], row["user"] = f"r{number}", {**row["user"], "id": user, "groups": found}
    return json.dumps({"total": len(rows), "results": rows}).encode()


@pytest.mark.parametrize("repeated", [False, True])
def test_users_whose_ids_become_equal_are_refused_on_any_pages(*, repeated: bool) -> None:
    """They would silently be one row of Users."""
    contract = load_contract(built_in_contract())
    if not repeated:
        contract = replace(contract, response=replace(contract.response, repeated=()))
    one, other, real = "u\ud83d", "u\ud83e", "u\ufffd"
    PageReader(contract).read(results(one, one, "v\ud83e", "v"))
    for pages in ([(one, other)], [(one,), (other,)], [(one,), (real,)], [(real,), (one,)]):
        reader = PageReader(contract)
        *first, last = pages
        for users in first:
            reader.read(results(*users))
        with pytest.raises(UpstreamBrokeContract, match="two values of userId"):
            reader.read(results(*last))


def test_elements_of_a_collection_that_become_equal_are_refused() -> None:
    reader = PageReader(load_contract(built_in_contract()))
    reader.read(results("u", "v", groups=("g\ud83d", "h\ud83e")))
    with pytest.raises(UpstreamBrokeContract, match="two values of groupIds"):
        reader.read(results("u", groups=("g\ud83e",)))


def test_statistics_whose_names_become_equal_are_refused() -> None:
    contract = load_contract(built_in_contract())
    body = b'{"a":{"x\\ud83d":1,"x\\ud83e":2}}'
    with pytest.raises(UpstreamBrokeContract, match="same name"):
        read_figures(body, contract)


# --- where it is ----------------------------------------------------------------------------------

NAMES = st.text('abé \\"\ud83d', max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(
    st.dictionaries(NAMES.filter(lambda name: name not in ("id", "bad")), VALUES, max_size=3),
    min_size=1,
    max_size=5,
)


@given(ROWS, st.data())
def test_the_spot_of_a_byte_is_its_member_and_its_row(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    whole = [{**row, "id": f"row {n}"} for n, row in enumerate(rows)]
    members = [*whole[number].items()]
    place = data.draw(st.integers(0, len(members)))
    bad = {**dict(members[:place]), "bad": {"x": [0, "@"]}, **dict(members[place:])}
    whole[number] = bad
    text = json.dumps({"more": "[{", "data": {"rows": whole}, "total": 1}).encode()
    broken = text.replace(b'"@"', b"NaN")
    flaw = flaw_of(broken)
    assert flaw is not None
    assert broken[flaw.byte :].startswith(b"NaN")
    found = find_spot(broken, flaw.byte, ("data", "rows"), ("id",))
    assert found == Spot(f"$.data.rows[{number}].bad.x[1]", f"row {number}")
    assert row_id(text, number, ("data", "rows"), ("id",)) == f"row {number}"


@pytest.mark.anyio
@pytest.mark.parametrize("tries", [1, 2])
async def test_page_byte_member_and_row_are_named(tries: int) -> None:
    rows = [ROW % b"x", ROW.replace(b"r1", b"r2") % b"\xe9"]
    request = replace(FIRST_PAGE, skip=10)
    scene = Scene([ok(page(*rows, total=12))], policy=RetryPolicy(tries=tries))
    with pytest.raises(UpstreamBrokeContract) as raised:
        await scene.client.fetch(request)
    byte = page(*rows).index(b"\xe9")
    for words in (f"byte {byte} of", "5 rows after the first 10", "$.rows[1].state", "row 'r2'"):
        assert words in raised.value.message
    assert len(scene.sent) == tries
    assert "r2" not in raised.value.in_public().message
