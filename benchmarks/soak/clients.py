"""The clients: each repeats its round until the time is over."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from socket import SO_LINGER, SOL_SOCKET
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.soak.asking import PUBLIC, Asker, Stumble
from benchmarks.soak.truth import Truth, key_of, snapshot_in

ROOT = "/odata/v4/"
TABLES = ("Results", "Users", "Contents", "Groups", "GroupMembers")
_BAD = (
    (f"{ROOT}Results?$filter=state%20eq", 400),
    (f"{ROOT}Results?$filter=stat%20eq%20'FAILED'", 400),
    (f"{ROOT}Results?$filtr=state%20eq%20'FAILED'", 400),
    (f"{ROOT}Results?$top=-1", 400),
    (f"{ROOT}Results?$skiptoken=abc", 400),
    (f"{ROOT}Results('nobody_nothing')", 404),
    (f"{ROOT}Nothing", 404),
    (f"{ROOT}Results?$format=application/atom%2Bxml", 406),
)
_LEAVES_AT_ONCE = struct.pack("ii", 1, 0)

Round = Callable[[Asker, Truth], Awaitable[None]]


async def refresh(asker: Asker, truth: Truth) -> None:
    """Refresh as Power Query does: table after table, each read to its end."""
    await asker.ask("document", ROOT)
    await asker.ask("document", f"{ROOT}$metadata")
    for table in TABLES:
        await _whole_table(asker, truth, table)
        if asker.over:
            return


async def _whole_table(asker: Asker, truth: Truth, table: str) -> None:
    size = asker.dice.choice((1_000, 2_000, 5_000))
    headers = {"Prefer": f"odata.maxpagesize={size}"}
    kind = "feed, first page"
    columns = asker.dice.choice(("", "&$select=groupId,userId" if "Member" in table else ""))
    url: str | None = f"{ROOT}{table}?$count=true{columns}"
    keys: list[str] = []
    snapshots: set[str] = set()
    count = None
    while url is not None:
        page = (await asker.ask(kind, url, headers)).json()
        keys += [key_of(table, row) for row in page["value"]]
        count = page.get("@odata.count", count)
        url, kind = page.get("@odata.nextLink"), "feed, next page"
        snapshots |= {snapshot_in(url)} if url is not None else set()
        if url is not None and asker.over:
            return
    _expect(asker, truth.faults_of(table, keys))
    if len(snapshots) > 1:
        _expect(asker, f"{table}: pages of {len(snapshots)} snapshots in one feed")
    if count != len(keys):
        _expect(asker, f"{table}: $count says {count}, {len(keys)} rows came")
    asker.ledger.rounds["feeds"] += 1
    asker.ledger.rows["feeds"] += len(keys)


async def preview(asker: Asker, truth: Truth) -> None:
    """Read the Navigator's first thousand rows, or the newest of a state."""
    table = asker.dice.choice(TABLES)
    wanted = min(1_000, len(truth.keys[table]))
    keys: list[str] = []
    url: str | None = f"{ROOT}{table}?$top=1000"
    while url is not None:  # while rows are still read, a page may be short
        page = (await asker.ask("preview", url)).json()
        keys += [key_of(table, row) for row in page["value"]]
        url = page.get("@odata.nextLink")
    if not wanted <= len(keys) <= 1_000 or len(set(keys)) != len(keys):
        _expect(asker, f"preview of {table}: {len(keys)} rows, {len(set(keys))} keys")
    state = asker.dice.choice(("FAILED", "APPROVED", "IN_PROGRESS"))
    path = f"{ROOT}Results?$filter=state%20eq%20'{state}'&$orderby=updatedAt%20desc&$top=20"
    rows = (await asker.ask("preview", path)).json()["value"]
    instants = [datetime.fromisoformat(row["updatedAt"]) for row in rows]
    if {row["state"] for row in rows} != {state} or instants != sorted(instants, reverse=True):
        _expect(asker, f"the newest of {state}: {[(r['state'], r['updatedAt']) for r in rows]}")
    asker.ledger.rounds["previews"] += 1
    await asyncio.sleep(asker.dice.random())


async def storm(asker: Asker, truth: Truth) -> None:
    """Send one small request for each of many people, as an expanded column does."""
    people = sorted(truth.results_of)
    start = asker.dice.randrange(len(people))
    for person in people[start : start + 40]:
        path = f"{ROOT}Users('{quote(person.replace(chr(39), chr(39) * 2), safe='')}')/results"
        rows = (await asker.ask("storm", f"{path}?$select=id")).json()["value"]
        if sorted(row["id"] for row in rows) != sorted(truth.results_of[person]):
            _expect(asker, f"results of {person}: {len(rows)} rows")
        if asker.over:
            return
    asker.ledger.rounds["storms"] += 1
    await asyncio.sleep(asker.dice.random())


