"""Keys come and go while the gateway runs, in a process of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.sandbox import create_sandbox, generate, make_token
from tests.support.access import GIVING, basic, change_key, make_key
from tests.support.live import SECRET, running
from tests.support.process import Process, started
from tests.support.wire import WireAnswer, send

COMMAND = [str(Path(sys.executable).with_name("skillhabit-odata"))]


@dataclass(frozen=True)
class Served:
    """A gateway and its file of keys, which has had one key, `first`, from the beginning."""

    process: Process
    root: str
    file: Path
    first: str
    first_id: str

    def ask(self, key: str) -> WireAnswer:
        return send(self.root, "/odata/v4/Results?$top=1&$select=id", [basic(key)])

    def status(self, key: str) -> int:
        return self.ask(key).status


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    file, token = folder / "keys.json", folder / "token"
    token.write_text(make_token(SECRET), "utf-8")
    first, first_id = make_key(file)
    with running(create_sandbox(generate(30), secret=SECRET), date_header=False) as upstream:
        command = [*COMMAND, "serve", "--port", "0", "--host", "0.0.0.0", "--upstream", upstream]
        command += ["--token-file", str(token), "--keys-file", str(file)]
        with started(command, cwd=folder) as process:
            port = process.wait_for(r"running on http://0\.0\.0\.0:(\d+)")
            yield Served(process, f"http://127.0.0.1:{port}", file, first, first_id)
            process.stop(signal.SIGTERM)
            for line in file.read_text("utf-8").split('"'):
                assert not line.startswith("sho_")
            assert "sho_" not in process.output
            assert "Traceback" not in process.output


def test_a_key_works_from_the_moment_it_is_made_to_the_one_it_is_revoked(served: Served) -> None:
    key, key_id = make_key(served.file, "--expires", "1d")
    assert served.status(key) == 200
    with started(
        [*COMMAND, "keys", "revoke", key_id, "--keys-file", str(served.file)],
        cwd=served.file.parent,
    ) as command:
        command.wait_for("(is revoked)")
    refused = served.ask(key)
    assert refused.status == 401
    said = refused.json()["error"]["message"]
    assert said == f"the key {key_id} was revoked; ask the gateway's owner for another"
    assert served.status(served.first) == 200


def test_a_key_ends_when_it_was_to(served: Served) -> None:
    key, key_id = make_key(served.file, "--expires", "1h")
    assert served.status(key) == 200
    change_key(served.file, key_id, expires=datetime(2026, 1, 1, tzinfo=UTC))
    for _ in range(15):  # it is no guess
        refused = served.ask(key)
        assert refused.status == 401
    assert "has expired" in refused.json()["error"]["message"]


def test_who_only_knows_the_id_learns_nothing(served: Served) -> None:
    change_key(served.file, served.first_id, expires=datetime(2026, 1, 1, tzinfo=UTC))
    guess = served.first[:-1] + ("a" if served.first[-1] != "a" else "b")
    texts = [served.ask(key).text for key in (guess, guess.replace(served.first_id, "0" * 12))]
    change_key(served.file, served.first_id, expires=None)
    assert texts[0] == texts[1]
    assert "expired" not in texts[0]


@pytest.mark.parametrize("state", ["removed", "damaged", "unknown"])
def test_nobody_gets_in_by_a_file_that_cannot_be_read(served: Served, state: str) -> None:
    """503 and not 401: it is not the callers' keys that are wrong, and they need no new ones."""
    before = served.file.read_bytes()
    match state:
        case "removed":
            served.file.unlink()
        case "damaged":
            served.file.write_bytes(before[:-40])
        case _:
            served.file.write_bytes(before.replace(b'"role"', b'"limit"'))
    warned = served.process.output.count("no key in it opens anything")
    answers = [served.ask(served.first) for _ in range(3)]
    served.file.write_bytes(before)
    assert [answer.status for answer in answers] == [503, 503, 503]
    assert answers[0].json()["error"]["code"] == "SignInUnavailable"
    assert answers[0].header("Retry-After") == "10"
    assert served.status(served.first) == 200
    served.process.wait_for(rf"(?s)((?:.*no key in it opens anything){{{warned + 1}}})")
    assert served.process.output.count("no key in it opens anything") == warned + 1


def test_an_empty_file_has_no_keys(served: Served) -> None:
    before = served.file.read_bytes()
    served.file.write_bytes(b"")
    refused = served.status(served.first)
    served.file.write_bytes(before)
    assert refused == 401
    assert served.status(served.first) == 200


@pytest.mark.parametrize("way", GIVING)
def test_a_restricted_key_is_not_served_as_an_unrestricted_one(served: Served, way: str) -> None:
    key, _ = make_key(served.file, "--role", "hr")
    query, headers = GIVING[way](key)
    answer = send(served.root, f"/odata/v4/Results/$count?{query}", headers)
    assert answer.status == 403
    assert answer.json()["error"]["code"] == "AccessDenied"
