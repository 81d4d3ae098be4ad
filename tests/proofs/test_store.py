"""Proofs on disk: shared, never undone by older ones, and never a reason to fail."""

from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.proofs.store import Proof, ProofStore

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def proof(name: str, *, holds: bool = True, hours: float = 0, values: int = 0) -> Proof:
    return Proof(name, "d", holds, NOW + timedelta(hours=hours), values, "3 rows")


@pytest.mark.parametrize("on_disk", [False, True])
def test_the_newest_finding_counts(tmp_path: Path, *, on_disk: bool) -> None:
    store = ProofStore(tmp_path / "proofs.json" if on_disk else None)
    store.record("a/1", [proof("total", hours=1, values=7)])
    store.record("a/1", [proof("total", holds=False, hours=0)])
    assert store.of("a/1") == {"total": proof("total", hours=1, values=7)}
    store.record("a/1", [proof("total", holds=False, hours=2)])
    assert not store.of("a/1")["total"].holds
    assert store.of("a/2") == {}


def test_all_processes_see_a_finding(tmp_path: Path) -> None:
    one, other = (ProofStore(tmp_path / "proofs.json") for _ in range(2))
    one.record("a/1", [proof("total")])
    before = other.refresh()
    assert other.of("a/1") == one.of("a/1")
    one.record("a/1", [proof("total", holds=False, hours=1)])
    assert other.refresh() > before
    assert not other.of("a/1")["total"].holds
    assert stat.S_IMODE((tmp_path / "proofs.json").stat().st_mode) == 0o600


def test_concurrent_findings_are_all_kept(tmp_path: Path) -> None:
    stores = [ProofStore(tmp_path / "proofs.json") for _ in range(4)]

    def record(number: int) -> None:
        for each in range(10):
            stores[number].record("a/1", [proof(f"filter by c{number}_{each}")])

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ProofStore(tmp_path / "proofs.json").of("a/1")) == 40
    assert sorted(p.name for p in tmp_path.iterdir()) == ["proofs.json", "proofs.json.lock"]


def test_an_owner_with_a_star_stands_for_all_of_one_api() -> None:
    store = ProofStore(None)
    store.record("api/1", [proof("total"), proof("filter by state", hours=2)])
    store.record("api/2", [proof("total", holds=False, hours=1)])
    store.record("else/1", [proof("filter by userId")])
    found = store.of("api/*")
    assert {name: each.holds for name, each in found.items()} == {
        "total": False,
        "filter by state": True,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"format": 2, "proofs": []}',
        '{"format": 1, "proofs": [{"owner": 1}]}',
        '{"format": 1, "proofs": [{"owner": "a/1", "proof": {"ability": "total", "digest": "d",'
        ' "holds": true, "at": "2026-05-01T00:00:00"}}]}',
    ],
)
def test_a_damaged_file_proves_nothing_and_is_replaced(tmp_path: Path, text: str) -> None:
    told: list[str] = []
    path = tmp_path / "proofs.json"
    path.write_text(text, "utf-8")
    store = ProofStore(path, told.append)
    assert store.of("a/1") == {}
    assert len(told) == 1
    store.record("a/1", [proof("total")])
    assert ProofStore(path).of("a/1") == {"total": proof("total")}


def test_a_folder_that_cannot_be_written_leaves_proofs_in_memory(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "file").touch()
    store = ProofStore(tmp_path / "file" / "proofs.json", told.append)
    store.record("a/1", [proof("total")])
    assert store.of("a/1") == {"total": proof("total")}
    assert len(told) == 1
