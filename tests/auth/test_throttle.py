"""Wrong keys are slowed down, right ones are not, and nobody is locked out by a neighbour."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.datastructures import Headers

from gateway.auth.throttle import Throttle
from gateway.edge.proxies import TrustedProxies
from tests.support.access import basic, bearer, make_key
from tests.support.live import bridge
from tests.support.wire import WireAnswer, send

SHARED = "open sesame, says the shared key"


class Ticking:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_ten_at_once_are_only_wrong_and_then_one_each_six_seconds() -> None:
    clock = Ticking()
    throttle = Throttle(clock)
    assert [throttle.fail(["a"]) > 0 for _ in range(12)] == [False] * 10 + [True] * 2
    wait = throttle.fail(["a"])
    assert throttle.fail(["b"]) <= 0
    clock.seconds += wait + 6
    assert throttle.fail(["a"]) <= 0
    assert throttle.fail(["a"]) > 0


def test_no_guess_is_looked_at_after_a_hundred_and_time_heals() -> None:
    clock = Ticking()
    throttle = Throttle(clock)
    for _ in range(500):
        throttle.fail(["a", "for key 1"])
    assert throttle.is_exhausted("a")
    assert not throttle.is_exhausted("b")
    clock.seconds += 10
    assert not throttle.is_exhausted("a")
    clock.seconds += 600
    assert throttle.fail(["a"]) <= 0


def test_its_memory_is_bounded() -> None:
    throttle = Throttle(Ticking())
    for number in range(50_000):
        throttle.fail([f"address {number}"])
    assert sum(throttle.fail([f"address {number}"]) > -50 for number in range(50_000)) <= 20_000


def test_a_wrong_key_is_told_to_wait_and_a_right_one_is_let_in(tmp_path: Path) -> None:
    file, shared = tmp_path / "keys.json", tmp_path / "shared"
    shared.write_text(SHARED, "utf-8")
    key, _ = make_key(file)
    settings = {"keys_file": str(file), "access_key_file": str(shared)}
    with bridge([], settings=settings) as gateway:

        def ask(text: str) -> WireAnswer:
            return send(gateway.root, "/odata/v4/", [basic(text)])

        assert [send(gateway.root, "/odata/v4/").status for _ in range(15)] == [401] * 15
        assert [ask("wrong").status for _ in range(10)] == [401] * 10
        throttled = ask("wrong")
        assert throttled.status == 429
        assert throttled.json()["error"]["code"] == "TooManyAttempts"
        assert 1 <= int(throttled.header("Retry-After") or 0) <= 120
        message = throttled.json()["error"]["message"]
        assert f"try again in {throttled.header('Retry-After')} second" in message
        assert throttled.every("WWW-Authenticate") == []
        for right in (key, SHARED):
            assert ask(right).status == 200
        assert send(gateway.root, "/odata/v4/").status == 401  # without a key it is no guess
        for _ in range(100):
            ask("wrong")
        assert ask("wrong").status == 429
        for right in (key, SHARED):  # behind one address there may be a company
            assert ask(right).status == 200
        elsewhere = [basic(SHARED), ("X-Forwarded-For", "203.0.113.7")]
        assert send(gateway.root, "/odata/v4/", elsewhere).status == 200
        forged = [basic("wrong"), ("X-Forwarded-For", "203.0.113.8, 127.0.0.1")]
        assert send(gateway.root, "/odata/v4/", forged).status == 401


def test_a_short_shared_key_is_not_compared_after_too_many_guesses(tmp_path: Path) -> None:
    """It could be found by trying; a longer one could not, and is compared at any time."""
    shared = tmp_path / "shared"
    for key, expected in (("k" * 15, 429), ("k" * 16, 200)):
        shared.write_text(f" {key}\n", "utf-8")
        with bridge([], settings={"access_key_file": str(shared)}) as gateway:
            for _ in range(105):
                send(gateway.root, "/odata/v4/", [basic("wrong")])
            assert send(gateway.root, "/odata/v4/", [basic(key)]).status == expected
            elsewhere = [basic(key), ("X-Forwarded-For", "203.0.113.7")]
            assert send(gateway.root, "/odata/v4/", elsewhere).status == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_what_a_stranger_says_of_its_address_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """No way around the throttle, and one warning that says what to set."""
    shared = tmp_path / "shared"
    shared.write_text(SHARED, "utf-8")
    settings = {"access_key_file": str(shared), "trusted_proxies": "192.0.2.1"}
    with bridge([], settings=settings) as gateway:
        statuses = []
        for number in range(12):
            told = f"198.51.100.{number}"
            header = (name, told if name.startswith("X") else f"for={told};host=x{number}.example")
            answer = send(gateway.root, "/odata/v4/", [basic("wrong"), header])
            statuses.append(answer.status)
        readiness = send(gateway.root, "/readyz", [header]).json()["forwardingHeaders"]
        assert statuses == [401] * 10 + [429] * 2
        assert send(gateway.root, "/odata/v4/", [basic(SHARED), header]).status == 200
    assert readiness.startswith("ignored")
    warned = [r.getMessage() for r in caplog.records if "--trusted-proxies" in r.getMessage()]
    assert len(warned) == 1
    assert "127.0.0.1" in warned[0]


def test_a_key_is_throttled_whoever_guesses_it(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key, _ = make_key(file)
    guess = key[:-4] + "aaaa"
    with bridge([], settings={"keys_file": str(file)}) as gateway:
        statuses = [
            send(
                gateway.root,
                "/odata/v4/",
                [bearer(guess), ("X-Forwarded-For", f"198.51.100.{number}")],
            ).status
            for number in range(12)
        ]
        assert statuses == [401] * 10 + [429] * 2
        assert send(gateway.root, "/odata/v4/", [bearer(key)]).status == 200


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("203.0.113.5", {"x-forwarded-for": "192.0.2.1"}, "203.0.113.5"),
        ("127.0.0.1", {}, "127.0.0.1"),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, "192.0.2.1"),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.9, 192.0.2.1"}, "192.0.2.1"),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1, 10.1.2.3"}, "192.0.2.1"),
        ("127.0.0.1", {"x-forwarded-for": "10.1.2.3, 10.1.2.4"}, "10.1.2.3"),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1:4711"}, "192.0.2.1"),
        ("127.0.0.1", {"x-forwarded-for": "[2001:db8::1]:81"}, "2001:db8::1"),
        ("127.0.0.1", {"x-forwarded-for": "2001:db8::1"}, "2001:db8::1"),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1, unknown"}, "127.0.0.1"),
        ("127.0.0.1", {"x-forwarded-for": ""}, "127.0.0.1"),
        ("127.0.0.1", {"forwarded": 'for="[2001:db8::1]:81";proto=https'}, "2001:db8::1"),
        ("127.0.0.1", {"forwarded": "for=192.0.2.9, For=192.0.2.1;by=x"}, "192.0.2.1"),
        ("127.0.0.1", {"forwarded": "for=_hidden"}, "127.0.0.1"),
        (
            "127.0.0.1",
            {"forwarded": "for=192.0.2.9", "x-forwarded-for": "192.0.2.1"},
            "127.0.0.1",
        ),
        (
            "127.0.0.1",
            {"forwarded": 'for="192.0.2.1:47"', "x-forwarded-for": "192.0.2.9, 192.0.2.1"},
            "192.0.2.1",
        ),
        (
            "127.0.0.1",
            {"forwarded": 'for="192.0.2.9, for=192.0.2.1', "x-forwarded-for": "192.0.2.1"},
            "127.0.0.1",
        ),
        ("127.0.0.1", {"forwarded": " ", "x-forwarded-for": "192.0.2.1"}, "192.0.2.1"),
        ("", {"x-forwarded-for": "192.0.2.1"}, ""),
        ("testclient", {"x-forwarded-for": "192.0.2.1"}, "testclient"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, headers: dict[str, str], client: str) -> None:
    assert TrustedProxies.of(("127.0.0.1", "10.0.0.0/8")).client(peer, Headers(headers)) == client


def test_where_all_are_trusted_the_first_entry_counts() -> None:
    chain = TrustedProxies.of(("*",))
    assert (
        chain.client("203.0.113.5", Headers({"x-forwarded-for": "192.0.2.9, 192.0.2.1"}))
        == "192.0.2.9"
    )
