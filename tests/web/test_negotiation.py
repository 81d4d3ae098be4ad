"""Versions, media types and preferences: what the client may ask for and what it is told it got."""

from __future__ import annotations

import json

import pytest

from tests.edm.models import read_xml
from tests.support.flat import FlatRow
from tests.support.live import Bridge
from tests.web.conftest import Ask

MINIMAL = "application/json;odata.metadata=minimal"


# --- versions (Protocol 8.2.7) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_version", "version"),
    [
        (None, "4.0"),
        ("4.0", "4.0"),
        (" 4.0 ", "4.0"),
        ("4.00", "4.0"),
        ("4", "4.0"),
        ("4.01", "4.01"),
        ("4.1", "4.01"),
        ("5.0", "4.01"),
        ("06.28", "4.01"),
    ],
)
@pytest.mark.parametrize("target", ["", "$metadata", "Results?$top=1", "Results/$count", "NoSuch"])
def test_the_answer_has_the_highest_version_that_the_client_allows(
    ask: Ask, max_version: str | None, version: str, target: str
) -> None:
    headers = [] if max_version is None else [("OData-MaxVersion", max_version)]
    answer = ask(target, headers)
    assert answer.every("OData-Version") == [version]


@pytest.mark.parametrize("line", ["3.0", "2.0", "0", "three", "", "4.0,4.0", "-4.0", "4.0.1"])
def test_a_client_that_allows_no_spoken_version_is_refused(ask: Ask, line: str) -> None:
    answer = ask("Results?$top=1", [("OData-MaxVersion", line)])
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "UnsupportedVersion"
    assert answer.every("OData-Version") == ["4.0"]


@pytest.mark.parametrize(
    ("line", "status"), [("4.0", 200), ("4.01", 200), ("3.0", 400), ("x", 400)]
)
def test_a_request_of_another_version_is_refused(ask: Ask, line: str, status: int) -> None:
    assert ask("Results?$top=1", [("OData-Version", line)]).status == status


def test_metadata_has_the_version_of_its_answer(ask: Ask) -> None:
    for version in ("4.0", "4.01"):
        text = ask("$metadata", [("OData-MaxVersion", version)]).text
        assert f'Version="{version}"' in text.partition("DataServices")[0]


def test_names_of_version_401_have_no_odata_prefix(ask: Ask) -> None:
    headers = [("OData-MaxVersion", "4.01"), ("Prefer", "maxpagesize=2")]
    answer = ask("Results?$count=true&$select=id", headers)
    assert list(answer.json()) == ["@context", "@count", "value", "@nextLink"]
    assert answer.header("Content-Type") == "application/json;metadata=minimal"


# --- media types (Protocol 8.2.1, JSON Format 3) --------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", MINIMAL),
        ("APPLICATION/JSON;ODATA.METADATA=MINIMAL", MINIMAL),
        ("application/json;metadata=minimal", MINIMAL),
        ("application/json;odata.metadata=none", "application/json;odata.metadata=none"),
        ("application/json;odata.metadata=full", "application/json;odata.metadata=full"),
        ("application/json; odata.metadata = full", "application/json;odata.metadata=full"),
        ("application/json;charset=utf-8", f"{MINIMAL};charset=utf-8"),
        ("application/json;odata.streaming=true", f"{MINIMAL};odata.streaming=true"),
        ("application/json;IEEE754Compatible=true", f"{MINIMAL};IEEE754Compatible=true"),
        ("application/json;IEEE754Compatible=false", MINIMAL),
        ('application/json;odata.metadata="none"', "application/json;odata.metadata=none"),
        ("*/*", MINIMAL),
        ("application/*", MINIMAL),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", MINIMAL),
        ("application/atom+xml,application/json;q=0.1", MINIMAL),
        (
            "application/json;odata.metadata=none;q=0.2,application/json;odata.metadata=full;q=0.7",
            "application/json;odata.metadata=full",
        ),
        ("application/json;odata.metadata=verbose,application/json;q=0.5", MINIMAL),
        ("application/xml;q=0.000,application/*;q=0.3,nonsense", MINIMAL),
    ],
)
def test_accept_chooses_the_json(ask: Ask, accept: str, content_type: str) -> None:
    answer = ask("Results?$top=1", [("Accept", accept)])
    assert answer.status == 200
    assert answer.header("Content-Type") == content_type


