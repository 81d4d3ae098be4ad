"""docs/reliability.md: its limits are the code's and hold, and the tests that it names are there.

Its table of the upstream's faults is checked by tests/faults/test_upstream_matrix.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.errors import (
    GatewayError,
    InsufficientStorage,
    InternalError,
    ServiceUnavailable,
    Stopgap,
)
from tests.docs.limits import LIMITS, PAGE, Limit, reliability_page
from tests.docs.render import catalogue
from tests.support.live import Bridge
from tests.support.wire import send

STOPGAPS = {
    "never": Stopgap.NEVER,
    "within `stale_for`": Stopgap.WHILE_STALE,
    "within `stale_if_error`": Stopgap.IF_ERROR,
}
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


def test_what_old_snapshots_stand_in_for_is_what_the_code_says() -> None:
    """Waiting helps exactly where `Retry-After` is sent; only what waiting helps may be hidden."""
    text = PAGE.read_text("utf-8").partition("<!-- stopgaps -->")[2].partition("<!-- /")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.split("\n")[3:-1]]
    told = {answer: (helps, STOPGAPS[old]) for _, answer, helps, old in rows}
    ours = [error for error in catalogue() if error.code.startswith("Upstream")]
    general: tuple[type[GatewayError], ...] = (
        InternalError,
        InsufficientStorage,
        ServiceUnavailable,
    )
    wanted = {f"{each.status} {each.code}": each for each in (*ours, *general)}
    del wanted["502 UpstreamFault"]  # the family itself is never raised
    assert told.keys() == wanted.keys()
    for answer, (helps, stopgap) in told.items():
        error = wanted[answer]
        assert stopgap is error.stopgap
        assert (helps == "yes") == issubclass(error, ServiceUnavailable), answer
        assert (helps == "no") == (stopgap is Stopgap.NEVER), answer


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.read_text("utf-8"))
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), (file, test)
