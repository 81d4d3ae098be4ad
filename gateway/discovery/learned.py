"""The result of discovery: the parts of a contract, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.discovery.infer.found import Inferred, Row
from gateway.discovery.probe.field_filter import FieldFilterFound
from gateway.discovery.probe.filters import FilterFound
from gateway.discovery.probe.order import OrderFound
from gateway.discovery.probe.paging import End, Limit, Position
from gateway.discovery.probe.ranges import RangeFound
from gateway.discovery.probe.statistics import StatisticsFound
from gateway.discovery.probe.totals import TotalFound


@dataclass(frozen=True, slots=True)
class Learned:
    """The parts; None for what the API does not have, or what could not be proved.

    The owner must settle the `problems` before the feed is complete. `rows` are the sample rows.
    `untested` says why a filter could not be tried.
    """

    path: str
    base: dict[str, Any]
    status: int
    rows_path: str
    limit: Limit
    position: Position
    end: End
    inferred: Inferred
    order: OrderFound | None = None
    total: TotalFound | None = None
    ranges: tuple[RangeFound, ...] = ()
    filters: tuple[FilterFound, ...] = ()
    custom_fields: FieldFilterFound | None = None
    statistics: StatisticsFound | None = None
    has_more: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    calls: int = 0
    seconds_of_page: float = 0.0
    calls_per_second: float | None = None
    rows: tuple[Row, ...] = field(default=(), repr=False)
    untested: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
