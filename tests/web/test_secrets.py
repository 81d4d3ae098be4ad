"""Neither the upstream's token nor the gateway's access key shows anywhere but where it belongs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.sandbox import Dataset, Faults, make_token
from tests.support.live import SECRET, bridge, settings_from
from tests.support.wire import WireAnswer, send

KEY = "open sesame, says the key"


def test_nothing_is_logged_or_answered_of_a_token_even_at_debug_level(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(make_token(SECRET), "utf-8")
    caplog.set_level(logging.DEBUG)
    settings = {"token_file": str(token_file), "retry_budget": 0}
    answers: list[WireAnswer] = []
    with bridge(dataset, settings=settings, faults=Faults(error_next=1)) as gateway:
        answers.append(send(gateway.root, "/odata/v4/Results"))
        answers.append(send(gateway.root, "/odata/v4/Results?$filter=state%20eq%20'FAILED'"))
        token_file.write_text(make_token(SECRET, expires_in_seconds=-9), "utf-8")
        answers.append(send(gateway.root, "/odata/v4/Results/$count"))
        last = token_file.read_text()
        token_file.write_text("garbage garbage", "utf-8")
        answers.append(send(gateway.root, "/odata/v4/Results?$top=4&$select=id"))
    assert [answer.status for answer in answers] == [503, 200, 502, 502]
    seen = caplog.text + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert "eyJ" not in seen
    assert last not in seen
    assert "garbage" not in seen


def test_nothing_is_logged_of_what_people_ask(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    """Queries hold names and addresses of people; the gateway's own log keeps them out."""
    caplog.set_level(logging.DEBUG, logger="gateway")
    with bridge(dataset) as gateway:
        question = "/odata/v4/Results?$filter=userName%20eq%20'Jane%20Doe'"
        assert send(gateway.root, question).status == 200
        assert send(gateway.root, f"{question}%20and%20nonsense%20eq%201").status == 400
    ours = [record.getMessage() for record in caplog.records if record.name == "gateway"]
    assert ours
    assert "Jane" not in "".join(ours)


def test_the_access_key_shows_in_no_representation(dataset: Dataset, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY, "utf-8")
    settings = settings_from({"access_key_file": str(key_file)})
    app = create_app(settings)
    shown = [repr(thing) for thing in (settings, app, app.routes)]
    shown += [str(vars(route)) for route in app.routes]
    assert KEY not in "".join(shown)
