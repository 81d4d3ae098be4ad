"""URLs that are percent-encoded wrongly are refused with the place and the way out."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.errors import GatewayError
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from tests.query.asking import SCHEMA

QUERIES = {
    "$apply": "groupby((state))",
    "$compute": "progress add 1 as x",
    "$filter": "progress gt 5",
    "$orderby": "progress desc",
    "$select": "id,state",
    "$expand": "user($select=name)",
    "$top": "5",
    "$skip": "5",
    "$count": "true",
    "@p": "1 add 1",
}


def refused(path: bytes, query: bytes = b"") -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        bind(parse_request(path, query), SCHEMA)
    assert raised.value.status in (400, 404)
    assert raised.value.target
    assert "; " in raised.value.message
    return raised.value


@pytest.mark.parametrize("option", QUERIES)
@pytest.mark.parametrize("damage", [b"%zz", b"%", b"%f", b"%ff", b"%c3%28", b"#x"])
def test_values_that_cannot_be_decoded_name_their_option(option: str, damage: bytes) -> None:
    for name in (option, quote(option)):
        error = refused(b"Results", b"custom=1&%b=a%b" % (name.encode(), damage))
        assert error.target == option
        assert error.message.startswith(f"{option}: ")
    assert refused(b"Results", b"a%b=1" % damage).target.startswith("a")
    assert refused(b"Results('%b')" % damage).target == "path"


@pytest.mark.parametrize("option", QUERIES)
def test_a_query_that_is_encoded_twice_is_recognized(option: str) -> None:
    value = "".join(f"%{ord(letter):02X}" for letter in QUERIES[option])
    for name in (option, quote(option)):
        error = refused(b"Results", f"{name}={quote(value)}".encode())
        assert "percent-encoded twice" in error.message
        assert error.target == option
    twice = quote(quote(option, safe=""))
    assert "percent-encoded twice" in refused(b"Results", f"{twice}=1".encode()).message


@pytest.mark.parametrize(
    "path", ["Results", "Results('a')", "Users('a')/results", "Results/$count"]
)
@pytest.mark.parametrize("option", ["$top=5", "$select=id", "%24select=id", "top=5"])
def test_a_question_mark_in_the_path_is_recognized(path: str, option: str) -> None:
    assert "not as %3F" in refused(f"{path}%3F{option}".encode()).message
    assert "percent-encoded twice" in refused(f"{path}%253F{option}".encode()).message


def test_other_delimiters_in_wrong_places_are_recognized() -> None:
    assert "not as %2F" in refused(b"Results('a')%2Fuser").message
    assert "not as %26" in refused(b"Results", b"$filter=progress gt 5%26$top=5").message
    assert "not as %26" in refused(b"Results", b"$top=5%26$skip=5").message
    assert "only the first ?" in refused(b"Results", b"?$top=5").message
    assert "leave it out" in refused(b"Results", b"$nosuch=5").message


def test_percent_signs_in_quotes_are_text() -> None:
    for query in (b"$filter=state eq '%2520'", b"$filter=state eq 'a%253F%2526$top=5'"):
        assert bind(parse_request(b"Results", query), SCHEMA)
