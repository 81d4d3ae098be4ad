"""docs/reliability.md: its limits are the code's and hold, and the tests that it names are there.

Its table of the upstream's faults is checked by tests/faults/test_upstream_matrix.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.limits import LIMITS, PAGE, Limit, reliability_page
from tests.support.live import Bridge
from tests.support.wire import send

ROOT = Path(__file__).parents[2]
PROVOKED = [limit for limit in LIMITS if limit.request is not None]


def test_the_limits_are_those_of_the_code() -> None:
    assert PAGE.read_text("utf-8") == reliability_page(), "run `python -m tests.docs.render`"


@pytest.mark.parametrize("limit", PROVOKED, ids=lambda limit: limit.what)
def test_what_lies_beyond_is_answered_as_the_page_says(live: Bridge, limit: Limit) -> None:
    request = limit.request
    assert request is not None
    method = "POST" if request.body else "GET"
    headers = [*request.headers]
    headers += [("Content-Type", request.media)] if request.body else []
    answer = send(
        live.root, "/odata/v4/" + request.target, headers, method=method, body=request.body
    )
    error = answer.json()["error"]
    assert f"{answer.status} {error['code']}" == limit.beyond, error["message"]
    assert error["message"]


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.read_text("utf-8"))
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), (file, test)
