"""TIBCO Spotfire: imports whole tables into memory, without a query, with a password or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sandbox import Dataset
from tests.clients.conftest import Ask, keys_of_feed, unpacked
from tests.clients.header_blocks import SPOTFIRE, basic
from tests.support.flat import FlatRow
from tests.support.live import bridge
from tests.support.wire import send


def test_it_lists_tables_reads_the_model_and_imports_all_rows(
    ask: Ask, expected: list[FlatRow]
) -> None:
    tables = [table["url"] for table in ask("/odata/v4/", SPOTFIRE).json()["value"]]
    assert "Results" in tables
    assert ask("/odata/v4/$metadata", SPOTFIRE).header("Content-Type") == "application/xml"
    block = (*SPOTFIRE, ("Prefer", "maxpagesize=999"))
    assert keys_of_feed(ask, "/odata/v4/Results", block) == [row["id"] for row in expected]


@pytest.mark.parametrize("user", ["", "anna", "anna@example.com"])
def test_a_user_and_a_password_open_it(tmp_path: Path, user: str) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("pass:word", "utf-8")
    settings = {"access_key_file": str(key_file)}
    with bridge(Dataset.from_rows([]), settings=settings) as locked:
        assert send(locked.root, "/odata/v4/Results", SPOTFIRE).status == 401
        block = (*SPOTFIRE, basic("pass:word", user))
        assert unpacked(send(locked.root, "/odata/v4/Results", block)).json()["value"] == []
