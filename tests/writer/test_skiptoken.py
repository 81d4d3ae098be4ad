"""The token of a nextLink: read back as written, and refused when anything about it changed."""

from __future__ import annotations

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidSkipToken
from gateway.writer.skiptoken import Position, TokenSigner
from tests.support.examples import examples

SIGNER = TokenSigner(b"k" * 32)
QUERY = "path and options"
_positions = st.builds(
    Position, st.text(max_size=20), st.integers(0, 2**60), st.none() | st.integers(0, 2**60)
)
_bounded = examples(300, repeatable=True)
_ALPHABET = string.ascii_letters + string.digits + "-_+/=!ü \n"


def refused(token: str, query: str = QUERY, signer: TokenSigner = SIGNER) -> bool:
    with pytest.raises(
        InvalidSkipToken, match=r"\$skiptoken: .* start over at the first page"
    ) as raised:
        signer.verify(token, query)
    return raised.value.status == 400


@_bounded
@given(_positions, st.text(max_size=30))
def test_a_token_is_read_back_as_it_was_written(position: Position, query: str) -> None:
    token = SIGNER.sign(position, query)
    assert SIGNER.verify(token, query) == position
    assert set(token) <= set(string.ascii_letters + string.digits + "-_"), "safe in any URL"


@_bounded
@given(st.data(), _positions)
def test_a_token_with_any_character_changed_is_refused(
    data: st.DataObject, position: Position
) -> None:
    token = SIGNER.sign(position, QUERY)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(_ALPHABET).filter(lambda c: c != token[at]))
    assert refused(token[:at] + other + token[at + 1 :])


@_bounded
@given(st.data(), _positions)
def test_a_token_with_a_character_more_or_less_is_refused(
    data: st.DataObject, position: Position
) -> None:
    token = SIGNER.sign(position, QUERY)
    at = data.draw(st.integers(0, len(token)))
    assert refused(token[:at] + data.draw(st.sampled_from(_ALPHABET)) + token[at:])
    assert refused(token[:at] + token[at + 1 :]) if at < len(token) else refused(token[:-1])


@pytest.mark.parametrize("token", ["", "forged", "=", "ä", "A" * 16, "A" * 22, "A" * 400])
def test_a_forged_token_is_refused(token: str) -> None:
    assert refused(token)


def test_a_token_keeps_the_moment_of_the_first_page() -> None:
    position = Position("s", 5, None, datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=UTC))
    assert SIGNER.verify(SIGNER.sign(position, QUERY), QUERY) == position


def test_a_token_belongs_to_its_query() -> None:
    token = SIGNER.sign(Position("s", 5, None), QUERY)
    assert refused(token, query=QUERY + "&$top=5")
    assert refused(token, query="")


def test_a_token_of_another_gateway_is_refused() -> None:
    token = TokenSigner(b"x" * 32).sign(Position("s", 5, None), QUERY)
    assert refused(token)


def test_the_key_stays_out_of_logs() -> None:
    assert "kkkk" not in repr(SIGNER)
