"""docs/operations.md names only what is there, and the defaults that are in force."""

from __future__ import annotations

import re

import click
import pytest

from gateway.cli import main
from gateway.config import SETTINGS
from tests.docs.render import ROOT, catalogue

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
DEFAULTS = {setting.option: setting.default for setting in SETTINGS}
OTHERS = {"--require-hashes", "--no-deps", "--workspace"}


def test_every_option_is_one() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named - OTHERS <= DEFAULTS.keys()


def test_every_command_and_target_is_there() -> None:
    commands = main.list_commands(click.Context(main))
    for command in re.findall(r"skillhabit-odata ([a-z]+)", PAGE):
        assert command in commands, command
    for target in re.findall(r"`make ([a-z]+)`", PAGE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_code_is_in_the_catalogue() -> None:
    codes = {error.code for error in catalogue()}
    named = set(re.findall(r"\b\d{3} `(\w+)`", PAGE)) | set(re.findall(r"`(Upstream\w+)`", PAGE))
    assert named
    assert named <= codes


@pytest.mark.parametrize(("option", "text"), re.findall(r"`(--[a-z-]+)` \(([\d,]+) s\)", PAGE))
def test_the_lifetimes_are_the_defaults(option: str, text: str) -> None:
    assert DEFAULTS[option] == float(text.replace(",", ""))


def test_the_page_tells_three_lifetimes() -> None:
    assert len(re.findall(r"`--[a-z-]+` \([\d,]+ s\)", PAGE)) == 3
