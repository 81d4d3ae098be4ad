"""`skillhabit-odata purge`: no copy of anybody is left on disk or in Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sandbox import Dataset
from tests.cli.conftest import Run
from tests.support.live import bridge
from tests.support.redis_server import running_redis


def copies(folder: Path) -> list[Path]:
    """All files but the key, locks and the names of columns, which tell nothing of anybody."""
    found = (path for path in folder.rglob("*") if path.is_file())
    kept = {"signing.key", "schema.json", "schema.json.lock"}
    return [p for p in found if p.name not in kept and p.parent.name != "leases"]


def test_nothing_is_left_on_disk_or_in_redis_and_links_are_signed_as_before(
    run: Run, dataset: Dataset, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with running_redis(tmp_path, password="hidden words") as redis:
        settings = {"data_dir": str(data), "redis": redis.url.replace(" ", "%20")}
        with bridge(dataset, settings=settings) as gateway:
            gateway.feed("Results?$select=id")
            gateway.get("Contents", {"Prefer": "odata.track-changes"})
        (data / "0123456789abcdef.unusable").write_text("what was set aside")
        key = (data / "signing.key").read_bytes()
        assert copies(data)
        assert [name for name in redis.names() if ":snapshot:" in name]
        done = run("purge", "--data-dir", str(data), "--redis", settings["redis"])
        assert done.exit_code == 0, done.output
        assert "hidden" not in done.output
        assert copies(data) == []
        assert redis.names() == []
    assert (data / "signing.key").read_bytes() == key
    with bridge(dataset, settings={"data_dir": str(data)}) as gateway:
        assert len(gateway.feed("Results?$select=id")) == 2_000


def test_one_workspace_goes_and_others_stay(run: Run, tmp_path: Path) -> None:
    for name in ("", "workspaces/north", "workspaces/south"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "0123456789abcdef.duckdb").write_text("rows")
    done = run("purge", "--data-dir", str(tmp_path), "--workspace", "north")
    assert done.exit_code == 0
    assert "removed 1 file," in done.output
    assert {str(path.parent.relative_to(tmp_path)) for path in copies(tmp_path)} == {
        ".",
        "workspaces/south",
    }
    assert run("purge", "--data-dir", str(tmp_path), "--workspace", "default").exit_code == 0
    assert [path.parent.name for path in copies(tmp_path)] == ["south"]
    assert run("purge", "--data-dir", str(tmp_path)).exit_code == 0
    assert copies(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--data-dir is required"),
        (("--data-dir", "nowhere"), "is not a folder"),
        (("--data-dir", ".", "--workspace", "east"), "no files of it"),
    ],
)
def test_what_cannot_be_purged_is_said(run: Run, options: tuple[str, ...], says: str) -> None:
    done = run("purge", *options)
    assert done.exit_code == 2
    assert says in done.output


def test_a_redis_that_is_away_is_told_without_its_password(run: Run, tmp_path: Path) -> None:
    url = "redis://:hidden@127.0.0.1:1/0"
    done = run("purge", "--data-dir", str(tmp_path), "--redis", url)
    assert done.exit_code == 1
    assert "Redis cannot be reached" in done.output
    assert "hidden" not in done.output
