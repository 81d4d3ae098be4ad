"""One request has one status, whatever the format: all formats by all shapes of request.

What a format cannot hold is `CANNOT_HOLD`, and nothing else differs. Formats are negotiated by
`$format` and by `Accept`; rows come from a snapshot, from single upstream pages and totals, from
statistics, and from an extract that is still loading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from gateway.sandbox import generate
from tests.support.examples import sparse
from tests.support.live import Bridge, bridge
from tests.support.wire import Headers, WireAnswer, send

JSON_FORMATS = (
    "application/json",
    "application/json;odata.metadata=none",
    "application/json;odata.metadata=full;IEEE754Compatible=true",
)
FILES = (
    "text/csv",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
)
SHORT = {"csv": "text/csv", "arrow": FILES[1], "parquet": FILES[2], "json": JSON_FORMATS[0]}
TEXT = "text/plain"

CANNOT_HOLD = {
    "rows": {},
    "one thing": dict.fromkeys((*FILES, TEXT), 406),
    "references": dict.fromkeys((*FILES, TEXT), 406),
    "changes": dict.fromkeys((*FILES, TEXT), 406),
    "rows in rows": dict.fromkeys(FILES, 400),
    "a count beside rows": dict.fromkeys(FILES, 400),
    "a page of a feed": dict.fromkeys(FILES, 400),
    "plain text": dict.fromkeys(FILES, 406),
    "a plain value": dict.fromkeys(FILES, 406),
}
"""The statuses that differ from those of JSON, by the kind of resource."""

PATHS = (
    "Results",
    "Results/$filter(state eq 'FAILED')",
    "Users",
    "Users('{user}')/results",
    "Users('nobody')/results",
    "Groups('gnone')/members",
    "Results('{key}')/user/results",
    "DailyStatistics",
    "NoSuchSet",
)
OPTIONS = (
    "",
    "$top=0",
    "$top=0&$orderby=user/name",
    "$top=0&$compute=user/name as person&$select=person",
    "$top=3",
    "$top=3&$skip=2",
    "$skip=100000",
    "$orderby=user/name,id&$top=4",
    "$compute=user/name as person&$select=id,person",
    "$filter=user/name eq 'x'",
    "$filter=results/any(r:r/state eq 'FAILED')&$top=0",
    "$filter=state eq 'FAILED' and state eq 'EXPIRED'",
    "$filter=state eq 'FAILED' and state eq 'EXPIRED'&$orderby=user/name",
    "$filter=id eq 'none'",
    "$filter=id eq 'none'&$skip=1",
    "$search=nothing_has_this",
    "$compute=1 div (length(id) sub length(id)) as x&$select=x",
    "$compute=updatedAt add duration'P3000000D' as x&$select=x",
    "$compute=date(updatedAt add duration'P3000000D') as x&$select=x",
    "$compute=1 div (length(id) sub length(id)) as x&$select=x&$top=0",
    "$orderby=1 div (length(id) sub length(id))",
    "$apply=aggregate($count as n)",
    "$apply=aggregate($count as n)&$skip=1",
    "$apply=aggregate($count as n)&$top=0",
    "$apply=filter(state eq 'x')/aggregate($count as n)",
    "$apply=groupby((state),aggregate($count as n))",
    "$apply=groupby((state),aggregate($count as n))&$top=0&$orderby=n",
    "$apply=concat(aggregate($count as n),groupby((state)))",
    "$apply=filter(user/name eq 'x')&$top=0",
    "$apply=aggregate(updatedAt with max as x)/compute(x add duration'P3000000D' as y)",
    "$select=nosuch",
    "$filter=state eq",
    "$top=-1",
)
NESTED = (
    ("Users?$expand=results", "rows in rows"),
    ("Users?$expand=results/$count", "rows in rows"),
    ("Results?$select=id,user", "rows in rows"),
    ("Results?$select=groupIds($top=1)", "rows in rows"),
    ("Results?$count=true", "a count beside rows"),
    ("Results?$count=true&$top=0", "a count beside rows"),
    ("Results?$apply=groupby((state))&$count=true", "a count beside rows"),
    ("Results/$ref", "references"),
    ("Results/$ref?$top=0", "references"),
    ("Users('{user}')/results/$ref?$top=3", "references"),
    ("Users('nobody')/results/$ref", "references"),
    ("Results('{key}')/$ref", "references"),
    ("Results('{key}')", "one thing"),
    ("Results('gone')", "one thing"),
    ("Results('{key}')/state", "one thing"),
    ("Results('{key}')/groupIds", "one thing"),
    ("Results('{key}')/user", "one thing"),
    ("$entity?$id=Results('{key}')", "one thing"),
    ("", "one thing"),
    ("Results/$count", "plain text"),
    ("Users('nobody')/results/$count", "plain text"),
    ("Users('nobody')/results/$count?$apply=aggregate($count as n)", "plain text"),
    ("Results/$count?$apply=groupby((state))", "plain text"),
    ("Results('{key}')/state/$value", "a plain value"),
    ("Results('gone')/state/$value", "a plain value"),
    ("Results('{key}')/groupIds/$count", "plain text"),
    ("Results?$skiptoken=forged", "a page of a feed"),
    ("Results?$deltatoken=forged", "changes"),
)
ROWS = tuple((f"{path}?{options}".rstrip("?"), "rows") for path in PATHS for options in OPTIONS)


@dataclass(frozen=True, slots=True)
class Gateway:
    """One route to rows, and keys that exist behind it."""

    root: str
    user: str
    key: str

    def ask(self, target: str, headers: Headers = ()) -> WireAnswer:
        path = target.replace("{user}", self.user).replace("{key}", self.key)
        path = path.replace("(state eq 'FAILED')", "(@f)") if "/$filter(" in path else path
        if "/$filter(" in path:
            path += ("&" if "?" in path else "?") + "@f=state eq 'FAILED'"
        return send(self.root, f"/odata/v4/{quote(path, safe='$=&,()?/@;%:')}", headers)


@pytest.fixture(scope="module")
def warm(live: Bridge) -> Gateway:
    """A gateway with a snapshot."""
    return gateway_of(live)


@pytest.fixture(scope="module")
def cold() -> Iterator[Gateway]:
    """One that never has a fresh one."""
    with bridge(generate(40), settings={"fresh_for": 0}) as found:
        yield gateway_of(found)


@pytest.fixture(params=["warm", "cold"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


def gateway_of(found: Bridge) -> Gateway:
    row = found.feed("Results?$select=id,userId")[0]
    return Gateway(found.root, row["userId"], row["id"])


@dataclass(frozen=True, slots=True)
class Way:
    """A way to name a format: by the option, or by headers."""

    media: str
    option: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def target(self, shape: str) -> str:
        between = "&" if "?" in shape else "?"
        return f"{shape}{between}$format={self.option}" if self.option else shape


def accepting(media: str, *more: tuple[str, str]) -> Way:
    return Way(media, headers=(("Accept", media), *more))


FEW_WAYS = (Way(FILES[0], "csv"), accepting(FILES[2]))
WAYS = (
    *FEW_WAYS,
    *(Way(media, name) for name, media in SHORT.items() if name != "csv"),
    *(Way(media, media.replace("=", "%3D").replace(";", "%3B")) for media in JSON_FORMATS[1:]),
    Way(FILES[0], FILES[0]),
    *map(accepting, (*JSON_FORMATS[1:], FILES[0], FILES[1])),
    accepting(JSON_FORMATS[0], ("OData-MaxVersion", "4.01")),
)


@pytest.mark.parametrize(("shape", "kind"), [*sparse(ROWS), *NESTED])
def test_every_format_has_the_same_status(warm: Gateway, shape: str, kind: str) -> None:
    check_all_formats(warm, shape, kind, WAYS)


COLD = [
    shape for shape in ROWS if shape[0].partition("?")[0] in ("Results", "Users('nobody')/results")
]


@pytest.mark.parametrize(("shape", "kind"), [*sparse(COLD), *NESTED])
def test_every_format_has_the_same_status_without_a_snapshot(
    cold: Gateway, shape: str, kind: str
) -> None:
    """Totals, windows and statistics are asked for, and extracts are made."""
    check_all_formats(cold, shape, kind, FEW_WAYS)


def test_every_format_has_the_same_status_while_rows_are_loading() -> None:
    """Of an extract of two pages the first rows are served before the last are there."""
    with bridge(generate(1_100), settings={"fresh_for": 0}) as found:
        gateway = gateway_of(found)
        for shape in ("Results", "Results?$skip=2", "Users('nobody')/results"):
            check_all_formats(gateway, shape, "rows", FEW_WAYS)
        check_all_formats(gateway, "Results/$ref", "references", FEW_WAYS)


def check_all_formats(gateway: Gateway, shape: str, kind: str, ways: tuple[Way, ...]) -> None:
    """All `ways` have the status of plain JSON, or the one that `CANNOT_HOLD` says."""
    reference = gateway.ask(shape)
    assert reference.status in (200, 400, 404, 501), reference.text
    for way in ways:
        wanted = CANNOT_HOLD[kind].get(way.media, reference.status)
        if kind == "plain text" and way.option:
            wanted = 406
        if kind == "a plain value" and way.option:  # it has no options at all
            wanted = 400
        alternatives = {wanted} if reference.status == 200 else {wanted, reference.status}
        status = gateway.ask(way.target(shape), way.headers).status
        assert status in alternatives, f"{way}: {status}, and {reference.status} as JSON"


@pytest.mark.parametrize("media", ["csv", "arrow", "parquet"])
@pytest.mark.parametrize("options", ["", "$top=3", "$top=0", "$skip=7", "$apply=identity"])
def test_what_is_behind_nothing_is_no_empty_file(
    gateway: Gateway, options: str, media: str
) -> None:
    answer = gateway.ask(f"Groups('gnone')/members?$format={media}&{options}".rstrip("&"))
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "NotFound"


@pytest.mark.parametrize(
    "options",
    [
        "$skip=3",
        "$apply=aggregate($count as n)",
        "$apply=filter(state eq 'FAILED')/aggregate($count as n)",
        "$apply=concat(groupby((state)),aggregate($count as n))",
        "$apply=aggregate($count as n)/compute(n add 1 as more)",
        "$apply=aggregate($count as n)&$filter=n gt 5",
        "$top=2&$skip=1",
    ],
)
def test_rows_made_of_nothing_prove_no_entity(gateway: Gateway, options: str) -> None:
    """`aggregate` makes a row where there are none, and $skip hides those that there are."""
    assert gateway.ask(f"Users('nobody')/results?{options}").status == 404
    assert gateway.ask(f"Users('{{user}}')/results?{options}").status == 200
    counted = options.replace("$top=2&", "")
    assert gateway.ask(f"Users('nobody')/results/$count?{counted}").status == 404
    assert gateway.ask(f"Users('{{user}}')/results/$count?{counted}").status == 200


@pytest.mark.parametrize("media", [*JSON_FORMATS, *FILES])
def test_preconditions_hold_in_every_format(gateway: Gateway, media: str) -> None:
    headers = [("Accept", media)]
    assert gateway.ask("Results", [*headers, ("If-Match", 'W/"another"')]).status == 412
    assert gateway.ask("Results", [*headers, ("If-Match", "*")]).status == 200


@pytest.mark.parametrize("media", FILES)
def test_a_format_that_cannot_hold_it_leaves_the_next_one_in_accept(
    gateway: Gateway, media: str
) -> None:
    for path in ("Results/$ref", "Results('{key}')", "Results('{key}')/state"):
        answer = gateway.ask(path, [("Accept", f"{media}, application/json;q=0.5")])
        assert answer.status == 200
        assert (answer.header("Content-Type") or "").startswith("application/json")


@pytest.mark.parametrize("media", ["csv", "arrow", "parquet"])
def test_an_empty_file_has_the_columns_of_a_full_one(live: Bridge, media: str) -> None:
    """Also where its order or a column leads to other rows, of which none are read."""
    for options in (
        "$orderby=user/name,id",
        "$compute=user/name as person,length(id) as n&$select=id,person,n",
        "$apply=groupby((state),aggregate($count as n))&$orderby=n",
    ):
        target = f"Results?$format={media}&{options}"
        full, empty = live.get(f"{target}&$top=1"), live.get(f"{target}&$top=0")
        assert full.status_code == empty.status_code == 200, empty.text
        if media == "csv":
            assert empty.text == full.text.split("\r\n")[0] + "\r\n"
