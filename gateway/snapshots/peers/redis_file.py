"""A file in Redis: one hash of compressed chunks, each with a checksum, and a manifest.

The manifest is written last and holds the digest of the whole file. A file that was not written
completely, lost a part or changed is therefore never used. All of it is one key, so that it
expires, or is evicted, as a whole. Chunks are gzip members: gzip carries the CRC-32 of the plain
bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import anyio.to_thread
import msgspec
from isal import isal_zlib
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from gateway.snapshots.peers.offers import Offer

_CHUNK_BYTES = 1_048_576
_GZIP = 31  # zlib's wbits for a gzip member
_MANIFEST = "manifest"


class NotExchanged(Exception):
    """The file was not written or read; the text says why and contains no secret."""


class Manifest(msgspec.Struct, frozen=True):
    """The offer of a file, its number of chunks, and the SHA-256 of the plain bytes."""

    offer: Offer
    chunks: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileLocation:
    """The key of a file, and the seconds after which it expires unless it is renewed."""

    key: str
    keep_seconds: float

    @property
    def milliseconds(self) -> int:
        """The time to expiry in the unit of Redis."""
        return int(self.keep_seconds * 1000)


async def read_manifests(redis: Redis, keys: list[str]) -> list[Manifest | None]:
    """Return the manifests of the keys; None for gone, unfinished or other files."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.hget(key, _MANIFEST)
    found = await pipeline.execute()
    return [_manifest(text) for text in found]


async def write_manifest(redis: Redis, location: FileLocation, manifest: Manifest) -> None:
    """Complete a file, or update its offer."""
    await _put(redis, location, _MANIFEST, msgspec.json.encode(manifest))


async def write_file(redis: Redis, location: FileLocation, path: Path, offer: Offer) -> None:
    """Write the whole file, or leave nothing.

    Raises:
        NotExchanged: the file cannot be read, or Redis has no room for it.
    """
    try:
        await _write(redis, location, path, offer)
    except (OutOfMemoryError, NotExchanged) as error:
        await redis.unlink(location.key)
        if isinstance(error, NotExchanged):
            raise
        raise NotExchanged(
            "Redis has no room for it"
        ) from None  # Redis quotes the chunk in its error


async def read_file(redis: Redis, location: FileLocation, path: Path) -> bool:
    """Write a new file at `path`, for its owner only; return False if Redis has none.

    Raises:
        NotExchanged: it is damaged, or cannot be written here.
    """
    (manifest,) = await read_manifests(redis, [location.key])
    if manifest is None:
        return False
    digest = hashlib.sha256()
    with _local(), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        for number in range(manifest.chunks):
            chunk: Any = await redis.hget(location.key, str(number))
            if chunk is None:
                raise NotExchanged(f"chunk {number + 1} of {manifest.chunks} is missing")
            await anyio.to_thread.run_sync(_unpack, chunk, f, digest)
    if digest.hexdigest() != manifest.sha256:
        raise NotExchanged("its bytes do not match its digest")
    return True


async def _write(redis: Redis, location: FileLocation, path: Path, offer: Offer) -> None:
    """Write all chunks; each call renews the expiry, since an eviction starts a new key."""
    digest = hashlib.sha256()
    number = 0
    await redis.unlink(location.key)
    with _local(), path.open("rb") as file:
        while chunk := await anyio.to_thread.run_sync(_pack, file, digest):
            await _put(redis, location, str(number), chunk)
            number += 1
    if await _length(redis, location.key) != number:
        raise NotExchanged("Redis evicted a part of it at once")
    await write_manifest(redis, location, Manifest(offer, number, digest.hexdigest()))


async def _put(redis: Redis, location: FileLocation, field: str, value: bytes) -> None:
    pipeline = redis.pipeline(transaction=False)
    pipeline.hset(location.key, field, value)
    pipeline.pexpire(location.key, location.milliseconds)
    await pipeline.execute()


async def _length(redis: Redis, key: str) -> int:
    length: Any = await redis.hlen(key)
    return int(length)


def _manifest(text: bytes | None) -> Manifest | None:
    try:
        return msgspec.json.decode(text or b"", type=Manifest)
    except msgspec.DecodeError:
        return None


def _pack(file: BinaryIO, digest: Any) -> bytes:
    """Return the next chunk in its stored form; empty at the end."""
    plain = file.read(_CHUNK_BYTES)
    digest.update(plain)
    return isal_zlib.compress(plain, level=1, wbits=_GZIP) if plain else b""


def _unpack(chunk: bytes, file: BinaryIO, digest: Any) -> None:
    try:
        plain = isal_zlib.decompress(chunk, wbits=_GZIP, bufsize=_CHUNK_BYTES)
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub says instance for class
        raise NotExchanged("a chunk is damaged") from error
    digest.update(plain)
    file.write(plain)


@contextmanager
def _local() -> Iterator[None]:
    """Turn an error of the local file into `NotExchanged`."""
    try:
        yield
    except OSError as error:
        raise NotExchanged(error.strerror or type(error).__name__) from error