@pytest.mark.parametrize(
    "accept",
    [
        "application/xml",
        "application/atom+xml",
        "text/plain, text/xml",
        "application/json;q=0",
        "application/json;q=0,*/*",
        "application/json;q=0.000,application/*;q=0.3",
        "application/json;odata=verbose",
        "application/json;charset=utf-16",
        "nonsense",
    ],
)
@pytest.mark.parametrize("target", ["", "Results?$top=1"])
def test_a_format_that_is_not_served_is_refused_in_json(ask: Ask, target: str, accept: str) -> None:
    answer = ask(target, [("Accept", accept)])
    assert answer.status == 406
    assert answer.header("Content-Type") == "application/json"
    assert "application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("option", "content_type"),
    [
        ("json", MINIMAL),
        ("JSON", MINIMAL),
        ("application/json", MINIMAL),
        ("application/json;odata.metadata=none", "application/json;odata.metadata=none"),
        ("application/json%3Bodata.metadata%3Dfull", "application/json;odata.metadata=full"),
        (
            "application/json;odata.metadata=full;IEEE754Compatible=true",
            "application/json;odata.metadata=full;IEEE754Compatible=true",
        ),
    ],
)
def test_the_format_option_beats_accept(ask: Ask, option: str, content_type: str) -> None:
    accept = ("Accept", "application/atom+xml, application/json;odata.metadata=minimal")
    answer = ask(f"Results?$top=1&$format={option}", [accept])
    assert answer.header("Content-Type") == content_type


@pytest.mark.parametrize(
    "option", ["atom", "xml", "text/csv;header=absent", "application/atom%2Bxml", "excel"]
)
def test_another_format_option_is_refused_by_name(ask: Ask, option: str) -> None:
    answer = ask(f"Results?$top=1&$format={option}", [("Accept", "application/json")])
    assert answer.status == 406
    assert answer.json()["error"]["target"] == "$format"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "xml"),
        ("*/*", "xml"),
        ("application/*", "xml"),
        ("application/xml", "xml"),
        ("APPLICATION/XML;charset=utf-8", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("application/json, text/plain, */*", "xml"),
        ("application/json;q=0.4, application/xml;q=0.5", "xml"),
        ("application/json", "json"),
        ("application/json;charset=utf-8", "json"),
        ("application/json, text/javascript, */*; q=0.01", "json"),
        ("application/json, application/xml;q=0.9", "json"),
        ("application/xml;q=0, */*", "json"),
        ("application/json;odata.metadata=minimal", "xml"),
        ("application/json;IEEE754Compatible=true, application/json;q=0.5", "xml"),
    ],
)
@pytest.mark.parametrize("version", ["4.0", "4.01"])
def test_the_model_comes_as_xml_unless_json_is_wanted_more(
    ask: Ask, version: str, accept: str, media: str
) -> None:
    """A parameter that tells how rows shall look comes from readers that know XML models only."""
    answer = ask("$metadata", [("Accept", accept), ("OData-MaxVersion", version)])
    assert answer.status == 200
    assert answer.header("Content-Type") == f"application/{media}"
    assert answer.header("OData-Version") == version
    told = answer.json()["$Version"] if media == "json" else read_xml(answer.body)["$Version"]
    assert told == version


@pytest.mark.parametrize(
    ("option", "media"),
    [
        ("json", "json"),
        ("JSON", "json"),
        ("application/json", "json"),
        ("application/json;odata.metadata=full", "json"),
        ("xml", "xml"),
        ("application/xml", "xml"),
    ],
)
def test_the_format_option_chooses_the_model_s_form(ask: Ask, option: str, media: str) -> None:
    for accept in ("application/json", "application/xml", "application/atom+xml"):
        answer = ask(f"$metadata?$format={option}", [("Accept", accept)])
        assert answer.header("Content-Type") == f"application/{media}"


def test_both_forms_of_the_model_say_the_same(ask: Ask) -> None:
    for headers in ([], [("OData-MaxVersion", "4.01")]):
        as_xml, as_json = (ask(f"$metadata?$format={form}", headers) for form in ("xml", "json"))
        assert read_xml(as_xml.body) == as_json.json()


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        "*/*",
        "text/*",
        "text/plain;charset=utf-8",
        "application/json, text/plain;q=0.1",
        "application/json;odata.metadata=minimal",
    ],
)
def test_a_count_and_a_value_are_plain_text(
    ask: Ask, expected_rows: list[FlatRow], accept: str
) -> None:
    count = ask("Results/$count", [("Accept", accept)])
    assert (count.header("Content-Type"), count.text) == ("text/plain", "2000")
    first = expected_rows[0]
    value = ask(f"Results('{first['id']}')/state/$value", [("Accept", accept)])
    assert (value.header("Content-Type"), value.text) == (
        "text/plain;charset=utf-8",
        first["state"],
    )


