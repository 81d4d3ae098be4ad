"""The inputs of `init`: options first, then prompts on the terminal, then defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from msgspec import structs

from gateway.auth.tokens import FileToken
from gateway.cli.exits import Exit
from gateway.cli.output import note
from gateway.config.converters import as_url
from gateway.contract import file
from gateway.contract.naming import column_name, free_name
from gateway.contract.rules import is_property_name
from gateway.discovery.infer.found import Question
from gateway.discovery.learned import Learned
from gateway.discovery.probe.values import Reader
from gateway.errors import UpstreamRejectedToken

T = TypeVar("T")
_NO = "-"


@dataclass(frozen=True, slots=True)
class Interview:
    """The given options; with `asks` False, defaults replace the prompts."""

    asks: bool
    url: str | None
    token_file: Path
    fields: tuple[tuple[str, str], ...]
    all_fields: bool
    data_dir: str | None
    key_name: str | None

    def find_url(self, default: str) -> str:
        """Return the URL of the Analytics API."""
        if self.url is not None or not self.asks:
            return self.url or default
        return self.ask_url(default)

    def ask_url(self, last: str) -> str:
        """Prompt for the URL; `last` is the default."""
        answer: str = click.prompt("URL of the Analytics API", last, value_proc=converted(as_url))
        return answer

    def find_token(self, refused: str = "") -> str:
        """Return the token of the file, or one typed without echo; never the `refused` one.

        Raises:
            click.UsageError: the file has no token, and prompts are off.
        """
        stored = _token_in(self.token_file)
        if stored not in (None, refused) and (
            not self.asks or click.confirm(f"Use the token in {self.token_file}?", default=True)
        ):
            return stored
        if not self.asks:
            why = "the file has no token" if self.token_file.exists() else "there is no such file"
            raise click.UsageError(f"--token-file {self.token_file}: {why}")
        answer: str = click.prompt(
            "Token of the Analytics API (hidden)", hide_input=True, value_proc=_one_word
        )
        return answer

    def has_token(self, token: str) -> bool:
        """Return True if the file already holds the token."""
        return _token_in(self.token_file) == token

    def wants(self, question: str, *, default: bool = False) -> bool:
        """Ask a yes-or-no question, with a `default`; return False if prompts are off."""
        return self.asks and click.confirm(question, default=default)

    def choose_fields(
        self, found: Sequence[file.MappedField], taken: Sequence[str]
    ) -> list[file.MappedField]:
        """Return the custom fields that become columns; `taken` are names of other columns.

        Raises:
            click.UsageError: fields were given, and the rows have none.
        """
        if self.fields:
            return [*self._given(found)]
        if not self.asks or self.all_fields:
            return [*found]
        names, chosen = [*taken], list[file.MappedField]()
        for each in found:
            name = self._find_column(each, names)
            if name is not None:
                names.append(name)
                chosen.append(structs.replace(each, name=name))
        return chosen

    def _given(self, found: Sequence[file.MappedField]) -> Iterator[file.MappedField]:
        known = {each.id: each for each in found}
        if not known:
            raise click.UsageError("--custom-field: the results that were read have no such fields")
        for label, id_ in self.fields:
            name = label if is_property_name(label) else column_name(label, ())
            yield structs.replace(known.get(id_, file.MappedField(id_, name, label)), name=name)

    def _find_column(self, found: file.MappedField, taken: list[str]) -> str | None:
        click.echo(f"Custom field {found.label or found.id} ({found.id})")
        proposal = free_name(found.name, taken)
        answer: str = click.prompt(f"  Column ({_NO} for none)", proposal, value_proc=_free(taken))
        return None if answer == _NO else answer

    def choose(self, question: Question) -> int:
        """Return the number of the option that the owner takes; the safe one without an answer."""
        click.echo(f"? {question.subject}: {question.text}")
        for number, option in enumerate(question.options, 1):
            click.echo(f"    {number}  {option.shape}")
        answer: int = click.prompt(
            "  Which", question.safe + 1, type=click.IntRange(1, len(question.options))
        )
        return answer - 1

    def accept(self, learned: Learned) -> None:
        """Say how many people the token sees, and ask whether these are all.

        Raises:
            SystemExit: they are not.
        """
        click.echo(f"  {_seen(learned)}")
        if self.asks and not click.confirm("Is that everybody?", default=True):
            note(
                "nothing was written: a manager's token only shows that manager's people; get a"
                " token that shows the whole workspace, and run the command again"
            )
            raise SystemExit(Exit.NO)

    def find_data_dir(self) -> str | None:
        """Return the folder for snapshots; None keeps them in memory."""
        if self.data_dir is not None or not self.asks:
            return self.data_dir
        answer: str = click.prompt(
            f"Folder that keeps snapshots across restarts ({_NO} for memory)", "snapshots"
        )
        return None if answer == _NO else answer

    def find_key_name(self, *, is_needed: bool) -> str | None:
        """Return the name of the first key, or None to create no key.

        Raises:
            click.UsageError: a key is needed, and prompts are off.
        """
        if self.key_name is not None or not is_needed:
            return self.key_name
        if not self.asks:
            raise click.UsageError(
                "give --first-key NAME: without a key, others could read all rows"
            )
        answer: str = click.prompt("Name of a first key, with which clients sign in", "first key")
        return answer


def _seen(learned: Learned) -> str:
    """Return how many results and people the token sees, as far as that is known."""
    entry = learned.inferred.column("userId")
    people = 0 if entry is None else len({*map(Reader(entry), learned.rows)} - {None})
    read, total = len(learned.rows), learned.total
    if total is None:
        return (
            f"{read:,} results of {people:,} people were read; the API states no true total, so"
            " there may be more"
        )
    if total.number <= read:
        return f"the token sees {read:,} results of {people:,} people"
    return (
        f"the token sees {total.number:,} results; the {read:,} that were read are of"
        f" {people:,} people"
    )


async def _read(token: FileToken) -> str:
    return await token()


def _token_in(path: Path) -> str | None:
    try:
        return asyncio.run(_read(FileToken(path)))
    except UpstreamRejectedToken:
        return None


def converted(convert: Callable[[object], T]) -> Callable[[str], T]:
    """Return a parser for a prompt, which shows its errors and asks again."""

    def read(text: str) -> T:
        try:
            return convert(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


def _one_word(text: str) -> str:
    token = text.strip()
    if not token or any(letter.isspace() for letter in token):
        raise click.BadParameter("must be one word without spaces")
    return token


def _free(taken: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        name = text.strip()
        if name != _NO and not is_property_name(name):
            raise click.BadParameter(
                "must consist of letters, digits and _, and not start with a digit"
            )
        if name.lower() in {other.lower() for other in taken}:
            raise click.BadParameter("another column has this name")
        return name

    return read
