"""One gateway with roles; what `/connect/...` gives to whom, and the project taken apart."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

import pytest

from gateway.sandbox import Dataset
from tests.connect.tmdl_reader import Node, read_tmdl
from tests.tenancy.support import House, house, sandbox

TOML = """
[roles.people-unknown]
hide = ["userEmail", "userName", "userAvatar", "department"]
[roles.no-state]
hide = ["state"]
[roles.no-people]
hide = ["userId"]
[roles.no-dates]
hide = ["expiryDate", "completedAt", "startedAt", "certificateIssuedAt"]
[roles.no-days]
hide = ["contentId"]
[roles.totals]
sets = ["Statistics", "ContentStatistics"]
"""


@pytest.fixture(scope="session")
def gateway(dataset: Dataset) -> Iterator[House]:
    with sandbox(dataset) as upstream, house(upstream, TOML) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a project."""

    files: dict[str, str]

    def model(self, path: str) -> list[Node]:
        return read_tmdl(self.files[f"Skillhabit.SemanticModel/definition/{path}"])

    def json(self, path: str) -> Any:
        return json.loads(self.files[path])

    @property
    def tables(self) -> dict[str, Node]:
        names = [path.split("/")[-1] for path in self.files if "/tables/" in path]
        found = [node for name in names for node in self.model(f"tables/{name}")]
        return {node.name: node for node in found}

    @property
    def measures(self) -> dict[str, Node]:
        return {m.name: m for table in self.tables.values() for m in table.of("measure")}

    @property
    def columns(self) -> set[tuple[str, str]]:
        return {(t.name, c.name) for t in self.tables.values() for c in t.of("column")}

    @property
    def visuals(self) -> dict[str, Any]:
        paths = [path for path in self.files if path.endswith("/visual.json")]
        return {path: json.loads(self.files[path]) for path in paths}


def project_of(gateway: House, caller: str = "", refresh: str = "") -> Project:
    answer = gateway.ask(f"/connect/powerbi-project.zip{refresh and f'?refresh={refresh}'}", caller)
    assert answer.status_code == 200, answer.text
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return Project({n: archive.read(n).decode("utf-8") for n in archive.namelist()})


@pytest.fixture(scope="session")
def project(gateway: House) -> Project:
    return project_of(gateway)
