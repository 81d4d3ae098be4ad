"""An upstream whose rows all have one instant, in another order on each call."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa

from gateway.analytics.read.page import Page, arrow_schema
from gateway.analytics.read.request import PageRequest
from gateway.analytics.read.validate import check_length, check_rows
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.planner.pushdown import Pushdown, PushedRange, PushedValues

INSTANT = datetime(2024, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
STATES = ("NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED", "EXPIRED")
ENROLLMENTS = ("MANDATORY", "OPTIONAL", "NOT_ENROLLED")

Row = dict[str, object]


def tied_contract(limit: int = 100) -> Contract:
    contract = load_contract(built_in_contract())
    return replace(contract, request=replace(contract.request, page_limit=limit))


def people(
    rows: int,
    *,
    per_person: int = 15,
    contents: int = 141,
    states: tuple[int, ...] = (30, 20, 40, 5, 5),
    seed: int = 0,
) -> list[Row]:
    """Each person has a row for each of `per_person` contents."""
    draw = random.Random(seed)
    return [
        {
            "id": f"r{number}",
            "userId": f"u{number // per_person}",
            "contentId": f"c{(number // per_person * 7 + number % per_person) % contents}",
            "state": draw.choices(STATES, states)[0],
            "enrollmentType": draw.choices(ENROLLMENTS, (50, 30, 20))[0],
            "groupIds": [],
            "groupNames": [],
            "updatedAt": INSTANT.replace(tzinfo=None),
        }
        for number in range(rows)
    ]


@dataclass
class Tied:
    """`ignored` are columns whose filter leaves rows out, in silence."""

    contract: Contract
    rows: list[Row]
    seed: int = 0
    shuffles: bool = True
    ignored: frozenset[str] = frozenset()
    requests: list[PageRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def fetch(self, request: PageRequest) -> Page:
        self.requests.append(request)
        found = self._matching(request.pushdown)
        if self.shuffles:
            self._random.shuffle(found)
            found.sort(key=lambda row: str(row["updatedAt"]), reverse=True)
        page = found[request.skip : request.skip + request.limit]
        schema = arrow_schema(self.contract)
        nothing = dict.fromkeys(schema.names)
        table = pa.Table.from_pylist([nothing | row for row in page], schema=schema)
        answer = Page(table, len(found), INSTANT.replace(year=2025))
        check_rows(request, answer, self.contract)
        check_length(request, answer)
        return answer

    def _matching(self, pushdown: Pushdown) -> list[Row]:
        found = self.rows
        for term in pushdown.terms:
            match term:
                case PushedValues(column, values):
                    wanted = set(values[:1] if column in self.ignored else values)
                    found = [row for row in found if row[column] in wanted]
                case PushedRange(column, lower, upper):
                    low = (lower or INSTANT.replace(year=1)).replace(tzinfo=None)
                    high = (upper or INSTANT.replace(year=9999)).replace(tzinfo=None)
                    found = [r for r in found if low <= r[column] <= high]  # type: ignore[operator]
        return list(found)
