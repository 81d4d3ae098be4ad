"""docs/architecture.md names rooms and modules that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.render import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
_LINKED_ROOM = re.compile(r"\]\(\.\./((?:gateway|grammar)[\w/]*)\)")


def _section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_twelve_bugs_lead_to_modules_that_exist() -> None:
    rows = re.findall(
        r"^\| (?!bug )([^|]+) \| `([^`]+)` \|$", _section("Where would you look?"), re.MULTILINE
    )
    assert len(rows) == 12
    for bug, module in rows:
        assert (ROOT / module).is_file(), bug
    assert len({module for _, module in rows}) == 12


def test_every_room_is_on_the_map() -> None:
    rooms = {f"gateway/{path.parent.name}" for path in (ROOT / "gateway").glob("*/__init__.py")}
    assert {*_LINKED_ROOM.findall(_section("The house"))} == rooms | {"grammar"}


@pytest.mark.parametrize("room", ["service", "roles"])
def test_every_module_of_a_described_room_is_listed(room: str) -> None:
    cells = re.findall(r"^\| (`[^|]+) \|", _section(f"Inside `gateway/{room}`"), re.MULTILINE)
    listed = [name for cell in cells for name in re.findall(r"`(\w+\.py)`", cell)]
    there = {path.name for path in (ROOT / "gateway" / room).glob("*.py")} - {"__init__.py"}
    assert sorted(listed) == sorted(there)
