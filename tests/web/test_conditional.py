"""A page that the client has already is not sent again (RFC 9110 13, Protocol 8.2)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from tests.support.live import Bridge


def test_a_page_says_how_old_its_data_is(live: Bridge) -> None:
    answer = live.get("Results?$orderby=progress")
    assert answer.headers["etag"].startswith('W/"')
    assert int(answer.headers["age"]) >= 0
    assert parsedate_to_datetime(answer.headers["last-modified"]).tzinfo is not None


def test_the_same_page_of_the_same_snapshot_is_304(live: Bridge) -> None:
    first = live.get("Results?$orderby=progress")
    tag = first.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = live.get("Results?$orderby=progress", {"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
        assert again.headers["odata-version"] == "4.0"


def test_another_page_format_or_root_is_another_body(live: Bridge) -> None:
    tag = {"If-None-Match": live.get("Results?$orderby=progress").headers["etag"]}
    others: tuple[tuple[str, dict[str, str]], ...] = (
        ("Results?$orderby=progress%20desc", {}),
        ("Results?$orderby=progress", {"Prefer": "maxpagesize=7"}),
        ("Results?$orderby=progress", {"OData-MaxVersion": "4.01"}),
        ("Results?$orderby=progress", {"X-Forwarded-Host": "other.example"}),
    )
    for path, headers in others:
        assert live.get(path, {**tag, **headers}).status_code == 200, (path, headers)


def test_a_kept_page_is_the_same_packed_and_unpacked(live: Bridge) -> None:
    bodies = [
        live.get("Results?$orderby=progress,id", {"Accept-Encoding": coding}).content
        for coding in ("gzip", "identity", "gzip", "identity")
    ]
    assert len(set(bodies)) == 1
