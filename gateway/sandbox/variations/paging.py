"""Pages: the names of one in a request, and the response beyond the end."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.variations.reader import MISSING, BodyReader


@dataclass(frozen=True, slots=True)
class PagingForm:
    """The count and the limits of pages.

    Attributes:
        kind: `offset` skips rows, `page` numbers pages, `cursor` continues a response.
        limit: the path of the page size.
        position: the path of the offset, the page number or the cursor.
        first: the position of the first row or page.
        default_size: the page size without a limit.
        largest: the largest page size.
        over_largest: the fate of a larger one.
        sizes: the only page sizes that are accepted, or none for all.
        limit_obeyed: False if every page has the default size.
        position_obeyed: False if every page is the first one.
        limit_required: True if a request without a limit is refused.
        deepest_row: rows beyond this number are refused, or None.
        beyond_end: the response to a page beyond the last row.
        cursor_end: the value in place of a cursor on the last page.
        cursor_seconds: the lifetime of a cursor, or None.
    """

    kind: Literal["offset", "page", "cursor"] = "offset"
    limit: str = "options.limit"
    position: str = "options.skip"
    first: int = 0
    default_size: int = 20
    largest: int = 1000
    over_largest: Literal["refused", "clamped"] = "refused"
    sizes: tuple[int, ...] = ()
    limit_obeyed: bool = True
    position_obeyed: bool = True
    limit_required: bool = False
    deepest_row: int | None = None
    beyond_end: Literal["empty", "repeat", "not_found", "refused"] = "empty"
    cursor_end: Literal["null", "absent", "empty"] = "null"
    cursor_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of the matching rows."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """Return the index after the last row."""
        return self.start + self.size


class _Cursor(msgspec.Struct):
    start: int
    at: float


def take_window(reader: BodyReader, form: PagingForm, now: datetime) -> Window:
    """Take limit and position.

    Raises:
        ApiFailure: 400, or 410 for a cursor that has expired.
    """
    size = _take_size(reader, form)
    if form.kind == "cursor":
        return Window(_take_cursor(reader, form, now), size)
    position = _take_integer(reader, form.position, form.first, form.first) - form.first
    window = Window(position * size if form.kind == "page" else position, size)
    if not form.position_obeyed:
        return Window(0, size)
    if form.deepest_row is not None and window.end > form.deepest_row:
        reader.refuse("most", form.position, _deepest_position(form, size))
    return window


def _deepest_position(form: PagingForm, size: int) -> int:
    """Return the largest position that this page size may have."""
    deepest = (form.deepest_row or 0) - size
    return form.first + (deepest // size if form.kind == "page" else max(0, deepest))


def _take_size(reader: BodyReader, form: PagingForm) -> int:
    if form.limit_required:
        size = _take_integer(reader, form.limit, None, 1)
    else:
        size = _take_integer(reader, form.limit, form.default_size, 1)
    if form.sizes and size not in form.sizes:
        reader.refuse("one_of", form.limit, ", ".join(map(str, form.sizes)))
    if size > form.largest:
        if form.over_largest == "refused":
            reader.refuse("most", form.limit, form.largest)
        size = form.largest
    return max(1, size) if form.limit_obeyed else form.default_size


def _take_integer(reader: BodyReader, path: str, default: int | None, least: int) -> int:
    value = reader.take(path)
    if value is MISSING:
        if default is None:
            reader.refuse("required", path)
        return least if default is None else default
    if not isinstance(value, int) or isinstance(value, bool):
        reader.refuse("integer", path)
        return least
    if value < least:
        reader.refuse("least", path, least)
        return least
    return value


def _take_cursor(reader: BodyReader, form: PagingForm, now: datetime) -> int:
    value = reader.take(form.position)
    if value is MISSING or value is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(str(value).encode())
        cursor = msgspec.json.decode(text, type=_Cursor)
    except ValueError:
        reader.refuse("single", form.position)
        return 0
    if form.cursor_seconds is not None and now.timestamp() - cursor.at > form.cursor_seconds:
        raise ApiFailure(410, "The cursor has expired; start from the first page")
    return cursor.start


def build_cursor(window: Window, rows: int, now: datetime) -> str | None:
    """Return the cursor of the next page; None after the last row."""
    if window.end >= rows:
        return None
    cursor = _Cursor(window.end, now.timestamp())
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def settle_beyond_end(
    form: PagingForm, window: Window, rows: int, refuse: Callable[[], ApiFailure]
) -> Window:
    """Return the window to serve, which differs only beyond the last row.

    Raises:
        ApiFailure: a page beyond the end is 404, or the failure that `refuse` builds.
    """
    if window.start < max(1, rows):
        return window
    match form.beyond_end:
        case "repeat":
            return Window((rows - 1) // window.size * window.size if rows else 0, window.size)
        case "not_found":
            raise ApiFailure(404, "There is no such page")
        case "refused":
            raise refuse()
        case _:
            return window
