"""Reads the few forms of M that connect files hold, written apart from what writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_STEP = re.compile(r"^ {4}(\w+) = (.*?),?$", re.MULTILINE)
_TEXT = r'"((?:[^"]|"")*)"'


@dataclass(frozen=True, slots=True)
class MQuery:
    """A `let` of named steps; `result` is the step after `in`."""

    steps: dict[str, str]
    result: str

    @property
    def root(self) -> str:
        """The URL that OData.Feed is given."""
        found = re.fullmatch(rf"OData\.Feed\({_TEXT}, null, \[.*\]\)", self.steps["Source"])
        assert found, self.steps["Source"]
        return found[1].replace('""', '"')

    @property
    def table(self) -> str:
        """The table that is taken of the service."""
        form = rf'Source\{{\[Name = {_TEXT}, Signature = "table"\]\}}\[Data\]'
        found = re.fullmatch(form, self.steps["Rows"])
        assert found, self.steps["Rows"]
        return found[1]

    @property
    def chosen(self) -> list[str]:
        """The columns that it keeps of the table."""
        return re.findall(_TEXT, self.steps["Columns"])

    @property
    def columns(self) -> list[str]:
        """The columns that come out of it: those that are kept and those that are added."""
        added = [
            re.findall(_TEXT, step)[0]
            for step in self.steps.values()
            if step.startswith("Table.AddColumn")
        ]
        return self.chosen + added

    @property
    def url(self) -> str:
        """What Power Query asks of the service for it, but for the preview's $top."""
        return f"{self.root}{self.table}?$select={','.join(self.chosen)}"


def read_m(text: str) -> MQuery:
    """Read a query; a form that is not known is a failure."""
    text = text.replace("\r\n", "\n").strip()
    assert text.startswith("let\n"), text
    body, _, result = text.removeprefix("let\n").rpartition("\nin\n")
    lines = body.split("\n")
    steps = {match[1]: match[2] for match in _STEP.finditer(body)}
    assert len(steps) == len(lines), text
    assert all(line.endswith(",") for line in lines[:-1])
    assert not lines[-1].endswith(",")
    names = list(steps)
    for before, name in pairwise(names):
        assert re.search(rf"\b{before}\b", steps[name]), f"{name} does not go on from {before}"
    assert result.strip() == names[-1]
    for step in steps.values():
        plain = re.sub(_TEXT, "", step)
        assert all(plain.count(left) == plain.count(right) for left, right in ("()", "[]", "{}"))
    return MQuery(steps, names[-1])
