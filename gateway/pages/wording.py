"""Numbers, sizes, times and counts as text in the reader's language; all times are UTC."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from gateway.edm.labels import column_label, table_label
from gateway.edm.model import EntitySet, Property
from gateway.observe.instants import instant_text

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_UNITS: Final[tuple[tuple[Literal["day", "hour", "minute"], int], ...]] = (
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
_MINUTE: Final = timedelta(minutes=1)
_ONE_DECIMAL: Final = "#,##0.#"
_ALL_DECIMALS: Final = "#,##0.####################"


@dataclass(frozen=True, slots=True)
class Plural:
    """A text with a form for each plural category of its language; `other` always exists."""

    forms: Mapping[str, str]


class Wording:
    """The filters of templates, in one language.

    `labels` translates the labels of the built-in contract, and `tables` the names of its tables.
    What an owner wrote is not in them, and stays as it is.
    """

    def __init__(
        self,
        locale: Locale,
        just_now: str,
        labels: Mapping[str, str],
        tables: Mapping[str, str] | None = None,
    ) -> None:
        self._locale, self._just_now, self._labels = locale, just_now, labels
        self._tables = tables or {}
        self._percent = copy.copy(locale.percent_formats[None])
        self._percent.frac_prec = (0, 1)

    def number(self, value: float) -> str:
        """Return a number with thousands separators and at most one decimal.

        >>> english, german = Wording(Locale("en"), "", {}), Wording(Locale("de"), "", {})
        >>> english.number(1234567), english.number(12.345), german.number(1234.5)
        ('1,234,567', '12.3', '1.234,5')
        """
        return format_decimal(value, _ONE_DECIMAL, self._locale)

    def exact(self, value: float) -> str:
        r"""Return a number with all of its decimals.

        >>> Wording(Locale("sv"), "", {}).exact(1234.0625)
        '1\xa0234,0625'
        """
        return format_decimal(value, _ALL_DECIMALS, self._locale, decimal_quantization=False)

    def percent(self, value: float) -> str:
        r"""Return a number of percent.

        >>> Wording(Locale("en"), "", {}).percent(12.34), Wording(Locale("sv"), "", {}).percent(50)
        ('12.3%', '50\xa0%')
        """
        text: str = self._percent.apply(value / 100, self._locale)
        return text

    def size(self, value: int) -> str:
        """Return a number of bytes in a readable unit.

        >>> wording = Wording(Locale("en"), "", {})
        >>> wording.size(900), wording.size(5_300_000)
        ('900 B', '5.1 MiB')
        """
        size, unit = float(value), "B"
        for larger in ("KiB", "MiB", "GiB"):
            if size < 1024:
                break
            size, unit = size / 1024, larger
        return f"{self.number(size)} {unit}"

    def took(self, milliseconds: float) -> str:
        """Return a duration in milliseconds or seconds.

        >>> wording = Wording(Locale("en"), "", {})
        >>> wording.took(0.04), wording.took(85.25), wording.took(12345)
        ('0 ms', '85.2 ms', '12.3 s')
        """
        if milliseconds < 1_000:
            return f"{self.number(milliseconds)} ms"
        return f"{self.number(milliseconds / 1_000)} s"

    def moment(self, value: datetime) -> str:
        """Return a time to the minute.

        >>> moment = datetime(2025, 3, 9, 7, 5, tzinfo=UTC)
        >>> [Wording(Locale(code), "", {}).moment(moment) for code in ("sv", "de")]
        ['9 mars 2025 07:05 UTC', '09.03.2025, 07:05 UTC']
        """
        return f"{self._joined(value, 'short')} UTC"

    def clock(self, instant: str) -> str:
        """Return the text of an instant as a time to the second, without UTC.

        >>> Wording(Locale("sv"), "", {}).clock("2025-03-09T07:05:33.123Z")
        '9 mars 2025 07:05:33'
        """
        return self._joined(datetime.fromisoformat(instant), "medium")

    def _joined(self, value: datetime, precision: Literal["short", "medium"]) -> str:
        instant = value.astimezone(UTC)
        day = format_date(instant, "medium", self._locale)
        time = format_time(instant, precision, locale=self._locale)
        pattern = str(self._locale.datetime_formats["medium"])
        return pattern.replace("'", "").replace("{0}", time).replace("{1}", day)

    def month(self, label: str) -> str:
        """Return the text of a month such as `2025-03`; any other label as it is.

        >>> wording = Wording(Locale("de"), "", {})
        >>> wording.month("2025-03"), wording.month("Berlin")
        ('März 2025', 'Berlin')
        """
        found = _MONTH.fullmatch(label)
        if found is None or not 1 <= int(found[2]) <= 12:
            return label
        return format_skeleton("yMMM", date(int(found[1]), int(found[2]), 1), locale=self._locale)

    def ago(self, age: timedelta) -> str:
        """Return the time since something happened, in the largest unit that fits.

        >>> wording = Wording(Locale("en"), "just now", {})
        >>> [wording.ago(timedelta(seconds=s)) for s in (20, 60, 7300, 200000)]
        ['just now', '1 minute ago', '2 hours ago', '2 days ago']
        """
        if age < _MINUTE:
            return self._just_now
        return self._span(-age, add_direction=True)

    def ahead(self, span: timedelta) -> str:
        """Return the time until something happens, at least a minute, in the largest unit.

        >>> Wording(Locale("en"), "", {}).ahead(timedelta(hours=50))
        'in 2 days'
        """
        return self._span(max(span, _MINUTE), add_direction=True)

    def age(self, age: timedelta) -> str:
        """Return a length of time, at least a minute, in the largest unit that fits.

        >>> Wording(Locale("de"), "", {}).age(timedelta(hours=50))
        '2 Tage'
        """
        return self._span(max(age, _MINUTE), add_direction=False)

    def _span(self, span: timedelta, *, add_direction: bool) -> str:
        seconds, sign = int(abs(span).total_seconds()), -1 if span < timedelta(0) else 1
        unit, length = next(pair for pair in _UNITS if seconds >= pair[1])
        return format_timedelta(
            timedelta(seconds=sign * (seconds // length * length)),
            unit,
            threshold=math.inf,
            add_direction=add_direction,
            locale=self._locale,
        )

    def counted(self, text: Plural, count: float, **others: object) -> str:
        """Return the form of a text for a number, which replaces `{count}`.

        >>> text = Plural({"one": "{count} row", "other": "{count} rows"})
        >>> wording = Wording(Locale("en"), "", {})
        >>> [wording.counted(text, count) for count in (1, 2, 1000)]
        ['1 row', '2 rows', '1,000 rows']
        """
        form = text.forms.get(self._locale.plural_form(count)) or text.forms["other"]
        return form.format(count=self.number(count), **others)

    def label(self, text: str) -> str:
        """Return the label of a column or table in the reader's language."""
        return self._labels.get(text, text)

    def column_label(self, prop: Property) -> str:
        """Return the name of a column in the reader's language."""
        return self.label(column_label(prop))

    def table_label(self, entity_set: EntitySet) -> str:
        """Return the name of a table: the owner's, or that of the reader's language."""
        name = table_label(entity_set)
        return name if entity_set.title else self._tables.get(name, name)

    def machine_moment(self, value: datetime) -> str:
        """Return a time as HTML's `datetime` attribute requires it."""
        return instant_text(value, "seconds")


def filled(text: str, **parts: str) -> Markup:
    """Return a text with its placeholders replaced by parts of HTML; other parts are escaped.

    >>> filled("As of {moment} & later", moment=Markup("<b>now</b>"))
    Markup('As of <b>now</b> &amp; later')
    """
    return escape(text).format(**parts)


def entry(group: SimpleNamespace, name: str) -> Any:
    """Return the text or group of a name, or None; the name may come from data or a URL.

    >>> entry(SimpleNamespace(FAILED="Failed"), "FAILED"), entry(SimpleNamespace(), "__class__")
    ('Failed', None)
    """
    return vars(group).get(name)


readable: Final = column_label
"""The name of a column for readers; the filter `label` translates it."""


def template_filters() -> dict[str, Callable[..., Any]]:
    """Return the filters that templates can use; the context of a page has its `wording`."""
    names = (name for name in vars(Wording) if not name.startswith("_"))
    return {"filled": filled, "entry": entry, **{name: _filter(name) for name in names}}


def _filter(name: str) -> Callable[..., str]:
    @pass_context
    def apply(context: Context, *values: object, **others: object) -> str:
        text: str = getattr(context["wording"], name)(*values, **others)
        return text

    return apply
