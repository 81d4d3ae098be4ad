"""The storage of a workspace: its folder and files, its snapshots, and how long they last."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.analytics.read.page import arrow_schema
from gateway.config import DEFAULT_WORKSPACE, Settings
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem
from gateway.observe import Observer
from gateway.query.tree.transformations import ARRIVAL, POSITION
from gateway.snapshots.freshness import FreshnessPolicy
from gateway.snapshots.keep.catalog import RetentionPolicy
from gateway.snapshots.keep.database import Bounds, memory_share
from gateway.snapshots.keep.store import SnapshotStore, TableLayout
from gateway.snapshots.peers.selection import Sharing

_MEBIBYTE = 1_048_576


def directory_of(settings: Settings) -> Path | None:
    """Return the folder of the workspace's snapshots; that of the default one is `data_dir`."""
    if settings.data_dir is None or settings.workspace == DEFAULT_WORKSPACE:
        return settings.data_dir
    return settings.data_dir / "workspaces" / settings.workspace


def proofs_path(settings: Settings) -> Path | None:
    """Return the file of the workspace's proofs: beside the snapshots, or beside the contract.

    None if there is neither: then the proofs are in memory.
    """
    directory = directory_of(settings)
    if directory is not None:
        make_directory(directory)
        return directory / "proofs.json"
    if settings.contract is None or not os.access(settings.contract.parent, os.W_OK):
        return None
    return settings.contract.with_suffix(".proofs.json")


def schema_log_path(settings: Settings) -> Path | None:
    """Return the file of the workspace's schema versions, beside that of its proofs."""
    proofs = proofs_path(settings)
    if proofs is None:
        return None
    return proofs.with_name(f"{proofs.name.removesuffix('proofs.json')}schema.json")


def sharing_of(settings: Settings) -> Sharing | None:
    """Return how replicas share snapshots; None if the snapshots are in memory only.

    Raises:
        ConfigurationProblem: `redis` is set without `data_dir`.
    """
    directory = directory_of(settings)
    if directory is None:
        if settings.redis is not None:
            raise ConfigurationProblem("redis needs data_dir: snapshots are shared as files")
        return None
    keep = settings.fresh_for + settings.stale_for + settings.token_lifetime
    return Sharing(directory, keep, settings.redis)


def open_store(
    settings: Settings, contract: Contract, observer: Observer, stores: int
) -> SnapshotStore:
    """Return the store of the workspace's snapshots; `stores` share the memory of the process.

    Raises:
        ConfigurationProblem: the folder cannot be created.
    """
    directory = directory_of(settings)
    if directory is not None:
        make_directory(directory)
    key = contract.key
    layout = TableLayout(
        arrow_schema(contract), key, contract.order_column, POSITION.name, ARRIVAL.name
    )
    return SnapshotStore(layout, directory, observer, _bounds(settings, stores))


def _bounds(settings: Settings, stores: int) -> Bounds:
    """Return the limits of the store; sorts may spill as many bytes as snapshots may have."""
    memory = settings.memory_limit
    share = memory_share(settings.workers) if memory is None else memory * _MEBIBYTE
    return Bounds(None if share is None else share // stores, settings.snapshot_budget * _MEBIBYTE)


def policies_of(settings: Settings) -> tuple[FreshnessPolicy, RetentionPolicy]:
    """Return when a snapshot is fresh, and how long old ones are kept."""
    freshness = FreshnessPolicy(
        settings.fresh_for,
        settings.stale_for,
        settings.stale_if_error,
        settings.full_refresh_every,
    )
    budget = settings.snapshot_budget * _MEBIBYTE
    return freshness, RetentionPolicy(settings.token_lifetime, budget, settings.delta_lifetime)


def make_directory(path: Path) -> None:
    """Create a folder that only its owner can read, unless it exists.

    Raises:
        ConfigurationProblem: the folder cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigurationProblem(f"--data-dir {path} must be a folder, but is a file") from error
    except OSError as error:
        raise ConfigurationProblem(f"data_dir {path}: {error.strerror}") from error
