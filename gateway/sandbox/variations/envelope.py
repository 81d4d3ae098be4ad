"""The response around the rows: their place, and the statement of their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.sandbox.variations.members import put
from gateway.sandbox.variations.paging import PagingForm, Window

TotalKind = Literal[
    "rows", "text", "pages", "of_page", "capped", "lagging", "approximate", "zero", "null"
]
_CAP_ROWS = 10_000
_LAG_ROWS = 7
"""A lagging total misses the latest rows that match."""


@dataclass(frozen=True, slots=True)
class EnvelopeForm:
    """The wrapping of a page.

    Attributes:
        rows: the path of the rows; "" if the response is the list itself.
        rows_in: the name of the object that holds each row, such as `node`, or "".
        total: the path of the total, or None.
        total_header: the header with the total, or None.
        total_kind: the meaning of the total: rows, pages, the rows of this page, up to 10,000,
            without the latest rows, or roughly.
        has_more: the path of a flag for further pages, or None.
        next_cursor: the path of the next page's cursor.
        next_page: the path of the next page's position, or None.
        constants: pairs of a path and a value that every response has.
        decoy: True if the response has a longer list of other objects.
    """

    rows: str = "results"
    rows_in: str = ""
    total: str | None = "total"
    total_header: str | None = None
    total_kind: TotalKind = "rows"
    has_more: str | None = None
    next_cursor: str = "nextCursor"
    next_page: str | None = None
    constants: tuple[tuple[str, object], ...] = ()
    decoy: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The rendered rows of one page, and the facts about the others in its envelope."""

    rows: Sequence[object]
    window: Window
    matching: int
    cursor: str | None = None

    @property
    def has_more(self) -> bool:
        """True if rows follow this page."""
        return self.window.end < self.matching


def wrap_page(
    page: Page, form: EnvelopeForm, paging: PagingForm, success_word: str | None
) -> tuple[object, dict[str, str]]:
    """Return the body of a page and its headers."""
    rows = [{form.rows_in: row} for row in page.rows] if form.rows_in else list(page.rows)
    total = to_total(page, form.total_kind)
    headers = {form.total_header: str(total)} if form.total_header else {}
    if not form.rows:
        return rows, headers
    body: dict[str, object] = {} if success_word is None else {"status": success_word}
    for path, value in form.constants:
        put(body, path, value)
    if form.decoy:
        _put_decoys(body, len(rows))
    if form.total is not None:
        put(body, form.total, total)
    _put_continuation(body, page, form, paging)
    put(body, form.rows, rows)
    return body, headers


def to_total(page: Page, kind: TotalKind) -> object:
    """Return what the API calls the total."""
    rows = page.matching
    match kind:
        case "text":
            return str(rows)
        case "pages":
            return -(-rows // page.window.size)
        case "of_page":
            return len(page.rows)
        case "capped":
            return min(rows, _CAP_ROWS)
        case "lagging":
            return max(0, rows - _LAG_ROWS)
        case "approximate":
            return rows if rows < 100 else round(rows, -2) + 100
        case "zero":
            return 0
        case "null":
            return None
        case _:
            return rows


def _put_continuation(
    body: dict[str, object], page: Page, form: EnvelopeForm, paging: PagingForm
) -> None:
    if form.has_more is not None:
        put(body, form.has_more, page.has_more)
    if form.next_page is not None:
        step = 1 if paging.kind == "page" else page.window.size
        here = page.window.start // page.window.size if paging.kind == "page" else page.window.start
        put(body, form.next_page, paging.first + here + step if page.has_more else None)
    if paging.kind != "cursor":
        return
    if page.cursor is not None:
        put(body, form.next_cursor, page.cursor)
    elif paging.cursor_end != "absent":
        put(body, form.next_cursor, None if paging.cursor_end == "null" else "")


def _put_decoys(body: dict[str, object], rows: int) -> None:
    facets = [{"id": f"facet-{number}", "name": "Facet", "count": 1} for number in range(rows + 5)]
    put(body, "facets", facets)
    put(body, "links", [{"rel": "self"}])
