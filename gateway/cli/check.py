"""`skillhabit-odata check`: learns the live Analytics API again, and compares the contract file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.app import clock_and_observer, own_token, read_contract
from gateway.cli.exits import Exit
from gateway.cli.files import locked_folder, write_file
from gateway.cli.learn import check as learn_again
from gateway.cli.learn import check_again, exit_of
from gateway.cli.options import read_settings, setting_options, token_place
from gateway.cli.output import note, print_json, printable
from gateway.cli.proofs import keep_proofs
from gateway.cli.schema_changes import schema_warnings
from gateway.config import Settings
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.discovery.check import Checked, InForce
from gateway.discovery.findings import Finding, State
from gateway.discovery.kept.fix import Fixed, fix
from gateway.discovery.probe.caller import Door, DoorProblem
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken, UpstreamUnavailable

_ALL = "*"
_MARKS = {
    State.HOLDS: ("holds   ", "green"),
    State.DIFFERS: ("DIFFERS ", "red"),
    State.UNTESTED: ("untested", "yellow"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--fix",
    "fixes",
    is_flag=False,
    flag_value=_ALL,
    multiple=True,
    metavar="[ENTRY]",
    help="Write what differs to the contract file. Entries that you have changed or added yourself,"
    " or with source owner, are written only if named, such as --fix columns.progress. Repeatable.",
)
@setting_options(
    "upstream",
    "token_file",
    "token_env",
    "token_command",
    "contract",
    "custom_field",
    "column_alias",
    "upstream_timeout",
)
def check(config: Path | None, *, as_json: bool, fixes: tuple[str, ...], **given: Any) -> None:
    """Learn the Analytics API again, read-only, and compare it with the contract file.

    Each entry of the file holds, differs, or could not be tested. Exit code 0 if everything that
    the feed relies on holds, 1 if a line must change or could not be tested.

    \b
    Examples:
      skillhabit-odata check --token-file token.txt
      skillhabit-odata check --config gateway.toml --json
      skillhabit-odata check --config gateway.toml --fix
    """
    settings = read_settings(config, given)
    if not fixes:
        _finish(settings, _asked(settings, as_json=as_json), as_json=as_json)
    path = settings.contract
    if path is None:
        raise click.UsageError(
            "--fix writes to the contract file, and none is in use: name it with --contract, or run"
            " `skillhabit-odata init`, which writes one"
        )
    with locked_folder(path):
        checked = _asked(settings, as_json=as_json)
        written = _write(settings, path, checked, fixes, as_json=as_json)
        _finish(settings, written, as_json=as_json)


def _asked(settings: Settings, *, as_json: bool) -> Checked:
    """Return the findings.

    Raises:
        click.UsageError: the contract file, the token or the URL cannot be used.
        SystemExit: the API cannot be reached now, or has no rows.
    """
    try:
        return asyncio.run(_ask(settings, as_json=as_json))
    except (ConfigurationProblem, UpstreamRejectedToken) as problem:
        raise click.UsageError(problem.message) from problem
    except DoorProblem as problem:
        message = problem.message
        if problem.door is Door.TOKEN:
            message = f"the token was rejected: renew {token_place(settings)} ({message})"
        note(message)
        raise SystemExit(exit_of(problem)) from problem
    except UpstreamUnavailable as problem:
        note(problem.message)
        raise SystemExit(Exit.LATER) from problem


async def _ask(settings: Settings, *, as_json: bool) -> Checked:
    in_force = _in_force(settings)
    source = own_token(settings, *clock_and_observer())
    await source()  # says what to do if there is none
    tell = _silent if as_json else _tell
    timeout = float(settings.upstream_timeout)
    return await learn_again(in_force.base_url, source, in_force, tell, timeout)


def _in_force(settings: Settings) -> InForce:
    """Return the contract that the settings name.

    Raises:
        ConfigurationProblem: it cannot be used.
    """
    contract = read_contract(settings)
    return InForce(read_file(_text(settings)), contract, settings.upstream or contract.base_url)


def _text(settings: Settings) -> str:
    path = settings.contract
    return built_in_contract() if path is None else path.read_text("utf-8")


def _tell(line: str) -> None:
    click.echo(f"  {printable(line)}")


def _silent(line: str) -> None:
    """Print nothing, since the output is JSON."""


def _write(
    settings: Settings, path: Path, checked: Checked, fixes: tuple[str, ...], *, as_json: bool
) -> Checked:
    """Write what differs, and return the findings on the new file.

    Raises:
        click.UsageError: no entry has such a name, or it cannot be written.
    """
    findings = checked.findings
    named = _names(findings, fixes)
    try:
        made = fix(path.read_text("utf-8"), findings, named, built_in_contract())
        if not made.written:
            _say_left(made, as_json=as_json)
            return checked
        _check_loads(settings, made)
    except ConfigurationProblem as problem:
        raise click.UsageError(problem.message) from problem
    write_file(path, made.text, mode=path.stat().st_mode & 0o777)
    if not as_json:
        click.echo(f"wrote {path}: {', '.join(made.written)}")
    _say_left(made, as_json=as_json)
    return _again(settings, checked)


def _again(settings: Settings, checked: Checked) -> Checked:
    in_force = _in_force(settings)
    kept = tuple(
        f
        for f in checked.statistics
        if f.subject[1:-1].split(".")[-1] in in_force.parsed.statistics
    )
    source = own_token(settings, *clock_and_observer())
    again = asyncio.run(check_again(in_force.base_url, source, in_force, checked.learned))
    return Checked((*again.findings, *kept), checked.learned, kept)


def _names(findings: Sequence[Finding], fixes: tuple[str, ...]) -> set[str]:
    """Return the entries that were named.

    Raises:
        click.UsageError: none of the entries that differ has such a name.
    """
    named = set(fixes) - {_ALL}
    known = {edit.entry for finding in findings for edit in finding.edits}
    if named - known:
        differing = ", ".join(sorted(known)) or "none"
        raise click.UsageError(
            f"--fix {', '.join(sorted(named - known))}: no such entry differs (those that do:"
            f" {differing})"
        )
    return named


def _check_loads(settings: Settings, made: Fixed) -> None:
    """Check that the new file can be used.

    Raises:
        ConfigurationProblem: it cannot be.
    """
    try:
        load_contract(made.text, settings.custom_field, settings.column_alias)
    except ConfigurationProblem as problem:
        left = f" Left as they are: {', '.join(made.left)}" if made.left else ""
        raise ConfigurationProblem(
            "the corrected file could not be used, so nothing was written:"
            f" {problem.message}.{left}"
        ) from problem


def _say_left(made: Fixed, *, as_json: bool) -> None:
    if made.left and not as_json:
        names = " ".join(f"--fix {name}" for name in made.left)
        note(f"not written, because they are yours: {', '.join(made.left)}; to write them: {names}")


def _finish(settings: Settings, checked: Checked, *, as_json: bool) -> None:
    """Print the findings, keep the proofs, and end with their exit code.

    Raises:
        SystemExit: always.
    """
    if as_json:
        found = [_as_object(finding) for finding in checked.findings]
        print_json({"fits": checked.fits, "findings": found, "warnings": schema_warnings(settings)})
    else:
        print_findings(checked.findings)
        for line in schema_warnings(settings):
            note(f"warning: {line}")
        click.echo(_summary(checked.findings))
    keep_proofs(settings, checked.findings, checked.learned)
    raise SystemExit(Exit.DONE if checked.fits else Exit.NO)


def _as_object(finding: Finding) -> dict[str, object]:
    return {
        "fits": finding.fits,
        "state": finding.state,
        "subject": finding.subject,
        "text": finding.text,
    }


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a line for each finding."""
    width = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        word, color = _MARKS[finding.state]
        text = printable(f"{finding.subject:<{width}}  {finding.text}")
        click.echo(f"{click.style(word, color)} {text}")


def _summary(findings: Sequence[Finding]) -> str:
    """Return the last line: the number of problems."""
    differing = sum(finding.state is State.DIFFERS for finding in findings)
    vital = [finding.subject for finding in findings if finding.is_vital]
    if differing:
        return f"{differing} to correct"
    if vital:
        return f"the feed relies on what could not be tested: {', '.join(vital)}"
    return "the contract file matches"
