"""The checks of `doctor` on this computer: Python, files, folders, the port."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.app import clock_and_observer, own_token, read_contract
from gateway.auth.identity import expires_at
from gateway.auth.login_settings import has_login
from gateway.auth.setup import weaknesses
from gateway.auth.token_end import facts_of
from gateway.auth.tokens import TokenSource
from gateway.cli.addresses import exposure, sign_in
from gateway.cli.proofs import trust_of
from gateway.cli.secret_files import HAS_MODES, open_mode, secret_files
from gateway.cli.variables import unknown_variables
from gateway.config import ENVIRONMENT_PREFIX, STATED, Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable
from gateway.observe.health import DiskFacts, disk_problem, token_problem

_PACKAGES = ("skillhabit-odata", "duckdb", "pyarrow", "starlette", "uvicorn", "httpx", "aiohttp")
_MEBIBYTE_BYTES = 1_048_576


class CheckVerdict(StrEnum):
    """The outcome of a check: `fail` keeps the gateway from serving, `warn` is worth knowing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check, with the remedy if one is needed; it never contains a secret."""

    subject: str
    verdict: CheckVerdict
    text: str


def ok(subject: str, text: str) -> CheckResult:
    """Return a passed check."""
    return CheckResult(subject, CheckVerdict.OK, text)


def warn(subject: str, text: str) -> CheckResult:
    """Return a warning."""
    return CheckResult(subject, CheckVerdict.WARN, text)


def fail(subject: str, text: str) -> CheckResult:
    """Return a failed check."""
    return CheckResult(subject, CheckVerdict.FAIL, text)


def examine_computer(settings: Settings, environment: Mapping[str, str]) -> Iterator[CheckResult]:
    """Yield the checks that need no network."""
    yield _python()
    yield _variables(settings, environment)
    yield _contract(settings)
    yield from _proofs(settings)
    yield _token(settings)
    yield from _secret_files(settings)
    yield _sign_in(settings)
    yield _data_directory(settings)
    yield _port(settings)


def _python() -> CheckResult:
    found = ".".join(map(str, sys.version_info[:3]))
    try:
        packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    except PackageNotFoundError as error:
        return fail("python", f"{error.name} is not installed; reinstall skillhabit-odata")
    return ok("python", f"{found}; {packages}")


def _variables(settings: Settings, environment: Mapping[str, str]) -> CheckResult:
    unknown = unknown_variables(settings, environment)
    if unknown:
        texts = "; ".join(f"{name}: no setting has this name; {r}" for name, r in unknown.items())
        return warn("settings", f"{texts}; ignored")
    count = sum(name.startswith(ENVIRONMENT_PREFIX) for name in environment)
    return ok("settings", f"all valid; {count} come from the environment")


def _contract(settings: Settings) -> CheckResult:
    try:
        contract = read_contract(settings)
    except ConfigurationProblem as problem:
        return fail("contract", problem.message)
    sets = ", ".join(found.name for found in contract.schema.entity_sets)
    return ok("contract", f"serves {sets}")


def _proofs(settings: Settings) -> Iterator[CheckResult]:
    """Say what the Analytics API was proved to do; nothing if the contract cannot be read."""
    if settings.trust == STATED:
        yield warn("proofs", "not needed, because trust = stated: only for an API that you know")
        return
    with suppress(ConfigurationProblem):
        standings = trust_of(settings, read_contract(settings)).standings()
        missing = [standing.ability.name for standing in standings if not standing.is_proved]
        proved = len(standings) - len(missing)
        text = f"{proved} of {len(standings)} abilities of the API are proved"
        if not missing:
            yield ok("proofs", text)
            return
        remedy = "`serve` proves them after an extract of all rows"
        yield ok("proofs", f"{text}; not used yet: {', '.join(missing)}; {remedy}")


async def _read(source: TokenSource) -> str:
    return await source()


def _token(settings: Settings) -> CheckResult:
    """Check the token's `exp`, without verifying its signature or showing the token."""
    try:
        token = asyncio.run(_read(own_token(settings, *clock_and_observer())))
    except (ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable) as problem:
        return fail("token", problem.message)
    expires = expires_at(token)
    if expires is None:
        return ok("token", "found; it has no expiry time")
    now = time.time()
    left = expires - now
    if has_login(settings) and left > 0:
        return ok("token", f"obtained by a login; it ends in {_span(left)}, and is renewed before")
    if left <= 0:
        return fail("token", f"expired {_span(-left)} ago; replace it with a new one")
    if token_problem(facts_of(token), now) is not None:
        return warn("token", f"expires in {_span(left)}; replacing it needs no restart")
    return ok("token", f"found; expires in {_span(left)}")


def _span(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def _secret_files(settings: Settings) -> Iterator[CheckResult]:
    for name, path in secret_files(settings):
        yield _secret_file(name, path)
    for name, text in weaknesses(settings):
        yield warn(name, text)


def _secret_file(name: str, path: Path) -> CheckResult:
    try:
        mode = open_mode(path)
        is_empty = not path.read_bytes().strip()
    except OSError as error:
        return fail(name, f"{path} cannot be read: {error.strerror}")
    if is_empty:
        return fail(name, f"{path} is empty")
    if mode:
        return warn(name, f"{path} can be read by others (mode {mode}): chmod 600 {path}")
    if not HAS_MODES:
        return ok(name, f"found {path}; check its permissions yourself: docs/windows.md")
    return ok(name, f"only the owner can read {path}")


def _sign_in(settings: Settings) -> CheckResult:
    problem = exposure(settings)
    return ok("sign_in", sign_in(settings)) if problem is None else fail("sign_in", problem)


def _data_directory(settings: Settings) -> CheckResult:
    path = settings.data_dir
    if path is None:
        return ok("data_dir", "none: snapshots stay in memory and are loaded again after a restart")
    if not path.is_dir():
        parent = next((up for up in path.absolute().parents if up.exists()), Path("/"))
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            return fail("data_dir", f"{path} cannot be created in {parent}")
        return warn("data_dir", f"{path} does not exist yet; serve creates it")
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return fail("data_dir", f"{path} cannot be written: {error.strerror}")
    return _free_space(path, settings.snapshot_budget)


def _free_space(path: Path, budget: int) -> CheckResult:
    """Compare free space and stored snapshots with the budget, in MiB."""
    stored = sum(file.stat().st_size for file in path.glob("*.duckdb"))
    disk = DiskFacts(True, shutil.disk_usage(path).free, stored, budget * _MEBIBYTE_BYTES)
    drafts = len([*path.glob("building/*")])
    kept, free = (size // _MEBIBYTE_BYTES for size in (stored, disk.free or 0))
    text = f"{path}: {kept} MiB of snapshots, {free} MiB free, {drafts} drafts"
    if disk_problem(disk) is not None:
        return warn(
            "data_dir", f"{text}; --snapshot-budget is {budget} MiB: lower it or free space"
        )
    return ok("data_dir", text)


def _port(settings: Settings) -> CheckResult:
    address = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        return warn(
            "port", f"{address} cannot be used now ({error.strerror}); is a gateway running?"
        )
    return ok("port", f"{address} is free")
