"""The page on the contract file names every table, key, placeholder and step, and no others."""

from __future__ import annotations

import re
import tomllib
from typing import Any, get_args

import msgspec
import pytest

from gateway.contract import decoding, file
from gateway.contract.shapes import PAGE_NAMES
from tests.docs.render import ROOT

PAGE = (ROOT / "docs" / "contract.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
OF_ALL = {"source", "evidence"}
STRUCTS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "`[service]`": (file.Service,),
    "`[upstream]`": (file.UpstreamSection, file.Endpoint),
    "`[request]`": (file.RequestSection,),
    "`[pages]`": (file.PagesSection, file.OrderSection),
    "`[response]`": (file.ResponseSection,),
    "`[filters.NAME]`": get_args(file.FilterEntry),
    "`[[columns]]`": (file.ColumnEntry,),
    "`[extract]`": (file.Extract, file.LimitsSection),
    "`[custom_fields]`": (file.CustomFieldsSection, file.MappedField),
    "`[statistics.NAME]`": (file.StatisticEntry,),
    "Tables that": (file.SetEntry, file.SetColumnEntry, file.NavigationEntry),
}


def section(start: str) -> str:
    (found,) = [str(text) for title, text in SECTIONS.items() if title.startswith(start)]
    return found


def keys(structs: tuple[type[msgspec.Struct], ...]) -> set[str]:
    found = {f.encode_name for struct in structs for f in msgspec.structs.fields(struct)}
    return (found | {"kind"} if structs == STRUCTS["`[filters.NAME]`"] else found) - OF_ALL


@pytest.mark.parametrize("start", STRUCTS)
def test_every_key_is_listed_in_its_section(start: str) -> None:
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", section(start)))))
    assert keys(STRUCTS[start]) - words == set()


@pytest.mark.parametrize("start", [s for s in STRUCTS if s != "Tables that"])
def test_no_other_key_is_listed(start: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", section(start), re.MULTILINE)
    cells = [cell for row in rows for cell in re.findall(r"`([^`]+)`", row) if "${" not in cell]
    listed = {cell.rpartition("] ")[2] for cell in cells}
    assert listed <= keys(STRUCTS[start])


def test_every_table_of_the_file_has_a_section() -> None:
    titles = " ".join(SECTIONS) + section("Tables that")
    for each in msgspec.structs.fields(file.ContractFile):
        assert re.search(rf"\[{each.encode_name}(?:\.NAME)?\]", titles) or each.name == "format"


def test_every_step_is_listed() -> None:
    text = section("Steps of")
    examples = re.findall(r'`("\w+"|\{ .+? \})`(?=.*\|)', text)
    entries: list[Any] = [tomllib.loads(f"step = {example}")["step"] for example in examples]
    found = {type(step) for step in decoding.parse_steps(entries, "page")}
    assert found == set(get_args(decoding.Step))


def test_every_placeholder_of_pages_is_listed() -> None:
    assert set(re.findall(r"`\$\{([a-z._]+)\}`", section("`[request]`"))) >= PAGE_NAMES


def test_the_examples_are_of_the_format() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    types = {f.encode_name: f.type for f in msgspec.structs.fields(file.ContractFile)}
    assert blocks
    for block in blocks:
        for name, value in tomllib.loads(block).items():
            msgspec.convert(value, types[name], strict=True)
