"""A client that reads feeds to their end, as BI tools do: one connection, page after page."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from isal import igzip

from benchmarks.support import ask, connect

_NEXT = re.compile(rb'"@odata\.nextLink":"([^"]+)"\}\s*$')
_LONGEST_LINK = 4_000


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed read to its end. Times in seconds; `links` are the pages' URLs, in order."""

    seconds: float
    first_byte: float
    links: tuple[str, ...]


def follow(url: str, headers: dict[str, str]) -> Feed:
    """Follow nextLinks."""
    link, links = connect(url), [url]
    started = time.perf_counter()
    first_byte, body = ask(url, link, headers)
    while found := _NEXT.search(end_of(body)):
        links.append(found[1].decode())
        _, body = ask(links[-1], link, headers)
    return Feed(time.perf_counter() - started, first_byte - started, tuple(links))


def read_all(links: tuple[str, ...], headers: dict[str, str]) -> None:
    """Do the same work with known links: decompress each page to find the next link."""
    link = connect(links[0])
    for url in links:
        end_of(ask(url, link, headers)[1])


def end_of(body: bytes) -> bytes:
    """Return the plain text of a body's end, which contains the nextLink."""
    plain = igzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    return plain[-_LONGEST_LINK:]
