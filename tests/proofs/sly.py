"""An Analytics API in forty lines, of the documented form, with habits that single probes miss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.sandbox import Dataset

Row = dict[str, Any]
Body = Mapping[str, Any]
LISTS = ("groupIds", "userIds", "contentIds", "states", "enrollmentTypes")
RANGES = {"updatedAtDateRange": "updatedAt", "expiryDateRange": "expiryDate"}


class Sly:
    """The API as it is documented; its children have one habit each."""

    def __init__(self, dataset: Dataset) -> None:
        self.rows = dataset.to_rows()
        self.calls = 0

    def app(self) -> Starlette:
        """The application."""
        paths = {"/analyse/results": self._results, "/analyse/statistics": self._statistics}
        return Starlette(routes=[Route(path, do, methods=["POST"]) for path, do in paths.items()])

    async def _results(self, request: Request) -> JSONResponse:
        self.calls += 1
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
        options = body.get("options", {})
        skip, limit = options.get("skip", 0), options.get("limit", 20)
        found = self.selected(body)
        page = self.page(found, body, skip, limit)
        return JSONResponse({"results": page, "total": self.total(found, body, page)})

    async def _statistics(self, request: Request) -> JSONResponse:
        self.calls += 1
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
        found = self.counted(body)
        return JSONResponse(
            {
                "total": len(found),
                "users": len({row["user"]["id"] for row in found}),
                "contents": len({row["content"]["id"] for row in found}),
                "certificatesIssued": sum(row["certificateIssuedAt"] is not None for row in found),
                "averageProgress": 1.0,
                "states": Counter(row["state"] for row in found),
                "enrollmentTypes": Counter(row["enrollmentType"] for row in found),
            }
        )

    def selected(self, body: Body) -> list[Row]:
        """The rows that the filters select."""
        return [row for row in self.rows if all(self.conditions(row, body))]

    def conditions(self, row: Row, body: Body) -> Iterable[bool]:
        for name in LISTS:
            if name in body:
                yield self.is_in(row, name, body[name])
        for field in body.get("customFields", ()):
            values = {c["value"] for c in row["user"]["customFields"]
                      if c["customFieldId"] == field["customFieldId"]}  # fmt: skip
            yield bool(values & set(field["values"]))
        for name in RANGES:
            if name in body:
                yield self.is_within(row, name, body[name])

    def is_in(self, row: Row, name: str, wanted: list[str]) -> bool:
        own: dict[str, Any] = {
            "groupIds": [group["id"] for group in row["user"]["groups"]],
            "userIds": [row["user"]["id"]],
            "contentIds": [row["content"]["id"]],
            "states": [row["state"]],
            "enrollmentTypes": [row["enrollmentType"]],
        }
        return bool({*own[name]} & {*wanted})

    def is_within(self, row: Row, name: str, ends: Mapping[str, str]) -> bool:
        at = row[RANGES[name]]
        if at is None:
            return False
        moment = datetime.fromisoformat(at)
        lower, upper = (
            None if ends.get(end) is None else datetime.fromisoformat(ends[end])
            for end in ("from", "to")
        )
        return (lower is None or moment >= lower) and (upper is None or moment <= upper)

    def ordered(self, rows: list[Row], body: Body) -> list[Row]:
        options = body.get("options", {})
        name, down = options.get("orderBy"), options.get("order") == "DESC"
        return rows if name is None else sorted(rows, key=lambda row: row[name], reverse=down)

    def page(self, found: list[Row], body: Body, skip: int, limit: int) -> list[Row]:
        return self.ordered(found, body)[skip : skip + limit]

    def total(self, found: list[Row], body: Body, page: list[Row]) -> int:
        return len(found)

    def counted(self, body: Body) -> list[Row]:
        """The rows that the statistics count."""
        return self.selected(body)


def is_filtered(body: Body) -> bool:
    return any(name != "options" for name in body)


class OpenRangeOfNinetyDays(Sly):
    """A range without a lower end begins ninety days before its upper end."""

    def is_within(self, row: Row, name: str, ends: Mapping[str, str]) -> bool:
        if "from" not in ends and "to" in ends:
            start = datetime.fromisoformat(ends["to"]) - timedelta(days=90)
            ends = {**ends, "from": start.isoformat()}
        return super().is_within(row, name, ends)


class OpenRangeUntilNow(Sly):
    """A range without an upper end stops at a fixed day."""

    def is_within(self, row: Row, name: str, ends: Mapping[str, str]) -> bool:
        return super().is_within(row, name, {"to": "2025-12-01T00:00:00Z", **ends})


class StatisticsOfFirstValue(Sly):
    """Statistics take the first value of each list."""

    def counted(self, body: Body) -> list[Row]:
        short = {n: v[:1] if n in LISTS else v for n, v in body.items()}
        return self.selected(short)


class StatisticsIgnoreGroups(Sly):
    """Statistics ignore the filter by groups."""

    def counted(self, body: Body) -> list[Row]:
        return self.selected({n: v for n, v in body.items() if n != "groupIds"})


class StatisticsIgnoreDates(Sly):
    """Statistics ignore ranges."""

    def counted(self, body: Body) -> list[Row]:
        return self.selected({n: v for n, v in body.items() if n not in RANGES})


class OrderInsideOfPages(Sly):
    """With a filter, only the rows of a page are sorted."""

    def page(self, found: list[Row], body: Body, skip: int, limit: int) -> list[Row]:
        if is_filtered(body):
            return self.ordered(found[skip : skip + limit], body)
        return super().page(found, body, skip, limit)


class GroupsHideStates(Sly):
    """A filter by groups together with another one finds every second row."""

    def selected(self, body: Body) -> list[Row]:
        found = super().selected(body)
        return found[::2] if "groupIds" in body and len(body) > 2 else found


class EitherFilter(Sly):
    """Filters by users and states are a union."""

    def selected(self, body: Body) -> list[Row]:
        if not {"userIds", "states"} <= body.keys():
            return super().selected(body)
        rest = {n: v for n, v in body.items() if n not in ("userIds", "states")}
        return [
            row
            for row in super().selected(rest)
            if self.is_in(row, "userIds", body["userIds"])
            or self.is_in(row, "states", body["states"])
        ]


class FilterForgetsOldRows(Sly):
    """A filter by contents finds nothing from before July."""

    def selected(self, body: Body) -> list[Row]:
        found = super().selected(body)
        return [r for r in found if r["updatedAt"] > "2025-07"] if "contentIds" in body else found


class TotalIgnoresFilters(Sly):
    """The total is that of all rows."""

    def total(self, found: list[Row], body: Body, page: list[Row]) -> int:
        return len(self.rows)


class TotalStopsAtFifty(Sly):
    """The total of a filter is 50 at most."""

    def total(self, found: list[Row], body: Body, page: list[Row]) -> int:
        return min(50, len(found)) if is_filtered(body) else len(found)


class LongListsAreCut(Sly):
    """Of a list, ten values count."""

    def is_in(self, row: Row, name: str, wanted: list[str]) -> bool:
        return super().is_in(row, name, wanted[:10])


class CommonValuesAreCut(Sly):
    """A filter by enrollment finds a hundred rows at most."""

    def selected(self, body: Body) -> list[Row]:
        found = super().selected(body)
        return found[:100] if "enrollmentTypes" in body else found


HABITS: dict[str, type[Sly]] = {
    each.__name__: each
    for each in (
        Sly,
        OpenRangeOfNinetyDays,
        OpenRangeUntilNow,
        StatisticsOfFirstValue,
        StatisticsIgnoreGroups,
        StatisticsIgnoreDates,
        OrderInsideOfPages,
        GroupsHideStates,
        EitherFilter,
        FilterForgetsOldRows,
        TotalIgnoresFilters,
        TotalStopsAtFifty,
        LongListsAreCut,
        CommonValuesAreCut,
    )
}
