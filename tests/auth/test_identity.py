"""Whose snapshots count: a renewed token is the same owner's, another owner's is not (law 5)."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from gateway.auth.identity import token_identity
from gateway.sandbox import Dataset, generate, make_token
from tests.support.live import SECRET, bridge, served

KEY = "a key of at least thirty-two bytes, for tests"


def _token(**claims: object) -> str:
    return jwt.encode(claims, KEY, algorithm="HS256")


def test_a_renewed_token_is_the_same_owners() -> None:
    old = _token(sub="acme", workspace=7, exp=1_700_000_000, iat=1, jti="a")
    new = _token(sub="acme", workspace=7, exp=1_800_000_000, iat=2, nbf=2, jti="b")
    assert token_identity(old) == token_identity(new)


@pytest.mark.parametrize("claims", [{"sub": "other"}, {"sub": "acme", "workspace": 8}, {}])
def test_another_owners_token_is_not(claims: dict[str, object]) -> None:
    assert token_identity(_token(sub="acme", workspace=7)) != token_identity(_token(**claims))


@pytest.mark.parametrize("rest", [{}, {"iss": "x"}, {"iss": "x", "aud": "y"}, {"sub": ""}])
def test_without_an_owner_the_tokens_own_id_counts(rest: dict[str, object]) -> None:
    """Two owners' tokens may differ in nothing but `jti`."""
    one, other = (_token(**rest, jti=name, exp=1_700_000_000) for name in "ab")
    renewed = _token(**rest, jti="a", exp=1_800_000_000)
    assert token_identity(one) != token_identity(other)
    assert token_identity(one) == token_identity(renewed)


@pytest.mark.parametrize("rest", [{}, {"iss": "x"}, {"aud": ["y"]}])
def test_a_token_that_says_nothing_of_its_owner_counts_as_a_whole(rest: dict[str, object]) -> None:
    one, other = (_token(**rest, iat=second) for second in (1, 2))
    assert token_identity(one) != token_identity(other)


def test_what_says_which_data_it_opens_survives_a_renewal_without_an_owner() -> None:
    old, new = (_token(workspace=7, iat=second) for second in (1, 2))
    assert token_identity(old) == token_identity(new)


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.!!!.c", "a.W10.c", "\u00fc.x.y", ""])
def test_what_is_no_jwt_counts_as_a_whole(token: str) -> None:
    assert token_identity(token) == token_identity(token)
    assert token_identity(token) != token_identity(token + "x")


def test_a_data_directory_answers_only_for_its_upstream(dataset: Dataset, tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path)}
    with bridge(dataset, settings=settings) as one:
        assert len(one.feed("Results?$orderby=id")) == len(dataset)
    with bridge(generate(50), settings=settings) as other:
        assert len(other.feed("Results?$orderby=id")) == 50


def test_another_owners_token_does_not_see_the_snapshots(dataset: Dataset, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(make_token(SECRET), "utf-8")
    with (
        bridge(dataset) as gateway,
        served(gateway.upstream, {"token_file": str(token_file)}) as root,
    ):
        before = len(gateway.sandbox.received)
        for expires, calls in ((7200, True), (9999, False)):
            token_file.write_text(make_token(SECRET, expires_in_seconds=expires), "utf-8")
            gateway.client.get(f"{root}Results?$orderby=id").raise_for_status()
            assert (len(gateway.sandbox.received) > before) == calls
            before = len(gateway.sandbox.received)
        other = jwt.encode({"sub": "other"}, SECRET, algorithm="HS256")
        token_file.write_text(other, "utf-8")
        gateway.client.get(f"{root}Results?$orderby=id").raise_for_status()
        assert len(gateway.sandbox.received) > before
