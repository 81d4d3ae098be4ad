"""The files that `init` writes, and its last words: what to do next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.addresses import base_url, exposure, feed_url, sign_in
from gateway.cli.clients import Access
from gateway.cli.exits import Exit
from gateway.cli.files import write_file
from gateway.cli.keys import add_key
from gateway.cli.learn import Outcome
from gateway.cli.output import note
from gateway.cli.secret_files import HAS_MODES
from gateway.cli.settings_file import settings_text
from gateway.cli.tls import tls_options
from gateway.config import FileFolder, Settings, load_settings, with_paths
from gateway.config.schema import SCHEMA_FILE
from gateway.errors import ConfigurationProblem

KEYS_FILE = Path("keys.json")


@dataclass(frozen=True, slots=True)
class SetUp:
    """The places of the files, and what is chosen for them; `old` is the file so far."""

    output: Path
    contract_file: Path
    token_file: Path
    old: str | None = field(repr=False)
    values: Mapping[str, object] = field(repr=False)
    access: Access
    token: str | None = field(repr=False)
    found: Outcome = field(repr=False)

    def text(self) -> str:
        """Return the configuration file; its relative paths start at its folder."""
        keys = {} if self.access.key_name is None else {"keys_file": KEYS_FILE}
        values = {**self.values, **self.access.values, **keys}
        return settings_text(
            self.old, with_paths(values, self._folder().written), self.access.removed
        )

    def settings(self) -> Settings:
        """Return the settings that `serve` will read from the file.

        Raises:
            click.UsageError: it could not read them, or would refuse to start.
        """
        try:
            settings = load_settings({}, {}, self.text(), str(self.output), self._folder().beside)
            tls_options(settings)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        except ConfigurationProblem as problem_of_tls:
            raise click.UsageError(problem_of_tls.message) from problem_of_tls
        problem = exposure(settings)
        if problem is not None:
            raise click.UsageError(f"{problem}; nothing was written")
        return settings

    def write(self) -> None:
        """Write the files, the one that names all others last."""
        if self.token is not None:
            write_file(self.token_file, self.token + "\n", mode=0o600)
            who = "which only you can read" if HAS_MODES else "readable as its folder is"
            click.echo(f"wrote {self.token_file}, {who}")
        if self.access.key_name is not None:
            _make_key(self.access.key_name)
        write_file(self.contract_file, self.found.text, mode=0o644)
        click.echo(f"wrote {self.contract_file}: {_sources(self.found.text)}")
        if self.found.kept:
            click.echo(f"kept your changes of {', '.join(self.found.kept)}")
        write_file(self.output, self.text(), mode=0o600 if "login_body" in self.values else 0o644)
        click.echo(f"wrote {self.output}")

    def report(self, settings: Settings) -> None:
        """Report whether the contract fits, and the next steps.

        Raises:
            SystemExit: it does not fit.
        """
        calls = f"{self.found.learned.calls} calls"
        if not self.found.fits:
            for problem in self.found.problems:
                note(problem)
            note(
                f"{self.contract_file} does not fit yet ({calls}): correct these lines, then run"
                " check"
            )
            raise SystemExit(Exit.NO)
        click.echo(f"fits: everything that the feed relies on is proved ({calls})\n\nNext:")
        _print_next(settings, self.output)

    def _folder(self) -> FileFolder:
        return FileFolder(self.output.parent, Path.cwd())


def _print_next(settings: Settings, config: Path) -> None:
    click.echo(f"""\
  skillhabit-odata doctor --config {config}   # checks everything that serve needs
  skillhabit-odata serve --config {config}
  In Power BI or Excel, paste {feed_url(settings, settings.port)}
  In a browser, open {base_url(settings, settings.port)}/
  Sign-in is {sign_in(settings)}
  skillhabit-odata config schema > {SCHEMA_FILE}   # for your editor""")


def _make_key(name: str) -> None:
    text, _ = add_key(KEYS_FILE, name, datetime.now(UTC))
    click.echo(f"wrote {KEYS_FILE}; this is the key for {name}, which is not shown again:\n{text}")


def _sources(text: str) -> str:
    """Return the number of entries of a contract file by source."""
    counts = Counter(re.findall(r'^source = "(\w+)"', text, re.MULTILINE))
    total = f"{counts.total()} entries"
    return f"{total}: {', '.join(f'{n} {source}' for source, n in counts.most_common())}"
