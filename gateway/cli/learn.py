"""The calls of `init` and `check`: description, probes, and a reading with the file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import structs

from gateway.analytics.read.client import AnalyticsClient, RetryPolicy, Token, World
from gateway.cli.exits import Exit
from gateway.contract import file
from gateway.contract.headers import check_headers, resolve_headers
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.contract.model import Contract, RateLimit
from gateway.discovery.check import Checked, InForce, check_contract, compare_with, learn_with
from gateway.discovery.claims.claims import Claims, names_other_host
from gateway.discovery.claims.files import claims_from_file
from gateway.discovery.claims.find import find_description, read_url
from gateway.discovery.discover import Plan
from gateway.discovery.findings import Finding
from gateway.discovery.hints import Hints, hints_of
from gateway.discovery.infer.found import Question
from gateway.discovery.kept.entries import Hand
from gateway.discovery.kept.keep import keep_changes
from gateway.discovery.kept.own_hints import hints_of_contract, joined
from gateway.discovery.learned import Learned
from gateway.discovery.probe.caller import Caller, Door, DoorProblem, Pace
from gateway.discovery.probe.trees import Tree
from gateway.discovery.write import contract_text
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable
from gateway.observe import Clock
from gateway.outgoing.options import client_options

_TIMEOUT_SECONDS = 120.0
_SECONDS_BETWEEN_CALLS = 1.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Progress = Callable[[str], None]
ChooseFields = Callable[[Sequence[file.MappedField], Sequence[str]], Sequence[file.MappedField]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The owner's input besides URL and token.

    `source` is a file or a URL of a description or an example; `constants` are members of the body.
    Values of headers may have `${env.NAME}`, an environment variable. `zone` is that of instants
    without an offset. `contract` is the text of a file to start from: its entries are tried first,
    and the owner's changes are kept. `choose` answers a question with the number of an option,
    `fields` chooses the custom fields that become columns, given the names of the other columns,
    and `accept` may stop the command once it has seen rows.
    """

    source: str | None = None
    constants: Tree = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    contract: str | None = None
    choose: Callable[[Question], int] | None = None
    fields: ChooseFields = lambda found, _: found
    accept: Callable[[Learned], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings, the contract file, and what does not fit when rows are read with that file.

    `findings` are those on the file. `kept` are the entries that the owner had changed before.
    """

    learned: Learned
    text: str
    problems: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    kept: Mapping[str, Hand] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """True if the pages that were read fit the file."""
        return not self.problems


async def learn(url: str, source: Token, wishes: Wishes, progress: Progress) -> Outcome:
    """Learn an API, and read some of its pages with the contract file that results.

    Raises:
        DoorProblem: no row can be read.
        ConfigurationProblem: the source, or the file to start from, cannot be used.
    """
    async with httpx.AsyncClient(
        base_url=url, timeout=_TIMEOUT_SECONDS, **client_options()
    ) as http:
        token = await _token_of(source)
        hints = await _hints(http, url, token, wishes, progress)
        http.headers.update(_secret_headers(wishes))
        plain = {n: v for n, v in wishes.headers.items() if "${" not in v}
        current = partial(_token_of, source)
        caller = Caller(http, current, pace_of(url), {**hints.headers, **plain})
        shipped = built_in_contract()
        usual = read_file(shipped)
        plan = Plan(usual, _constants(wishes), hints, wishes.zone, choose=_once(wishes.choose))
        learned, _ = await learn_with(caller, plan, wishes.constants, progress)
        wishes.accept(learned)
        learned = _with_fields(learned, wishes.fields)
        learned = replace(learned, headers={**learned.headers, **wishes.headers})
        made = contract_text(learned, shipped, usual, url)
        kept = keep_changes(made, wishes.contract, shipped)
        contract = _loaded(kept.text, kept.entries)
        in_force = InForce(read_file(kept.text), contract, url)
        client = reader(http, contract, current)
        findings = await compare_with(client, in_force, learned, shipped, proves=False)
        problems = tuple(f"{f.subject}: {f.text}" for f in findings if not f.fits)
        problems = tuple(dict.fromkeys(problems))
        return Outcome(learned, kept.text, problems, findings, kept.entries)


async def check(
    url: str, source: Token, in_force: InForce, progress: Progress, page_seconds: float
) -> Checked:
    """Learn an API again, and compare a contract file with it.

    Raises:
        DoorProblem: no row can be read.
        UpstreamUnavailable, UpstreamRejectedToken: the API fails meanwhile.
    """
    seconds = max(page_seconds, _TIMEOUT_SECONDS)
    async with httpx.AsyncClient(base_url=url, timeout=seconds, **client_options()) as http:
        current = partial(_token_of, source)
        client = reader(http, in_force.contract, current)
        caller = Caller(http, current, pace_of(url))
        return await check_contract(caller, client, in_force, built_in_contract(), progress)


async def check_again(url: str, source: Token, in_force: InForce, learned: Learned) -> Checked:
    """Compare another file with what was learnt, and read pages with it."""
    async with httpx.AsyncClient(
        base_url=url, timeout=_TIMEOUT_SECONDS, **client_options()
    ) as http:
        client = reader(http, in_force.contract, source)
        findings = await compare_with(client, in_force, learned, built_in_contract())
        return Checked(findings, learned)


def _secret_headers(wishes: Wishes) -> dict[str, str]:
    """Return the values of headers that environment variables have.

    Raises:
        ConfigurationProblem: one is not set.
    """
    named = tuple((name, value) for name, value in wishes.headers.items() if "${" in value)
    if wishes.contract is not None:
        headers = read_file(wishes.contract).request.headers
        named = (*((n, v) for n, v in headers.items() if n not in wishes.headers), *named)
    check_headers(named)
    built_in = load_contract(built_in_contract())
    request = replace(built_in.request, headers=named)
    return resolve_headers(replace(built_in, request=request), os.environ)


def _once(choose: Callable[[Question], int] | None) -> Callable[[Question], int] | None:
    """Return a function that asks each question once: discovery may read its rows again."""
    answers: dict[str, int] = {}
    if choose is None:
        return None

    def answer(question: Question) -> int:
        if question.subject not in answers:
            answers[question.subject] = choose(question)
        return answers[question.subject]

    return answer


def _constants(wishes: Wishes) -> Tree:
    """Return the members that the owner names, and those of the file to start from."""
    if wishes.contract is None:
        return wishes.constants
    return _overlaid(hints_of_contract(read_file(wishes.contract)).constants, wishes.constants)


def _overlaid(first: Tree, second: Tree) -> Tree:
    """Return both trees in one; where they differ, the second counts."""
    made = dict(first)
    for name, node in second.items():
        inner = made.get(name)
        is_both = isinstance(inner, dict) and isinstance(node, dict)
        made[name] = _overlaid(made[name], node) if is_both else node
    return made


def _with_fields(learned: Learned, choose: ChooseFields) -> Learned:
    """Return the findings with the custom fields that the owner wants as columns."""
    fields = learned.inferred.custom_fields
    taken = [column.name for column in learned.inferred.columns]
    if fields is None:
        choose((), taken)
        return learned
    chosen = structs.replace(fields, mapped=tuple(choose(fields.mapped, taken)))
    return replace(learned, inferred=replace(learned.inferred, custom_fields=chosen))


def _loaded(text: str, kept: Mapping[str, Hand]) -> Contract:
    try:
        return load_contract(text)
    except ConfigurationProblem as problem:
        if not kept:
            raise
        raise ConfigurationProblem(
            f"{problem.message}. Your changes of {', '.join(kept)} were kept, and do not fit the"
            " findings: correct them, or delete the contract file to start over"
        ) from problem


def always(token: str) -> Token:
    """Return a source of one token."""

    async def current(refused: str = "") -> str:
        return token

    return current


async def _token_of(source: Token, refused: str = "") -> str:
    """Return the current token, or raise a `DoorProblem` that says why there is none."""
    try:
        return await source(refused)
    except UpstreamRejectedToken as error:
        raise DoorProblem(Door.TOKEN, error.message) from None
    except UpstreamUnavailable as error:
        raise DoorProblem(Door.UNREACHABLE, error.message) from None


async def _hints(
    http: httpx.AsyncClient, url: str, token: str, wishes: Wishes, progress: Progress
) -> Hints:
    """Return the claims of the file to start from, and of a description or the owner's example."""
    own = Hints()
    if wishes.contract is not None:
        own = replace(hints_of_contract(read_file(wishes.contract)), constants={})
    claims = await _claims(http, url, token, wishes, progress)
    if claims is None:
        return own
    if names_other_host(claims, url):
        progress(f"it names another host, {claims.base_url}; only {url} is called")
    return joined(own, hints_of(claims, url))


async def _claims(
    http: httpx.AsyncClient, url: str, token: str, wishes: Wishes, progress: Progress
) -> Claims | None:
    """Return the claims of a file, or of a description, which is looked for without a contract."""
    if wishes.source is not None:
        data = await _source(http, wishes.source, url, token)
        claims = claims_from_file(data, wishes.source)
        progress(f"read {', '.join(claims.sources) or 'a file'}")
        return claims
    if wishes.contract is not None:
        return None
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


def pace_of(url: str) -> Pace:
    """Return the pace of calls: without a pause if the API runs on this machine."""
    seconds = 0.0 if _is_local(url) else _SECONDS_BETWEEN_CALLS
    return Pace(asyncio.sleep, time.monotonic, seconds)


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def reader(
    http: httpx.AsyncClient,
    contract: Contract,
    token: Token,
    policy: RetryPolicy | None = None,
) -> AnalyticsClient:
    """Return the reader of the feed for a contract, at the pace of the probes.

    The contract's headers are those of the HTTP client from now on.

    Raises:
        ConfigurationProblem: an environment variable of a header is not set.
    """
    http.headers.update(resolve_headers(contract, os.environ))
    if contract.rate_limit is None and not _is_local(str(http.base_url)):
        contract = replace(contract, rate_limit=RateLimit(1 / _SECONDS_BETWEEN_CALLS, 1))
    clock = Clock(lambda: datetime.now(UTC), time.monotonic)
    world = World(token, asyncio.sleep, clock)
    return AnalyticsClient(http, contract, world, policy or RetryPolicy())


def exit_of(problem: DoorProblem) -> Exit:
    """Return the exit code of a `DoorProblem`, which shows whether to try again later."""
    is_later = problem.door in (Door.UNREACHABLE, Door.BUSY, Door.NO_ROWS)
    return Exit.LATER if is_later else Exit.UNUSABLE


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
