"""What `init` needs to know: from options, else asked on the terminal, else the default."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from gateway.auth.tokens import FileToken
from gateway.config.converters import as_url
from gateway.contract.naming import column_name, free_name
from gateway.contract.rules import is_property_name
from gateway.discovery.custom_fields import FoundField
from gateway.errors import UpstreamRejectedToken

T = TypeVar("T")
_NO = "-"


@dataclass(frozen=True, slots=True)
class Interview:
    """The options that were given; `asks` False asks nothing and takes defaults."""

    asks: bool
    url: str | None
    token_file: Path
    fields: tuple[tuple[str, str], ...]
    all_fields: bool
    data_dir: str | None
    key_name: str | None

    def find_url(self, default: str) -> str:
        """Where the Analytics API is."""
        if self.url is not None or not self.asks:
            return self.url or default
        return self.ask_url(default)

    def ask_url(self, last: str) -> str:
        """Typed on the terminal; the `last` one unless another is."""
        answer: str = click.prompt("URL of the Analytics API", last, value_proc=_converted(as_url))
        return answer

    def find_token(self, refused: str = "") -> str:
        """The token of the file, or one that is typed without being shown; not the `refused` one.

        Raises:
            click.UsageError: nobody can be asked, and the file has none.
        """
        kept = _token_in(self.token_file)
        if kept not in (None, refused) and (
            not self.asks or click.confirm(f"Use the token in {self.token_file}?", default=True)
        ):
            return kept
        if not self.asks:
            raise click.UsageError(f"--token-file {self.token_file}: no token can be read there")
        answer: str = click.prompt(
            "Token of the Analytics API (it is not shown)", hide_input=True, value_proc=_one_word
        )
        return answer

    def has_token(self, token: str) -> bool:
        """Whether the file holds it already."""
        return _token_in(self.token_file) == token

    def wants(self, question: str, *, default: bool = False) -> bool:
        """Yes or no; no where nobody can be asked, `default` for a bare Enter."""
        return self.asks and click.confirm(question, default=default)

    def find_columns(self, found: Iterable[FoundField], taken: Iterable[str]) -> dict[str, str]:
        """Columns and the custom fields that they show; `taken` are names of other columns."""
        columns = dict(self.fields)
        if columns or not (self.asks or self.all_fields):
            return columns
        names = [*taken]
        for each in found:
            name = self._find_column(each, names)
            if name is not None:
                columns[name] = each.id
                names.append(name)
        return columns

    def _find_column(self, found: FoundField, taken: list[str]) -> str | None:
        proposal = proposed_name(found.label, taken)
        if not self.asks or self.all_fields:
            return proposal
        click.echo(
            f"Custom field {found.label} ({found.id}), in {found.rows} of the newest results"
        )
        answer: str = click.prompt(f"  Column ({_NO} for none)", proposal, value_proc=_free(taken))
        return None if answer == _NO else answer

    def find_data_dir(self) -> str | None:
        """The folder for snapshots; None keeps them in memory."""
        if self.data_dir is not None or not self.asks:
            return self.data_dir
        answer: str = click.prompt(
            f"Folder that keeps snapshots across restarts ({_NO} for memory)", "snapshots"
        )
        return None if answer == _NO else answer

    def find_key_name(self) -> str | None:
        """Whose the first key is, which clients give as password; None makes none."""
        if self.key_name is not None or not self.asks:
            return self.key_name
        answer: str = click.prompt(
            f"Name of a first key, for clients on other machines ({_NO} for none)", _NO
        )
        return None if answer.strip() in (_NO, "") else answer


def proposed_name(label: str, taken: Iterable[str]) -> str:
    """A column's name in the style of the others.

    >>> proposed_name("Job title", []), proposed_name("Größe", ["grosse"]), proposed_name("EU", [])
    ('jobTitle', 'grosse_2', 'EU')
    """
    first, *others = column_name(label, ()).split("_")
    plain = first if first.isupper() else first[:1].lower() + first[1:]
    name = plain + "".join(word[:1].upper() + word[1:] for word in others)
    return free_name(name if is_property_name(name) else column_name(label, ()), taken)


async def _asked(token: FileToken) -> str:
    return await token()


def _token_in(path: Path) -> str | None:
    try:
        return asyncio.run(_asked(FileToken(path)))
    except UpstreamRejectedToken:
        return None


def _converted(convert: Callable[[object], T]) -> Callable[[str], T]:
    """What a prompt takes; it asks again with the reason otherwise."""

    def read(text: str) -> T:
        try:
            return convert(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def _one_word(text: str) -> str:
    token = text.strip()
    if not token or any(letter.isspace() for letter in token):
        raise click.BadParameter("must be one word, as it was copied")
    return token


def _free(taken: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        name = text.strip()
        if name != _NO and not is_property_name(name):
            raise click.BadParameter("must be letters, digits and _, and begin with no digit")
        if name.lower() in {other.lower() for other in taken}:
            raise click.BadParameter("there is such a column already")
        return name

    return read