async def summary(asker: Asker, truth: Truth) -> None:
    """Compare groups with their total, from one snapshot."""
    columns = asker.dice.choice(("state", "enrollmentType", "contentType", "contentId"))
    number = "aggregate($count%20as%20n)"
    path = f"{ROOT}Results?$apply=concat(groupby(({columns}),{number}),{number})"
    rows = (await asker.ask("apply", path, {"Prefer": "odata.maxpagesize=20000"})).json()["value"]
    total = [row["n"] for row in rows if columns not in row]
    parts = sum(row["n"] for row in rows if columns in row)
    if total != [parts] or parts < len(truth.keys["Results"]):
        _expect(asker, f"groups by {columns}: total {total}, parts {parts}")
    average = "filter(progress%20gt%2010)/aggregate(progress%20with%20average%20as%20a)"
    (row,) = (await asker.ask("apply", f"{ROOT}Results?$apply={average}")).json()["value"]
    if not 10 < row["a"] <= 100:
        _expect(asker, f"an average of {row['a']}")
    asker.ledger.rounds["summaries"] += 1
    await asyncio.sleep(asker.dice.random())


async def export(asker: Asker, truth: Truth) -> None:
    """Read all rows in one file."""
    form = asker.dice.choice(("text/csv", "arrow", "parquet"))
    content = (await asker.ask(f"file, {form}", f"{ROOT}Results?$format={form}")).body
    table = await asyncio.to_thread(_READERS[form], content)
    _expect(asker, truth.faults_of("Results", table.column("id").to_pylist()))
    asker.ledger.rounds["files"] += 1
    asker.ledger.rows["files"] += table.num_rows
    await asyncio.sleep(2 * asker.dice.random())


_READERS: Mapping[str, Callable[[bytes], pa.Table]] = {
    "text/csv": lambda content: pyarrow.csv.read_csv(
        io.BytesIO(content),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"id": pa.string()}),
    ),
    "arrow": lambda content: pa.ipc.open_stream(content).read_all(),
    "parquet": lambda content: pyarrow.parquet.read_table(io.BytesIO(content)),
}


@dataclass
class Copy:
    """A copy of a feed, updated through deltaLinks."""

    path: str = f"{ROOT}Results?$select=id,state,progress,updatedAt"
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    link: str = ""

    async def catch_up(self, asker: Asker, truth: Truth) -> None:
        """Read all rows, or the changes since the last time."""
        if not self.link:
            self.rows = {}
            await self._follow(asker, self.path, {"Prefer": "odata.track-changes"})
        else:
            await self._follow(asker, self.link, {})
        _expect(asker, truth.faults_of("Results", self.rows))
        asker.ledger.rounds["deltas"] += 1
        await asyncio.sleep(3 * asker.dice.random())

    async def compare(self, asker: Asker) -> None:
        """Check that the copy equals the feed, when nothing changes any longer."""
        newest = {"Cache-Control": "no-cache"}
        await self._follow(asker, self.link or self.path, newest)
        other = Copy()
        await other._follow(asker, self.path, {"Prefer": "odata.track-changes", **newest})
        if self.rows != other.rows:
            differing = {
                k
                for k in self.rows.keys() | other.rows.keys()
                if self.rows.get(k) != other.rows.get(k)
            }
            _expect(asker, f"a copy differs from the feed in {len(differing)} rows")
        asker.ledger.rounds["copies"] += 1

    async def _follow(self, asker: Asker, url: str | None, headers: dict[str, str]) -> None:
        rows, link, kind = dict(self.rows), "", "delta" if self.link else "tracked feed"
        while url is not None:
            page = (await asker.ask(kind, url, headers)).json()
            for item in page["value"]:
                if "reason" in item:
                    rows.pop(_key_in(item["id"]), None)
                else:
                    rows[item["id"]] = item
            url, link = page.get("@odata.nextLink"), page.get("@odata.deltaLink", "")
        if not link.startswith(PUBLIC):
            _expect(asker, "a tracked feed ended without a deltaLink")
        self.rows, self.link = rows, link


async def blunder(asker: Asker, truth: Truth) -> None:
    """Send requests that must be refused, each with its own error."""
    path, status = asker.dice.choice(_BAD)
    body = (await asker.ask("refused", path, expected=status)).json()
    if not body["error"]["message"]:
        _expect(asker, f"{path[:80]}: refused without a word")
    asker.ledger.rounds["refusals"] += 1
    await asyncio.sleep(asker.dice.random() / 2)


async def leave(asker: Asker, truth: Truth) -> None:
    """Request much, read a little, and disconnect; half of the time without closing properly."""
    place = urlsplit(asker.dice.choice(asker.gateways))
    target = asker.dice.choice(
        (f"{ROOT}Results", f"{ROOT}Results?$format=csv", f"{ROOT}Results?$orderby=contentName")
    )
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=4_096)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        wanted = asker.dice.choice((0, 100, 20_000))
        if wanted:
            with suppress(TimeoutError):  # whoever has no patience leaves too
                await asyncio.wait_for(reader.read(wanted), 20)
        if asker.dice.random() < 0.5:
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _LEAVES_AT_ONCE)
    finally:
        writer.close()
    asker.ledger.rounds["leavers"] += 1
    await asyncio.sleep(asker.dice.random())


async def repeat(asker: Asker, truth: Truth, round_: Round) -> None:
    """Repeat rounds until the time is over."""
    while not asker.over:
        try:
            await round_(asker, truth)
        except Stumble:
            await asyncio.sleep(1)


def _expect(asker: Asker, problem: str) -> None:
    if problem:
        asker.ledger.problem(problem)
        raise Stumble


def _key_in(url: str) -> str:
    return unquote(url).partition("('")[2][:-2].replace("''", "'")
