"""What `doctor` looks at on this computer: Python, files, folders, the port."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.app import own_token, read_contract, world_outside
from gateway.auth.identity import expires_at
from gateway.auth.setup import weaknesses
from gateway.auth.tokens import TokenSource
from gateway.cli.secret_files import open_mode, secret_files
from gateway.cli.variables import unknown_variables
from gateway.config import ENVIRONMENT_PREFIX, Settings
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken

_PACKAGES = ("skillhabit-odata", "duckdb", "pyarrow", "starlette", "uvicorn", "httpx", "aiohttp")
_MEBIBYTE = 1_048_576
_SOON_SECONDS = 7 * 86_400


class CheckVerdict(StrEnum):
    """`fail` keeps the gateway from answering; `warn` is to be known."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Examined:
    """What was looked at, and what was found with the way out; never a secret."""

    subject: str
    verdict: CheckVerdict
    text: str


def ok(subject: str, text: str) -> Examined:
    """As it should be."""
    return Examined(subject, CheckVerdict.OK, text)


def warn(subject: str, text: str) -> Examined:
    """To be known."""
    return Examined(subject, CheckVerdict.WARN, text)


def fail(subject: str, text: str) -> Examined:
    """To be mended."""
    return Examined(subject, CheckVerdict.FAIL, text)


def examine_computer(settings: Settings, environment: Mapping[str, str]) -> Iterator[Examined]:
    """All that needs no network beyond this computer."""
    yield _python()
    yield _variables(settings, environment)
    yield _contract(settings)
    yield _token(settings)
    yield from _secret_files(settings)
    yield _data_directory(settings)
    yield _port(settings)


def _python() -> Examined:
    found = ".".join(map(str, sys.version_info[:3]))
    try:
        packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    except PackageNotFoundError as error:
        return fail("python", f"{error.name} is not installed; install skillhabit-odata again")
    return ok("python", f"{found}; {packages}")


def _variables(settings: Settings, environment: Mapping[str, str]) -> Examined:
    unknown = unknown_variables(settings, environment)
    if unknown:
        told = "; ".join(f"{name}: no setting has this name; {r}" for name, r in unknown.items())
        return warn("settings", f"{told}; it is ignored")
    ours = sum(name.startswith(ENVIRONMENT_PREFIX) for name in environment)
    return ok("settings", f"all can be read; {ours} are given by the environment")


def _contract(settings: Settings) -> Examined:
    try:
        contract = read_contract(settings)
    except ConfigurationProblem as problem:
        return fail("contract", problem.message)
    sets = ", ".join(found.name for found in contract.schema.entity_sets)
    return ok("contract", f"serves {sets}")


async def _ask(source: TokenSource) -> str:
    return await source()


def _token(settings: Settings) -> Examined:
    """Its `exp` is read and not verified; the token is shown nowhere."""
    try:
        token = asyncio.run(_ask(own_token(settings, *world_outside())))
    except (ConfigurationProblem, UpstreamRejectedToken) as problem:
        return fail("token", problem.message)
    expires = expires_at(token)
    if expires is None:
        return ok("token", "is there; it does not say when it expires")
    left = expires - time.time()
    if left <= 0:
        return fail("token", f"expired {_span(-left)} ago; write a new one into its file")
    if left < _SOON_SECONDS:
        return warn("token", f"expires in {_span(left)}; a new one needs no restart")
    return ok("token", f"is there; expires in {_span(left)}")


def _span(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def _secret_files(settings: Settings) -> Iterator[Examined]:
    for name, path in secret_files(settings):
        yield _secret_file(name, path)
    for name, text in weaknesses(settings):
        yield warn(name, text)


def _secret_file(name: str, path: Path) -> Examined:
    try:
        mode = open_mode(path)
        is_empty = not path.read_bytes().strip()
    except OSError as error:
        return fail(name, f"{path} cannot be read: {error.strerror}")
    if is_empty:
        return fail(name, f"{path} is empty")
    if mode:
        return warn(name, f"{path} can be read by others (mode {mode}): chmod 600 {path}")
    return ok(name, f"{path} is for its owner only")


def _data_directory(settings: Settings) -> Examined:
    path = settings.data_dir
    if path is None:
        return ok("data_dir", "none: snapshots are kept in memory and made anew after a restart")
    if not path.is_dir():
        parent = next((up for up in path.absolute().parents if up.exists()), Path("/"))
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            return fail("data_dir", f"{path} cannot be made below {parent}")
        return warn("data_dir", f"{path} is not there yet; serve makes it")
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return fail("data_dir", f"{path} cannot be written: {error.strerror}")
    return _room(path, settings.snapshot_budget)


def _room(path: Path, budget: int) -> Examined:
    """Free space and held snapshots against the budget, in MiB."""
    held = sum(file.stat().st_size for file in path.glob("*.duckdb")) // _MEBIBYTE
    free = shutil.disk_usage(path).free // _MEBIBYTE
    drafts = len([*path.glob("building/*")])
    text = f"{path}: {held} MiB of snapshots, {free} MiB free, {drafts} drafts"
    if free + held < budget:
        return warn("data_dir", f"{text}; --snapshot-budget is {budget} MiB: lower it or make room")
    return ok("data_dir", text)


def _port(settings: Settings) -> Examined:
    place = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        return warn(
            "port", f"{place} cannot be used now ({error.strerror}); a running gateway is a reason"
        )
    return ok("port", f"{place} is free")
