"""Variations of states, progress, instants and the layout of rows."""

from gateway.sandbox.variations.layout import LayoutForm
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.population import PopulationForm
from gateway.sandbox.variations.ranges import RangeForm
from gateway.sandbox.variations.selection import FilterForm
from gateway.sandbox.variations.values import ValueForm
from gateway.sandbox.variations.words import WordStyle


def _words(style: WordStyle) -> Variation:
    """Return an API whose words are the same in rows and in filters."""
    return Variation(values=ValueForm(words=style), filters=FilterForm(words=style))


VALUES: dict[str, Variation] = {
    # states and enrollment types
    "words-lower": _words("lower"),
    "words-lower-in-rows-only": Variation(values=ValueForm(words="lower")),
    "words-spaced": _words("spaced"),
    "words-kebab": _words("kebab"),
    "words-pascal": _words("pascal"),
    "words-other": _words("other"),
    "states-new": Variation(population=PopulationForm(new_states=50)),
    "oldest-row-new-state": Variation(population=PopulationForm(oldest_row="new_state")),
    "oldest-row-null-progress": Variation(population=PopulationForm(oldest_row="null_progress")),
    "oldest-row-null-user": Variation(population=PopulationForm(oldest_row="null_user")),
    "oldest-row-null-content": Variation(population=PopulationForm(oldest_row="null_content")),
    "states-null": Variation(population=PopulationForm(null_states=50)),
    # progress
    "progress-fraction": Variation(values=ValueForm(progress="fraction")),
    "progress-text": Variation(values=ValueForm(progress="text")),
    "progress-comma": Variation(values=ValueForm(progress="comma")),
    "progress-sign": Variation(values=ValueForm(progress="sign")),
    "progress-object": Variation(values=ValueForm(progress="object")),
    "progress-null": Variation(population=PopulationForm(null_progress=20)),
    # instants
    "instants-offset": Variation(values=ValueForm(instants="offset", zone="+05:30")),
    "instants-offset-berlin": Variation(values=ValueForm(instants="offset", zone="Berlin")),
    "instants-naive": Variation(values=ValueForm(instants="naive")),
    "instants-naive-berlin": Variation(
        values=ValueForm(instants="naive", zone="Berlin"),
        ranges=RangeForm(instant="naive", zone="Berlin"),
    ),
    "instants-naive-berlin-alone": Variation(values=ValueForm(instants="naive", zone="Berlin")),
    "instants-naive-india-alone": Variation(values=ValueForm(instants="naive", zone="+05:30")),
    "instants-blank": Variation(values=ValueForm(instants="blank")),
    "instants-blank-seconds": Variation(values=ValueForm(instants="blank-seconds")),
    "instants-seconds": Variation(values=ValueForm(instants="seconds-z")),
    "instants-epoch-seconds": Variation(values=ValueForm(instants="epoch-seconds")),
    "instants-epoch-milliseconds": Variation(values=ValueForm(instants="epoch-milliseconds")),
    "instants-date": Variation(values=ValueForm(instants="date"), ranges=RangeForm(instant="date")),
    "instants-mongo": Variation(values=ValueForm(instants="mongo")),
    "instants-dotnet": Variation(values=ValueForm(instants="dotnet")),
    "instants-german": Variation(values=ValueForm(instants="german")),
    "instants-microseconds": Variation(values=ValueForm(instants="microseconds-z")),
    "instants-seven-digits": Variation(
        values=ValueForm(instants="ticks-z"), population=PopulationForm(sub_milliseconds=True)
    ),
    "instants-finer-than-shown": Variation(
        values=ValueForm(instants="milliseconds-z"),
        population=PopulationForm(sub_milliseconds=True),
    ),
    "expiry-date-only": Variation(values=ValueForm(expiry_date="date")),
    "expiry-year-9999": Variation(population=PopulationForm(last_year=10)),
    # the meaning of the expiry date
    "expiry-is-validity": Variation(population=PopulationForm(expiry="validity")),
    "expiry-is-due-date": Variation(population=PopulationForm(expiry="due")),
    # states that move by time
    "expires-by-time": Variation(population=PopulationForm(by_time=True)),
    # layout
    "rows-snake": Variation(layout=LayoutForm(case="snake")),
    "rows-pascal": Variation(layout=LayoutForm(case="pascal")),
    "rows-without-nulls": Variation(layout=LayoutForm(nulls="absent")),
    "rows-attributes": Variation(layout=LayoutForm(inside="attributes")),
    "member-status": Variation(layout=LayoutForm(renamed=(("state", "status"),))),
    "member-last-modified": Variation(
        layout=LayoutForm(renamed=(("updatedAt", "lastModifiedAt"), ("expiryDate", "validUntil")))
    ),
    "member-enrollment": Variation(
        layout=LayoutForm(renamed=(("enrollmentType", "enrollment"), ("progress", "completion")))
    ),
    "expiry-absent": Variation(layout=LayoutForm(renamed=(("expiryDate", None),))),
    "certificates-absent": Variation(layout=LayoutForm(renamed=(("certificateIssuedAt", None),))),
    "enrollment-absent": Variation(layout=LayoutForm(renamed=(("enrollmentType", None),))),
    "started-absent": Variation(
        layout=LayoutForm(renamed=(("startedAt", None), ("completedAt", None)))
    ),
}
