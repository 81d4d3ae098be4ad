"""One gateway with roles, which sees what `/connect/...` gives to whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.sandbox import Dataset
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
[roles.totals]
sets = ["Statistics", "ContentStatistics"]
"""


@pytest.fixture(scope="session")
def gateway(dataset: Dataset) -> Iterator[House]:
    with sandbox(dataset) as upstream, house(upstream, TOML) as found:
        yield found