@pytest.mark.parametrize(
    ("target", "accept"),
    [
        ("$metadata", "application/atom+xml"),
        ("$metadata", "text/plain, text/xml"),
        ("$metadata", "application/json;q=0, application/xml;q=0.000"),
        ("$metadata", "nonsense"),
        ("$metadata?$format=atom", "*/*"),
        ("$metadata?$format=text/plain", "*/*"),
        ("Results/$count", "application/xml"),
        ("Results('{key}')/state/$value", "application/xml"),
        ("Results('{key}')/state/$value", "text/html, text/plain;q=0"),
        ("Results/$count", "text/csv"),
        ("Results/$count", "text/plain;q=0, */*"),
        ("Results/$count?$format=json", "*/*"),
    ],
)
def test_a_format_that_a_document_does_not_have_is_refused(
    ask: Ask, expected_key: str, target: str, accept: str
) -> None:
    answer = ask(target.format(key=expected_key), [("Accept", accept)])
    assert answer.status == 406
    assert answer.json()["error"]["code"] == "NotAcceptable"


# --- what the levels mean (JSON Format 3.1) -------------------------------------------------------


def test_metadata_none_leaves_out_all_control_information_but_count_and_link(ask: Ask) -> None:
    headers = [("Accept", "application/json;odata.metadata=none"), ("Prefer", "maxpagesize=2")]
    page = ask("Results?$count=true&$select=progress", headers).json()
    assert list(page) == ["@odata.count", "value", "@odata.nextLink"]
    assert [list(row) for row in page["value"]] == [["progress"]] * 2
    assert list(ask("", headers[:1]).json()) == ["value"]
    assert "@odata.context" not in ask("Results?$top=1", headers).json()


def test_metadata_minimal_tells_the_id_only_when_the_key_was_left_out(
    ask: Ask, expected_key: str
) -> None:
    with_key = ask("Results?$top=1&$select=id,progress").json()["value"][0]
    without = ask("Results?$top=1&$select=progress").json()["value"][0]
    assert list(with_key) == ["id", "progress"]
    assert list(without) == ["@odata.id", "progress"]
    assert without["@odata.id"].endswith(f"/odata/v4/Results('{expected_key}')")


def test_metadata_full_tells_types_and_ids(ask: Ask) -> None:
    headers = [("Accept", "application/json;odata.metadata=full")]
    row = ask("Results?$top=1&$select=id,updatedAt,groupIds,progress", headers).json()["value"][0]
    assert row["@odata.type"] == "#Skillhabit.Result"
    assert row["@odata.id"].startswith("http://")
    assert row["@odata.readLink"] == row["@odata.id"]
    assert row["updatedAt@odata.type"] == "#DateTimeOffset"
    assert row["groupIds@odata.type"] == "#Collection(String)"
    assert not any(name.startswith("progress@") for name in row)  # JSON tells a double itself


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        ([("Accept", "application/json;IEEE754Compatible=true")], "2000"),
        ([("Accept", "application/json")], 2000),
    ],
)
def test_the_count_is_a_string_for_who_cannot_read_64_bits(
    ask: Ask, headers: list[tuple[str, str]], count: object
) -> None:
    assert ask("Results?$count=true&$top=1", headers).json()["@odata.count"] == count


# --- preferences (Protocol 8.2.8) -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "rows", "applied"),
    [
        ("odata.maxpagesize=7", 7, "7"),
        ("maxpagesize=7", 7, "7"),
        ('odata.maxpagesize="7"', 7, "7"),
        ("respond-async, odata.maxpagesize=7; x=y, return=minimal", 7, "7"),
        ("odata.maxpagesize=1000000", 2000, "20000"),
    ],
)
def test_the_page_size_is_applied_and_reported(
    ask: Ask, prefer: str, rows: int, applied: str
) -> None:
    answer = ask("Results?$select=id", [("Prefer", prefer)])
    assert len(answer.json()["value"]) == rows
    assert (answer.header("Preference-Applied") or "").rpartition("=")[2] == applied


