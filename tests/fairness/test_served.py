"""Two callers of one gateway, on real sockets: in which order their requests are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from gateway.sandbox import create_sandbox, generate
from tests.support.access import basic, make_key
from tests.support.live import SECRET, running, served
from tests.support.wire import WireAnswer, send

AT_ONCE = 16


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A gateway with all rows at hand, and its file of keys."""
    file = tmp_path_factory.mktemp("shared") / "keys.json"
    key, _ = make_key(file)
    with (
        running(create_sandbox(generate(300), secret=SECRET), date_header=False) as upstream,
        served(upstream, {"keys_file": str(file)}) as root,
    ):
        base = root.removesuffix("/odata/v4/")
        assert send(base, "/odata/v4/Users?$top=1", [basic(key)]).status == 200
        yield base, file


def _to_parse(number: int) -> bytes:
    terms = " or ".join(f"progress eq {number}.{n}" for n in range(500))
    return f"$select=id&$filter={terms}".encode()


def _to_compute(number: int) -> bytes:
    many = "/".join(["concat(identity,identity)"] * 5)
    return f"$apply={many}/filter(contains(contentName,'@{number}'))&$top=1".encode()


def _post(root: str, key: str, body: bytes) -> WireAnswer:
    headers = [basic(key), ("Content-Type", "text/plain")]
    return send(root, "/odata/v4/Results/$query", headers, method="POST", body=body)


@pytest.mark.parametrize("long", [_to_parse, _to_compute], ids=["to parse", "to compute"])
def test_a_small_query_is_answered_before_the_long_ones_that_came_first(
    shared: tuple[str, Path], long: Callable[[int], bytes]
) -> None:
    """Each small one waits for a few turns of the other caller, not for all."""
    root, file = shared
    greedy, modest = make_key(file)[0], make_key(file)[0]
    small = "/odata/v4/Results?$top=1&$orderby=contentName&$filter=progress%20gt%20"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [pool.submit(_post, root, greedy, long(n)) for n in range(AT_ONCE)]
        wait(sent, return_when=FIRST_COMPLETED)  # all of them are there by then
        before = sum(future.done() for future in sent)
        for number in range(3):
            assert send(root, f"{small}{number}", [basic(modest)]).status == 200
        after = sum(future.done() for future in sent)
        assert {future.result().status for future in sent} == {200}
    assert after - before <= 9
    assert after < AT_ONCE
