"""Every fault of the upstream at every moment: the client sees what docs/reliability.md says.

The table of that page is the expectation. A real gateway asks a real upstream through a relay that
goes wrong; only the clock is set by hand.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.app import create_app
from gateway.contract.loader import built_in_contract
from gateway.observe import Clock
from gateway.sandbox import Dataset, Faults, create_sandbox, generate, make_token
from gateway.sandbox.app import Sandbox
from tests.faults.upstream_faults import FAULTS, MOVING
from tests.support.crooked import Crooked, crooked
from tests.support.live import SECRET, running, settings_from
from tests.support.wire import WireAnswer, send

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
QUESTION = "/odata/v4/Results?$select=id&$orderby=id"
"""Sorted otherwise than rows come, so that it is answered from a complete extract only."""
AGES = {"fresh_for": 300, "stale_for": 100, "stale_if_error": 1_000, "full_refresh_every": 0}
HASTY = {"retry_budget": 0, "upstream_timeout": 0.8, "page_size": 2_000, "early_pages": False}


@dataclass
class Hands:
    """A clock that is set by hand, monotonic too."""

    seconds: float = 0.0

    def clock(self) -> Clock:
        return Clock(
            lambda: datetime.now(UTC) + timedelta(seconds=self.seconds),
            lambda: time.monotonic() + self.seconds,
        )


def table() -> dict[str, dict[str, str]]:
    """What the page expects, by fault and moment."""
    text = PAGE.read_text("utf-8").partition("<!-- upstream -->")[2].partition("<!-- /")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.strip().splitlines()]
    head, _, *rows = lines
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@contextmanager
def gateway_over(url: str, hands: Hands, folder: Path, **more: object) -> Iterator[str]:
    token = folder / "token"
    token.write_text(make_token(SECRET), "utf-8")
    given = {**AGES, **HASTY, "upstream": url, "token_file": str(token), **more}
    with running(create_app(settings_from(given), clock=hands.clock())) as base:
        yield base


@pytest.fixture(scope="module")
def relay(dataset: Dataset) -> Iterator[Crooked]:
    sandbox = create_sandbox(dataset, secret=SECRET)
    with running(sandbox, date_header=False) as upstream, crooked(upstream) as found:
        yield found


def seen(answer: WireAnswer, rows: int) -> str:
    """What the table says of such an answer; whatever else is wrong fails here."""
    if answer.status != 200:
        assert list(answer.json()) == ["error"]
        assert b'"value"' not in answer.body
        told = answer.header("Retry-After")
        assert (told is not None and told.isdigit()) == (answer.status == 503)
        return f"{answer.status} {answer.json()['error']['code']}"
    keys = [row["id"] for row in answer.json()["value"]]
    assert len(keys) == len(set(keys)) == rows, "rows were lost or doubled"
    cache = answer.header("Cache-Status")
    assert cache is not None
    assert answer.header("Age") is not None
    _, _, detail = cache.partition("detail=")
    return f"200 {detail or cache.rpartition('; ')[2]}"


@dataclass
class Play:
    """One gateway through all moments of one fault."""

    root: str
    relay: Crooked
    hands: Hands
    rows: int
    age: float = 0.0
    """Of the snapshot at hand when it last answered."""

    def at_fault(self, fault: str, *, honest: int = 0) -> str:
        """What a client sees while the fault lasts, and until what it started has ended."""
        self.relay.misdeed, self.relay.honest = FAULTS[fault], honest
        try:
            found = self._ask()
            self._settle()
            return found
        finally:
            self.relay.heal()

    def recover(self) -> None:
        """After a fault the feed is whole again; a throttled one goes on a call at a time."""
        for _ in range(6):
            self.hands.seconds += 12
            found = self._ask()
            if "UpstreamThrottled" not in found:
                break
        assert found in ("200 fwd=miss", "200 fwd=stale", "200 hit"), found

    def grow(self, age: float) -> None:
        """Let time pass until the snapshot is so old."""
        self.hands.seconds += age - self.age

    def _settle(self) -> None:
        """Wait for the end of the extracts that run."""
        while any(not one["waitsToGoOn"] for one in self._status()["extracts"]):
            time.sleep(0.01)

    def _ask(self) -> str:
        answer = send(self.root, QUESTION)
        self.age = float(answer.header("Age") or 0)
        return seen(answer, self.rows)

    def _status(self) -> Any:
        return send(self.root, "/status").json()


@dataclass(kw_only=True)
class Restless(Play):
    """The same while more rows change after each page than a page holds."""

    sandbox: Sandbox

    def at_fault(self, fault: str, *, honest: int = 0) -> str:
        self.sandbox.faults.update({"driftEvery": 1, "driftChanges": 150, "driftKinds": ["touch"]})
        try:
            found = self._ask()
            self._settle()
            return found
        finally:
            self.sandbox.faults.turn_off()


def test_rows_that_are_too_old_do_not_stand_in_for_data_that_keeps_changing(tmp_path: Path) -> None:
    """It can be reached: `stale_if_error` is not for it."""
    sandbox = create_sandbox(generate(300), secret=SECRET, faults=Faults())
    contract = tmp_path / "contract.toml"
    small_pages = built_in_contract().replace("largest = 1000 ", "largest = 100 ")
    contract.write_text(small_pages, "utf-8")
    own = {"contract": str(contract), "upstream_timeout": 20}
    with running(sandbox, date_header=False) as upstream, crooked(upstream) as relay:
        hands = Hands()
        with gateway_over(relay.url, hands, tmp_path, **own) as root:
            play = Restless(root, relay, hands, 300, sandbox=sandbox)
            found = {"cold": play.at_fault(MOVING)}
            found["half-way"] = found["cold"]  # it moves at all times
            play.recover()
            for moment, age in (("fresh", 250), ("refreshing", 350), ("stale", 600)):
                play.grow(age)
                found[moment] = play.at_fault(MOVING)
            play.recover()
    assert found == table()[MOVING]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_client_sees_what_the_table_says(
    fault: str, relay: Crooked, dataset: Dataset, tmp_path: Path
) -> None:
    hands = Hands()
    with gateway_over(relay.url, hands, tmp_path) as root:
        play = Play(root, relay, hands, len(dataset.to_rows()))
        found = {"cold": play.at_fault(fault)}
        hands.seconds += 60
        found["half-way"] = play.at_fault(fault, honest=2)
        hands.seconds += 60
        play.recover()
        for moment, age in (("fresh", 250), ("refreshing", 350), ("stale", 600)):
            play.grow(age)
            found[moment] = play.at_fault(fault)
        play.recover()
    assert found == table()[fault]


@pytest.mark.parametrize(
    "question",
    [
        "Results?$top=3",
        "Results/$count",
        "Results?$top=3&$format=csv",
        "Results?$count=true&$top=0",
    ],
)
def test_what_one_call_would_answer_an_older_snapshot_answers_too(
    question: str, relay: Crooked, dataset: Dataset, tmp_path: Path
) -> None:
    hands = Hands()
    with gateway_over(relay.url, hands, tmp_path) as root:
        relay.misdeed = FAULTS["500"]
        assert send(root, f"/odata/v4/{question}").status == 503
        relay.heal()
        hands.seconds += 60
        expected = send(root, QUESTION).status, send(root, f"/odata/v4/{question}").body
        hands.seconds += 600
        relay.misdeed = FAULTS["500"]
        answer = send(root, f"/odata/v4/{question}")
        relay.heal()
    assert (answer.status, answer.body) == expected


# --- what no relay can play -----------------------------------------------------------------------


def test_the_table_has_every_fault() -> None:
    assert set(table()) == {*FAULTS, *UNREACHABLE, MOVING}


@contextmanager
def nobody() -> Iterator[str]:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def no_tls() -> Iterator[str]:
    """TLS is wanted where none is spoken."""
    with crooked("http://127.0.0.1:9") as relay:
        yield relay.url.replace("http:", "https:")


@contextmanager
def foreign_certificate() -> Iterator[str]:
    """A server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, context), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), context.wrap_socket(connection, server_side=True):
            pass


@contextmanager
def no_name() -> Iterator[str]:
    """A host that no name service knows (RFC 6761 6.4)."""
    yield "http://api.skillhabit.invalid"


UNREACHABLE = {
    "connection refused": nobody,
    "TLS where none is spoken": no_tls,
    "an untrusted certificate": foreign_certificate,
    "a name that is not known": no_name,
}


@pytest.mark.parametrize("fault", UNREACHABLE)
def test_who_cannot_be_reached_is_unavailable(fault: str, tmp_path: Path) -> None:
    with UNREACHABLE[fault]() as url, gateway_over(url, Hands(), tmp_path) as root:
        assert seen(send(root, QUESTION), 0) == table()[fault]["cold"]
