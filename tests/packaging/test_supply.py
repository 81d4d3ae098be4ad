"""What comes from others: the lock files, their licences, and what is known against them."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.audit import report
from tests.packaging.licenses import PAGE, licence_of, not_allowed, page
from tests.packaging.lock import BUILD, ROOT, RUNTIME, Pin, pins, project, requirements

LOCKS = [
    (RUNTIME, requirements(project()["project"]["dependencies"])),
    (BUILD, requirements(project()["build-system"]["requires"])),
]
both_locks = pytest.mark.parametrize(("path", "wanted"), LOCKS, ids=["runtime", "build"])


@both_locks
def test_the_lock_is_within_the_projects_ranges(path: Path, wanted: list[Requirement]) -> None:
    locked = pins(path)
    for requirement in wanted:
        pin = locked.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not locked; run `make lock`"
        assert requirement.specifier.contains(pin.version), f"{requirement}; run `make lock`"


@both_locks
def test_every_line_is_a_pin_with_hashes_and_names_no_place(
    path: Path, wanted: list[Requirement]
) -> None:
    text = path.read_text("utf-8")
    locked = pins(path)
    assert len(locked) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE))
    for pin in locked.values():
        assert pin.hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in pin.hashes)
    for place in ("://", "--index", "--extra-index", "--find-links", "file:", "@ "):
        assert place not in text


@both_locks
def test_what_the_packages_need_is_locked_too(path: Path, wanted: list[Requirement]) -> None:
    locked = pins(path)
    for pin in filter(lambda pin: pin.is_installed, locked.values()):
        for needed in requirements(importlib.metadata.requires(pin.name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in locked, f"{pin.name} needs {needed}"


def test_the_page_of_licences_is_what_the_packages_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make licenses`"


@pytest.mark.parametrize("pin", pins(RUNTIME).values(), ids=lambda pin: pin.name)
def test_no_licence_comes_in_that_is_not_allowed(pin: Pin) -> None:
    assert not not_allowed(licence_of(pin)), licence_of(pin)


@pytest.mark.parametrize(
    ("expression", "bad"),
    [
        ("GPL-3.0-only", {"GPL-3.0-only"}),
        ("MIT AND LGPL-2.1-or-later", {"LGPL-2.1-or-later"}),
        ("unknown", {"unknown"}),
        ("Apache-2.0 AND MIT", set()),
    ],
)
def test_a_licence_of_another_kind_would_be_seen(expression: str, bad: set[str]) -> None:
    assert not_allowed(expression) == bad


FLAW = {"id": "PYSEC-1", "fix_versions": ["2.0"]}


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        ([{"name": "a", "version": "1.0", "vulns": []}], 0, "0 known vulnerabilities; 1 of 1"),
        ([{"name": "a", "version": "1.0", "vulns": [FLAW]}], 1, "a 1.0: PYSEC-1, fixed in 2.0"),
        ([{"name": "a", "skip_reason": "not found"}], 0, "audit skipped"),
    ],
)
def test_an_audit_that_asked_nobody_is_no_clean_bill(
    found: list[object], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(json.dumps({"dependencies": found}), "") == code
    assert says in capsys.readouterr().out


def test_an_audit_without_a_service_tells_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("", "ERROR: connection refused\n") == 0
    assert "connection refused" in capsys.readouterr().out


def test_the_image_is_built_from_the_locks() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "--require-hashes -r requirements.lock" in text
    assert "--require-hashes -r requirements-build.lock" in text
