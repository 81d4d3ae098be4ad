"""The range filter of the last change, and the zone of instants that name none.

One shows the other: a range in UTC selects the rows whose instants have been read in the right
zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.discovery.hints import Candidates
from gateway.discovery.probe.order import OrderFound
from gateway.discovery.probe.range_search import find_range
from gateway.discovery.probe.ranges import Expected, RangeFound, is_sharp, settle_open_ends
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import merged
from gateway.discovery.probe.values import Reader
from gateway.discovery.probe.zones import ZONES, spread, telling_instants
from gateway.discovery.samples import Samples

_CALLS_FOR_RANGE, _CALLS_FOR_ZONE = 30, 3
_WITH_ZONE = frozenset(
    {"iso", "%Y-%m-%dT%H:%M:%S.%LZ", "%Y-%m-%dT%H:%M:%SZ", "epoch_milliseconds", "epoch_seconds"}
)
"""Formats of ranges that say their zone."""


@dataclass(slots=True)
class LastChange:
    """The probes of both; without an order there are neither ranges nor proofs of a zone.

    `oldest` are the rows of the first page in ascending order, `first` the values of a first page,
    `named` is the zone that the owner has named. `newest` has the newest rows, once `ranges` has
    read them. `problem` says why no zone is known.
    """

    study: Study
    samples: Samples
    hints: Candidates
    order: OrderFound | None
    oldest: Sequence[dict[str, Any]]
    first: Mapping[str, Any]
    named: str
    tell: Callable[[str], None]
    newest: Sequence[dict[str, Any]] = ()
    problem: str = ""

    async def ranges(self) -> tuple[RangeFound, ...]:
        """Return the range filter, if one is obeyed."""
        is_open = bool(self.samples.without_zone) and not self.named  # other zones will be tried
        return await self._ranges(_CALLS_FOR_ZONE if is_open else _CALLS_FOR_RANGE)

    async def settle_zone(self, ranges: tuple[RangeFound, ...]) -> tuple[RangeFound, ...]:
        """Choose the zone of instants that name none; return the ranges that go with it.

        If nothing proves a zone, the instants stay undecoded, unless the owner has named one.
        """
        samples, found, possible = self.samples, ranges, await self._possible(ranges)
        others = [zone for zone in ZONES if zone != samples.zone and self.study.narrowed]
        for zone in () if possible else others:
            samples.zone = zone
            found = await self._ranges(_CALLS_FOR_ZONE)
            possible = await self._possible(found)
            if possible:
                break
        if self.named and not possible:
            samples.zone, possible, found = self.named, [self.named], ranges
        zone = self.named or next(iter(possible), "")
        if zone in possible and (self.named or len(possible) == 1):
            proof = "" if self.named else ": a range in UTC proves it"
            self.tell(f"instants without a zone are in {zone}{proof}")
            return found
        samples.zone = ""
        self.problem = _no_zone(samples.without_zone, self.named, possible)
        return ()

    async def _ranges(self, calls: int) -> tuple[RangeFound, ...]:
        newest, oldest = self._expected(descending=True), self._expected(descending=False)
        if newest is None or oldest is None:
            return ()
        self.newest = self.study.rows(await self.study.ask(newest.values)) or []
        newest, oldest = newest.of(self.newest), oldest.of(self.oldest)
        found = await find_range(self.study, "updated_at", newest, self.hints, calls=calls)
        if found is None:
            return ()
        found = await settle_open_ends(self.study, found, newest, oldest)
        if found is None:
            self.tell("date range: not used, it does not reach from the oldest row to the newest")
            return ()
        self.study.form = merged(self.study.form, found.tree)
        self.tell(f"date range: {found.evidence}")
        return (found,)

    def _expected(self, *, descending: bool) -> Expected | None:
        """Return how rows are read in an order, without rows; None if there is no order."""
        entry = self.samples.infer().column("updatedAt")
        if self.order is None or entry is None:
            return None
        values = {**self.order.values(descending=descending), **self.first}
        return Expected((), Reader(entry), values)

    async def _possible(self, ranges: Sequence[RangeFound]) -> list[str]:
        """Return the zones that the rows may have, if they may have the current one.

        Ranges of seconds around rows prove a zone; rows of one season may have several.
        """
        zone = self.samples.zone
        found = next((each for each in ranges if each.instant in _WITH_ZONE), None)
        empty = self._expected(descending=True)
        if found is None or empty is None:
            return []
        expected = empty.of([*self.newest, *self.oldest])
        telling, left = telling_instants(spread(expected.instants), zone)
        for at in telling:
            if not await is_sharp(self.study, found, expected, at):
                return []
        return [zone, *left]


def _no_zone(names: Sequence[str], named: str, possible: Sequence[str]) -> str:
    """Return why instants without a zone cannot be read."""
    told = f"the instants of {', '.join(names)} have no zone"
    if named:
        return (
            f"{told}, and a range in UTC shows that they are not in {named}, but in"
            f" {' or '.join(possible)}: name it with --zone"
        )
    if possible:
        return (
            f"{told}, and the rows do not show whether they are in {' or '.join(possible)}: name it"
            " with --zone"
        )
    return (
        f"{told}, and nothing proves one: they cannot be read until you name it, with --zone"
        " Europe/Berlin for example"
    )
