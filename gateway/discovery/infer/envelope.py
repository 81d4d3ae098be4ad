"""A response -> where its rows, its total, its has-more and its cursor may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.discovery.infer.found import Envelope


def find_envelope(
    answer: Any,
    headers: Mapping[str, str],
    *,
    limit: int | None = None,
    skip: int | None = None,
    hints: Mapping[str, str] | None = None,
) -> Envelope:
    """Return the candidates of a response.

    Args:
        answer: the decoded body.
        headers: the response's headers.
        limit: the number of rows that was requested.
        skip: the number of rows that was to be left out.
        hints: paths that a description names, by `rows`, `total`, `has_more` and `cursor`.
    """
    return Envelope()