@pytest.mark.parametrize(
    "prefer", ["odata.maxpagesize=0", "odata.maxpagesize=-1", "maxpagesize=x", "=;,", "wait=5"]
)
def test_a_preference_that_cannot_be_applied_is_ignored_and_not_reported(
    ask: Ask, prefer: str
) -> None:
    answer = ask("Results?$select=id", [("Prefer", prefer)])
    assert len(answer.json()["value"]) == 2_000
    assert answer.header("Preference-Applied") is None


def test_nulls_are_omitted_only_when_that_is_reported(ask: Ask, expected_nulls: int) -> None:
    target = "Results?$select=id,expiryDate"
    plain = ask(target)
    assert plain.header("Preference-Applied") is None
    assert sum(row["expiryDate"] is None for row in plain.json()["value"]) == expected_nulls
    answer = ask(target, [("Prefer", "omit-values=nulls")])
    rows = answer.json()["value"]
    assert answer.header("Preference-Applied") == "omit-values=nulls"
    assert sum("expiryDate" not in row for row in rows) == expected_nulls
    assert not any(None in row.values() for row in rows)
    assert answer.header("ETag") != plain.header("ETag")
    assert ask(target, [("Prefer", "omit-values=defaults")]).body == plain.body


def test_nulls_are_omitted_from_one_entity_too(ask: Ask, expected_rows: list[FlatRow]) -> None:
    key = next(row["id"] for row in expected_rows if row["expiryDate"] is None)
    answer = ask(f"Results('{key}')", [("Prefer", "omit-values=nulls")])
    assert answer.header("Preference-Applied") == "omit-values=nulls"
    assert "expiryDate" not in answer.json()
    assert ask(f"Results('{key}')").json()["expiryDate"] is None


@pytest.mark.parametrize("level", ["none", "minimal", "full"])
@pytest.mark.parametrize(
    "query",
    [
        "$compute=progress%20div%208%20as%20part,progress%20divby%200%20as%20x&$select=part,x",
        "$apply=groupby((region,state),aggregate($count%20as%20n,progress%20with%20max%20as%20m))",
        "$apply=groupby((rollup(region,department)),aggregate(progress%20with%20max%20as%20m))",
    ],
)
def test_nulls_of_what_is_computed_are_omitted_with_their_types(
    ask: Ask, query: str, level: str
) -> None:
    """Not so the id of a made row: that it is null is what 4.0 wants said."""
    accept = ("Accept", f"application/json;odata.metadata={level}")
    whole = ask(f"Results?{query}", [accept]).json()["value"]
    omitted = ask(f"Results?{query}", [accept, ("Prefer", "omit-values=nulls")]).json()["value"]
    for row, fewer in zip(whole, omitted, strict=True):
        nulls = {name for name, value in row.items() if value is None and "@" not in name}
        kept = {name: v for name, v in row.items() if name.partition("@")[0] not in nulls}
        assert list(fewer.items()) == list(kept.items())


def test_links_lead_to_pages_that_follow_the_preferences_of_their_own_request(ask: Ask) -> None:
    """A link does not hold preferences: clients send them with each request."""
    headers = [("Prefer", "odata.maxpagesize=1000, omit-values=nulls")]
    link = ask("Results", headers).json()["@odata.nextLink"].partition("/odata/v4/")[2]
    assert not any(None in row.values() for row in ask(link, headers).json()["value"])
    assert any(None in row.values() for row in ask(link).json()["value"])


@pytest.mark.parametrize("version", ["4.0", "4.01"])
def test_a_wish_for_annotations_is_granted_because_rows_have_none(ask: Ask, version: str) -> None:
    headers = [("Prefer", 'odata.include-annotations="-*"'), ("OData-MaxVersion", version)]
    answer = ask("Results?$top=1", headers)
    name = "odata.include-annotations" if version == "4.0" else "include-annotations"
    assert answer.header("Preference-Applied") == f'{name}="-*"'
    assert answer.json() == ask("Results?$top=1", headers[1:]).json()
    broken = ask("Results?$top=1", [("Prefer", 'odata.include-annotations="x y"')])
    assert broken.header("Preference-Applied") is None


def test_all_applied_preferences_stand_in_one_line(ask: Ask) -> None:
    wishes = 'omit-values=nulls, odata.maxpagesize=9, odata.include-annotations="*", wait=5'
    answer = ask("Results", [("Prefer", wishes)])
    assert answer.every("Preference-Applied") == [
        'odata.maxpagesize=9, omit-values=nulls, odata.include-annotations="*"'
    ]
    assert "Prefer" in (answer.header("Vary") or "")


