"""Every question that Microsoft's own OData server answered is answered alike here.

Where the reference data is missing the tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from tests.judges.aspnet import Case, difference, load_cases, load_rows
from tests.support.examples import sparse
from tests.support.live import Bridge, bridge

CASES = load_cases()
PARTS = 8

pytestmark = pytest.mark.skipif(not CASES, reason="no recorded answers in ../shared/data/aspnet")


@pytest.fixture(scope="module")
def answering() -> Iterator[Bridge]:
    with bridge(load_rows()) as gateway:
        gateway.feed("Results?$select=id")
        yield gateway


def complaint(gateway: Bridge, case: Case) -> str:
    answer = gateway.get(case.path)
    if answer.status_code != 200:
        return f"status {answer.status_code}: {answer.text}"
    return difference(case, answer.json())


@pytest.mark.parametrize("part", sparse(range(PARTS)))
def test_every_question_is_answered_as_another_server_answered_it(
    answering: Bridge, part: int
) -> None:
    wrong: list[str] = []
    for number in range(part, len(CASES), PARTS):
        case = CASES[number]
        found = complaint(answering, case)
        if found:
            wrong.append(f"{number} {unquote(case.path)}: {found}")
    assert not wrong, f"{len(wrong)} cases\n" + "\n".join(wrong[:10])
