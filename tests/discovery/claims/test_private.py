"""Examples lose the values that look like secrets or personal data."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.discovery.claims.private import (
    is_about_a_person,
    is_enum_value,
    is_harmless,
    is_secret_name,
)


@pytest.mark.parametrize(
    "text",
    ["ws_1", "2", "table", "en-GB", "learning-results-overview", "1.0", "5f8d0d55b54764421b7156d9",
     "123e4567-e89b-12d3-a456-426614174000", "analytics/v2", "Europe/Copenhagen", "by month"],
)  # fmt: skip
def test_constants_of_an_api_are_harmless(text: str) -> None:
    assert is_harmless(text)


@pytest.mark.parametrize(
    "text",
    ["", "anna@example.com", "Anna Smith of Sales", "eyJhbGciOiJIUzI1NiJ9", "x" * 65,
     "sk_live_51H8xYz2eZvKYlo2C9aBcDeF", "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d", "a=b&c=d", "née",
     "AKIA-IOSFODNN7EXAMPLE-wJalrXUtn"],
)  # fmt: skip
def test_what_looks_like_a_secret_or_a_person_is_not(text: str) -> None:
    assert not is_harmless(text)


@given(st.text("0123456789abcdef", min_size=30, max_size=64))
def test_no_random_token_is_harmless(token: str) -> None:
    assume(any(map(str.isdigit, token)) and any(map(str.isalpha, token)))
    assert not is_harmless(token)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "X-Api-Key", "apiKey", "access_token", "X-CSRF-Token", "sessionId", "pwd",
     "client_secret", "Ocp-Apim-Subscription-Key", "X-Amz-Signature", "sid", "x-functions-key"],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["X-Workspace", "X-Tenant-Id", "X-Api-Version", "view", "monkey"])
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["userName", "email", "searchTerm", "manager_id", "q", "firstName"]
)
def test_names_about_persons_are_known(name: str) -> None:
    assert is_about_a_person(name)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("IN_PROGRESS", True),
        ("Not started", True),
        ("a@b.c", False),
        ("12", False),
        ("x" * 41, False),
    ],
)
def test_values_of_enumerations_are_short_words(text: str, looks: bool) -> None:
    assert is_enum_value(text) is looks
