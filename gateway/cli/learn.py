"""The calls behind `init` and `check`: description, probes, and a reading with the written file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, Token, World
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.contract.model import Contract
from gateway.discovery.claims.claims import Claims, names_other_host
from gateway.discovery.claims.files import claims_from_file
from gateway.discovery.claims.find import find_description, read_url
from gateway.discovery.discover import Plan, discover
from gateway.discovery.hints import Hints, hints_of
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Door, DoorProblem, Pace
from gateway.discovery.probe.trees import Tree
from gateway.discovery.verify import verify
from gateway.discovery.write import contract_text
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable
from gateway.observe import Clock

_TIMEOUT_SECONDS = 120.0
_SECONDS_BETWEEN_CALLS = 1.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner says besides URL and token.

    `source` is a file or a URL of a description or an example; `constants` are members of the body.
    """

    source: str | None = None
    constants: Tree = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was learnt, the contract file, and what does not fit when it is read with that file."""

    learned: Learned
    text: str
    problems: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """True if the pages that were read fit the file."""
        return not self.problems


async def learn(url: str, source: Token, wishes: Wishes, progress: Progress) -> Outcome:
    """Learn an API, and read some of its pages with the contract file that results.

    Raises:
        DoorProblem: no row can be read, or `source` has no token.
        ConfigurationProblem: the source cannot be read.
    """
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS) as http:
        current = partial(_token, source)
        hints = await _hints(http, url, await current(), wishes, progress)
        headers = {**hints.headers, **wishes.headers}
        caller = Caller(http, current, _pace(url), headers)
        usual = read_file(built_in_contract())
        learned = await discover(caller, Plan(usual, wishes.constants, hints), progress)
        text = contract_text(learned, built_in_contract(), usual, url)
        contract = load_contract(text)
        problems = await verify(_client(http, contract, current, headers), contract, learned)
        return Outcome(learned, text, (*learned.problems, *problems))


async def _token(source: Token, refused: str = "") -> str:
    """Return the current token, or say at the door why there is none."""
    try:
        return await source(refused)
    except UpstreamRejectedToken as error:
        raise DoorProblem(Door.TOKEN, error.message) from None
    except UpstreamUnavailable as error:
        raise DoorProblem(Door.UNREACHABLE, error.message) from None


async def _hints(
    http: httpx.AsyncClient, url: str, token: str, wishes: Wishes, progress: Progress
) -> Hints:
    """Return what a description or the owner's file says; a description is looked for."""
    claims = await _claims(http, url, token, wishes, progress)
    if claims is None:
        return Hints()
    if names_other_host(claims, url):
        progress(f"it names another host, {claims.base_url}; only {url} is called")
    return hints_of(claims, url)


async def _claims(
    http: httpx.AsyncClient, url: str, token: str, wishes: Wishes, progress: Progress
) -> Claims | None:
    if wishes.source is not None:
        data = await _source(http, wishes.source, url, token)
        claims = claims_from_file(data, wishes.source)
        progress(f"read {', '.join(claims.sources) or 'a file'}")
        return claims
    found = await find_description(http, url, token)
    if found.claims is not None:
        progress(f"found a description: {', '.join(found.claims.sources)} at {found.url}")
    return found.claims


async def _source(http: httpx.AsyncClient, source: str, url: str, token: str) -> bytes:
    if source.startswith(("http://", "https://")):
        return await read_url(http, source, url, token)
    try:
        return await asyncio.to_thread(Path(source).read_bytes)
    except OSError as error:
        raise ConfigurationProblem(f"--from {source} cannot be read: {error.strerror}") from error


def _pace(url: str) -> Pace:
    """Return the pace: no pause on this machine, where nobody else is disturbed."""
    is_local = urlsplit(url).hostname in _LOOPBACK
    return Pace(asyncio.sleep, time.monotonic, 0.0 if is_local else _SECONDS_BETWEEN_CALLS)


def _client(
    http: httpx.AsyncClient, contract: Contract, token: Any, headers: Mapping[str, str]
) -> AnalyticsClient:
    http.headers.update(headers)
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)
    return AnalyticsClient(http, contract, World(token, asyncio.sleep, clock), RetryPolicy())


def constants_of(pairs: tuple[str, ...]) -> Tree:
    """Return the members that `--constant NAME=VALUE` names; values are JSON, or else texts.

    Raises:
        ValueError: a pair has no name or no value.
    """
    made: Tree = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise ValueError(f"{pair!r} is not NAME=VALUE")
        node: Any = made
        *steps, last = name.split(".")
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = _json_or_text(text)
    return made


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
