"""The faults of an upstream by the names that docs/reliability.md gives them."""

from __future__ import annotations

from typing import Any

from tests.support import crooked
from tests.support.crooked import Misdeed, refuses, rewrites, sends

MOVING = "data that keeps changing while it is read"
"""What a relay cannot play: the sandbox changes its rows."""


def _raise_total(answer: dict[str, Any]) -> None:
    answer["total"] += 3


def _double_a_row(answer: dict[str, Any]) -> None:
    answer["results"][-1:] = answer["results"][:1]


def _lose_a_row(answer: dict[str, Any]) -> None:
    answer["results"][-1:] = []


FAULTS: dict[str, Misdeed] = {
    "connection reset": crooked.resets,
    "connection closed without an answer": crooked.hangs_up,
    "no answer in time": crooked.says_nothing,
    "a body that stops half-way": crooked.stops_in_the_body,
    "a body that breaks off": crooked.breaks_off,
    "a body that is no JSON": sends(b'{"results": [{]'),
    "a page of HTML with 200": sends(b"<html>Please sign in</html>"),
    "JSON of another shape": sends(b'{"items": []}'),
    "400": refuses(400),
    "401": refuses(401),
    "403": refuses(403),
    "404": refuses(404),
    "429": refuses(429),
    "429 with Retry-After": refuses(429, "Retry-After: 7"),
    "500": refuses(500),
    "502": refuses(502),
    "503": refuses(503),
    "503 with Retry-After": refuses(503, "Retry-After: 7"),
    "a total that is too large": rewrites(_raise_total),
    "a row that comes twice": rewrites(_double_a_row),
    "a row that is missing": rewrites(_lose_a_row),
}
