"""Two callers of one gateway, on real sockets: in which order their requests are answered."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.sandbox import create_sandbox, generate
from tests.support.access import basic, make_key
from tests.support.live import SECRET, running, served
from tests.support.wire import WireAnswer, send

LONG, AT_ONCE = 10_000, 10


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


def _long(number: int) -> bytes:
    terms = " or ".join(f"progress eq {number}.{n}" for n in range(LONG // 20))
    return f"$select=id&$filter={terms}".encode()


def _post(root: str, key: str, number: int) -> WireAnswer:
    headers = [basic(key), ("Content-Type", "text/plain")]
    return send(root, "/odata/v4/Results/$query", headers, method="POST", body=_long(number))


@pytest.mark.parametrize("target", ["Results?$top=1&$orderby=contentName", "Users?$top=2"])
def test_a_small_query_is_answered_before_the_long_ones_that_came_first(
    shared: tuple[str, Path], target: str
) -> None:
    root, file = shared
    greedy, modest = make_key(file)[0], make_key(file)[0]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        long: list[Future[WireAnswer]] = [
            pool.submit(_post, root, greedy, n) for n in range(AT_ONCE)
        ]
        while not any(future.done() for future in long):  # all of them are there by then
            assert send(root, f"/odata/v4/{target}", [basic(modest)]).status == 200
        before = sum(future.done() for future in long)
        for _ in range(3):
            assert send(root, f"/odata/v4/{target}", [basic(modest)]).status == 200
        after = sum(future.done() for future in long)
        assert {future.result().status for future in long} == {200}
    assert after - before <= 6  # each of the three waits for two at the most: parsed, and computed
    assert after < AT_ONCE
