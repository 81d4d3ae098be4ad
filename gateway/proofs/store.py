"""Proofs in a file that all processes share, or in memory.

The file is replaced as a whole under a lock, and read again when it has changed. Of two findings on
one ability the newer one counts, so that an older proof never undoes a withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock

from gateway.atomic_file import replace_file

_LOCK_SECONDS = 2.0
_MAX_BYTES = 4_194_304
_MAX_OWNERS = 1_000


@dataclass(frozen=True, slots=True)
class Proof:
    """A finding on one ability: it holds, or it was contradicted.

    `digest` is that of the ability (`gateway.proofs.abilities`). `values` is the longest list of
    values that a filter was proved with, 0 for other abilities. `evidence` has numbers of rows
    only. `at` is aware, UTC.
    """

    ability: str
    digest: str
    holds: bool
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    values: int = 0
    evidence: str = ""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """A proof in the file, and its owner."""

    owner: str
    proof: Proof

    @property
    def key(self) -> tuple[str, str]:
        """Return what a newer line replaces."""
        return self.owner, self.proof.ability


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    proofs: list[_Line]


_FORMAT = 1
_Found = dict[tuple[str, str], _Line]


class ProofStore:
    """The proofs of all owners (`gateway.proofs.trust.owner_of`); for the event loop and threads.

    `warn` gets a sentence if the file cannot be read or written; then memory alone has the proofs.
    `version` changes with every change.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None] = lambda _: None) -> None:
        self.version = 0
        self._path = path
        self._warn = warn
        self._stamp: tuple[int, int] | None = None
        self._lines: _Found = {}

    def of(self, owner: str) -> Mapping[str, Proof]:
        """Return the newest finding on each ability, by its name.

        An owner that ends in `*` means all owners that begin with the rest.
        """
        self.refresh()
        prefix = owner.removesuffix("*")
        lines = (
            line
            for line in self._lines.values()
            if line.owner == owner or (prefix != owner and line.owner.startswith(prefix))
        )
        newest_last = sorted(lines, key=lambda line: line.proof.at)
        return {line.proof.ability: line.proof for line in newest_last}

    def record(self, owner: str, proofs: Iterable[Proof]) -> None:
        """Add findings; older ones than those that are there do not count."""
        made = [_Line(owner, proof) for proof in proofs]
        if not made:
            return
        if self._path is None:
            self._keep(merged(self._lines, made))
            return
        try:
            with FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS):
                self.refresh()
                found = merged(self._lines, made)
                text = msgspec.json.encode(_File(_FORMAT, [*found.values()]))
                replace_file(self._path, msgspec.json.format(text, indent=1))
                self._keep(found)
                self._stamp = _stamp_of(self._path)
        except (OSError, TimeoutError) as error:
            self._warn(f"proofs cannot be written to {self._path}: {type(error).__name__}")
            self._keep(merged(self._lines, made))

    def refresh(self) -> int:
        """Read the file if it has changed; return the version."""
        stamp = None if self._path is None else _stamp_of(self._path)
        if self._path is not None and stamp != self._stamp:
            self._stamp = stamp
            if stamp is not None:
                self._keep(self._read(self._path))
        return self.version

    def _keep(self, lines: _Found) -> None:
        self._lines, self.version = lines, self.version + 1

    def _read(self, path: Path) -> _Found:
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_BYTES)
            found = msgspec.json.decode(text, type=_File)
        except (OSError, msgspec.DecodeError) as error:
            self._warn(f"the proofs in {path} cannot be read, so none counts: {error}")
            return {}
        if found.format != _FORMAT:
            self._warn(f"the proofs in {path} have another format, so none counts")
            return {}
        return {line.key: line for line in found.proofs}


def merged(lines: _Found, made: Iterable[_Line]) -> _Found:
    """Return the newest finding on each ability of each owner; of many owners, the latest ones."""
    found = dict(lines)
    for line in made:
        known = found.get(line.key)
        if known is None or known.proof.at <= line.proof.at:
            found[line.key] = line
    latest: dict[str, datetime] = {}
    for line in found.values():
        at = line.proof.at
        latest[line.owner] = max(at, latest.get(line.owner, at))
    kept = set(sorted(latest, key=lambda owner: latest[owner])[-_MAX_OWNERS:])
    return {key: line for key, line in found.items() if key[0] in kept}


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
