"""The rows that discovery has read, and the columns that inference finds in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.discovery.infer.columns import infer_columns
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.found import Envelope, Inferred, Question, Row
from gateway.discovery.infer.profile import merge_pages
from gateway.discovery.probe.caller import Door, DoorProblem, Reply
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.values import Reader


class Samples:
    """Pages of rows and their envelopes.

    `zone` is that of instants without an offset; with an empty one they cannot be decoded.
    `without_zone` are the columns with such instants, as of the last inference. `choose` answers a
    question with the number of an option; without it, `tell` gets the safe one.
    """

    def __init__(
        self,
        usual: file.ContractFile,
        first: Envelope,
        zone: str,
        choose: Callable[[Question], int] | None,
        tell: Callable[[str], None],
    ) -> None:
        self.zone = zone
        self.without_zone: tuple[str, ...] = ()
        self.envelopes = [first]
        self._usual = usual
        self._choose = choose
        self._tell = tell
        self._pages: list[Sequence[dict[str, Any]]] = []
        self._said: set[str] = set()

    def note(self, study: Study, reply: Reply | None, limit: int) -> list[dict[str, Any]] | None:
        """Remember the rows of a response; None if it has none."""
        rows = None if reply is None else study.rows(reply)
        if reply is None or rows is None:
            return None
        self._pages.append(rows)
        self.envelopes.append(find_envelope(reply.answer, reply.headers, limit=limit, skip=0))
        return rows

    @property
    def rows(self) -> tuple[Row, ...]:
        """All different rows."""
        return merge_pages(self._pages).rows

    @property
    def has_more(self) -> str | None:
        """The path of the member that announces further pages; None if no response had one."""
        places = [place for envelope in self.envelopes for place in envelope.has_more]
        return next((place.path for place in places if not place.negated), None)

    def infer(self) -> Inferred:
        """Return the columns of all rows."""
        sample = merge_pages(self._pages)
        found = infer_columns(sample.rows, usual=self._usual, pages=sample.pages)
        self.without_zone = found.zone_unknown
        found = self._with_seen_words(found, sample.rows)
        if not found.zone_unknown:
            return found
        return found.with_zone(self.zone) if self.zone else _without_values(found)

    def settle(self) -> Inferred:
        """Return the columns with all questions answered.

        Raises:
            DoorProblem: rows cannot be identified.
        """
        found = self.infer()
        if found.key.kind == "none":
            raise DoorProblem(
                Door.REFUSED,
                f"rows cannot be identified: {found.key.evidence}. {found.key.advice}",
            )
        for question in found.questions:
            if self._choose is None:
                if question.said not in self._said:
                    self._tell(f"{question.subject}: {question.said}")
                self._said.add(question.said)
            elif (option := self._choose(question)) != question.safe:
                found = found.answered(question.subject, option)
        return found

    def raw_word(self, entry: file.ColumnEntry, word: str) -> Any:
        """Return what the API calls a column's value."""
        read = Reader(entry)
        seen = (read.raw(row) for row in self.rows if read(row) == word)
        return next(seen, word)

    def _with_seen_words(self, inferred: Inferred, rows: Sequence[Mapping[str, Any]]) -> Inferred:
        """Leave out the documented words that no row has, if rows have words of their own.

        A documented word may be one of these then, and a measure of it would be 0.
        """
        columns = []
        for entry in inferred.columns:
            usual = next((c.values for c in self._usual.columns if c.name == entry.name), ())
            read = Reader(entry)
            seen = {read(row) for row in rows} - {None} if usual else set()
            if seen - set(usual):
                entry = structs.replace(entry, values=tuple(v for v in entry.values if v in seen))
            columns.append(entry)
        return replace(inferred, columns=tuple(columns))


def _without_values(inferred: Inferred) -> Inferred:
    """Return the columns with instants of no known zone nullable: they cannot be decoded."""
    columns = (
        structs.replace(entry, nullable=True) if entry.name in inferred.zone_unknown else entry
        for entry in inferred.columns
    )
    return replace(inferred, columns=tuple(columns))