def test_the_page_size_bounds_pages_and_not_top(ask: Ask, expected_rows: list[FlatRow]) -> None:
    page = ask("Results?$top=10&$select=id", [("Prefer", "odata.maxpagesize=4")]).json()
    assert [row["id"] for row in page["value"]] == [row["id"] for row in expected_rows[:4]]
    assert "@odata.nextLink" in page


# --- isolation (Protocol 8.2.5) -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Isolation", "OData-Isolation"])
@pytest.mark.parametrize(("level", "status"), [("snapshot", 200), ("serializable", 412)])
def test_isolation_is_snapshot_or_refused(ask: Ask, name: str, level: str, status: int) -> None:
    assert ask("Results?$top=1", [(name, level)]).status == status


def test_an_applied_preference_is_spelt_as_the_version_does(live: Bridge) -> None:
    for version, applied in (("4.0", "odata.maxpagesize=3"), ("4.01", "maxpagesize=3")):
        headers = {"OData-MaxVersion": version, "Prefer": "maxpagesize=3"}
        assert live.get("Results", headers).headers["preference-applied"] == applied


@pytest.mark.parametrize("name", ["OData-MaxVersion", "OData-Version", "odata-maxversion"])
@pytest.mark.parametrize("behind", [";NetFx", "; NetFx", " ;NetFx", ";", ";a;b", ";NetFx;", ";Ü"])
@pytest.mark.parametrize("version", ["4.0", "4.01"])
def test_the_name_behind_a_version_is_ignored(
    ask: Ask, name: str, version: str, behind: str
) -> None:
    """Microsoft's older .NET clients write `4.0;NetFx`; in a batch, the parts inherit it."""
    bare, named = (ask("Results?$top=1", [(name, version + end)]) for end in ("", behind))
    assert (named.status, named.body) == (bare.status, bare.body)
    assert named.status == 200
    assert named.header("OData-Version") == bare.header("OData-Version")
    part = json.dumps({"requests": [{"id": "1", "method": "get", "url": "Results?$top=1"}]})
    given = [("Content-Type", "application/json"), (name, version + behind)]
    answer = ask("$batch", given, method="POST", body=part.encode()).json()["responses"][0]
    assert (answer["status"], answer["body"]) == (200, bare.json())
    part = part.replace('"id"', f'"headers": {json.dumps({name: version + ";NetFx"})}, "id"')
    answer = ask("$batch", given[:1], method="POST", body=part.encode()).json()["responses"][0]
    assert (answer["status"], answer["body"]) == (200, bare.json())


@pytest.mark.parametrize("line", [";NetFx", "3.0;NetFx", "x;4.0", "4.0 NetFx"])
def test_a_name_makes_no_version(ask: Ask, line: str) -> None:
    assert ask("Results?$top=1", [("OData-MaxVersion", line)]).status == 400


@pytest.mark.parametrize(
    ("target", "offered"),
    [
        ("Results?$top=1", ("application/json", "text/csv", "spreadsheetml", "arrow", "parquet")),
        (
            "Users('x')/results",
            ("application/json", "text/csv", "spreadsheetml", "arrow", "parquet"),
        ),
        ("Results('x')", ("application/json",)),
        ("Results('x')/state", ("application/json",)),
        ("Results/$ref", ("application/json",)),
        ("$metadata", ("application/xml", "application/json")),
        ("Results/$count", ("text/plain",)),
        ("Results('x')/state/$value", ("text/plain",)),
        ("", ("application/json",)),
    ],
)
def test_a_406_offers_what_the_url_has_and_speaks_of_excel_to_its_reader_alone(
    ask: Ask, target: str, offered: tuple[str, ...]
) -> None:
    files = ("text/csv", "spreadsheetml", "arrow", "parquet")
    every = ("application/json", "application/xml", *files, "text/plain")
    plain = ask(target, [("Accept", "image/png")])
    assert plain.status == 406
    message = plain.json()["error"]["message"]
    assert {word for word in every if word in message} == set(offered)
    assert "Excel" not in message
    for media in offered:
        if "/" in media:
            assert ask(target, [("Accept", media)]).status != 406
    atom = ask("Results", [("Accept", "application/atomsvc+xml")])
    assert atom.status == 406
    assert "Excel" in atom.json()["error"]["message"]
