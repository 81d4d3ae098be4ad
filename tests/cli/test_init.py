"""`skillhabit-odata init`: asked on a terminal, or from options; one file that explains itself."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pexpect
import pytest

from gateway.auth.key_file import read_keys
from gateway.auth.keys import id_of
from gateway.cli.files import locked_folder
from gateway.config import SETTINGS, load_settings
from gateway.config.converters import as_pairs
from gateway.config.schema import json_schema
from gateway.config.template import configuration_text
from gateway.contract.loader import built_in_contract, read_file
from gateway.discovery.infer.custom_fields import proposed_name
from gateway.sandbox import make_token
from tests.cli.conftest import COMMAND, Run
from tests.support.live import SECRET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fields_in(folder: Path) -> dict[str, str]:
    """The custom fields of the contract file: their IDs by their columns."""
    parsed = read_file((folder / "contract.toml").read_text("utf-8"))
    assert parsed.custom_fields is not None
    return {field.name: field.id for field in parsed.custom_fields.mapped}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def asked(folder: Path, *answers: tuple[str, str]) -> tuple[str, int | None]:
    """What a terminal shows while questions are answered, and the exit code."""
    child: Any = pexpect.spawn(COMMAND, ["init"], cwd=str(folder), encoding="utf-8", timeout=20)
    shown = ""
    for question, answer in answers:
        child.expect(question)
        shown += child.before + child.after
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    return shown + child.before, child.exitstatus


def test_it_asks_tries_and_writes(upstream: str, folder: Path, run: Run) -> None:
    token = make_token(SECRET)
    shown, code = asked(
        folder,
        ("URL of the Analytics API", "api.example.com"),
        ("must be a URL", upstream),
        ("Token of the Analytics API", make_token("another secret of thirty-two bytes")),
        ("answered 401(.|\n)*Try again", ""),
        ("Token of the Analytics API", token),
        ("Is that everybody", ""),
        ("Custom field Department", ""),
        ("Custom field Job Title", "userName"),
        ("another column has this name", "-"),
        ("Custom field Region", "area"),
        ("Folder that keeps", ""),
        ("Who will connect(.|\n)*Which", "3"),
        ("URL that clients use", "bi.example.com"),
        ("must be a URL", "https://bi.example.com"),
        ("Address of the proxy", ""),
        ("Name of a first key", "Anna"),
    )
    assert code == 0, shown
    assert token not in shown
    written = (folder / "gateway.toml").read_text("utf-8")
    settings = load_settings({}, {}, written)
    assert settings.upstream == upstream
    assert settings.public_url == "https://bi.example.com"
    assert (settings.host, settings.trusted_proxies) == ("127.0.0.1", ("127.0.0.1",))
    assert settings.custom_field == ()
    assert fields_in(folder) == {"department": "cf_department", "area": "cf_region"}
    assert (settings.data_dir, settings.token_file) == (Path("snapshots"), Path("token.txt"))
    assert (folder / "token.txt").read_text("utf-8").strip() == token
    assert mode_of(folder / "token.txt") == mode_of(folder / "keys.json") == 0o600
    assert settings.keys_file == Path("keys.json")
    key = re.findall(r"^sho_\w+", shown, re.MULTILINE)[0]
    assert key not in written + (folder / "keys.json").read_text("utf-8")
    (kept,) = read_keys((folder / "keys.json").read_bytes()).values()
    assert (kept.name, kept.id) == ("Anna", id_of(key))
    rows = run("query", "Users?top=1&select=department,area", "--config", "gateway.toml")
    assert rows.exit_code == 0, rows.output


def test_without_questions_options_and_defaults_count(
    run: Run, upstream: str, token_file: Path, folder: Path
) -> None:
    command = ("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file))
    done = run(*command, "--all-fields")
    assert done.exit_code == 0, done.output
    path = folder / "gateway.toml"
    settings = load_settings({}, {}, path.read_text("utf-8"))
    assert [*fields_in(folder)] == ["department", "jobTitle", "region"]
    assert (settings.data_dir, settings.keys_file) == (None, None)
    path.write_text("# dear\n", "utf-8")
    refused = run(*command)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert path.read_text("utf-8") == "# dear\n"
    assert run(*command, "--force", "--custom-field", "a=cf_region").exit_code == 0
    assert fields_in(folder) == {"a": "cf_region"}


def test_a_key_for_a_script_is_added_to_those_that_are_there(
    run: Run, upstream: str, token_file: Path, folder: Path
) -> None:
    command = ("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file))
    for name in ("Anna", "Ben"):
        done = run(*command, "--force", "--first-key", name)
        assert done.exit_code == 0, done.output
        (key,) = re.findall(r"^sho_\w+$", done.output, re.MULTILINE)
        assert id_of(key) in read_keys((folder / "keys.json").read_bytes())
    assert len(read_keys((folder / "keys.json").read_bytes())) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--token-file", "nowhere"], 2, "there is no such file"),
        (["--upstream", "api.example.com"], 2, "must be a URL"),
        (["--custom-field", "x"], 2, "must be NAME=ID"),
        (["--first-key", " "], 2, "must not be empty"),
        (["--upstream", "http://127.0.0.1:1"], 3, "cannot be reached (refused)"),
        (["--output", "nowhere/gateway.toml"], 2, "cannot be written"),
        (["--contract", "nowhere.toml"], 2, "nowhere.toml"),
        (["--zone", "Middle/Earth"], 2, "no time zone"),
    ],
)
def test_what_cannot_be_used_writes_nothing(
    run: Run, upstream: str, folder: Path, arguments: list[str], code: int, word: str
) -> None:
    (folder / "token.txt").write_text(make_token(SECRET), "utf-8")
    done = run("init", "--non-interactive", "--upstream", upstream, *arguments)
    assert done.exit_code == code, done.output
    assert word in done.output
    assert [path.name for path in folder.iterdir()] == ["token.txt"]


def test_the_file_has_every_setting_and_a_schema_takes_it() -> None:
    text = configuration_text(
        {"custom_field": {"a": "x", "b c": 'q"\\\x7f\n'}, "redis": "redis://h"}
    )
    assert jsonschema_rs.is_valid(json_schema(), tomllib.loads(text))
    assert load_settings({}, {}, text).custom_field == (("a", "x"), ("b c", 'q"\\\x7f\n'))
    for setting in SETTINGS:
        assert re.search(rf"^(# )?\[?{setting.name}\b", text, re.MULTILINE), setting.name
        assert setting.help.split()[0] in text


def test_a_default_that_is_uncommented_changes_nothing() -> None:
    text = configuration_text({})
    for setting in SETTINGS:
        if setting.default in (None, ()) or setting.convert is as_pairs:
            continue
        found = re.search(rf"^# ({setting.name} = .*)$", text, re.MULTILINE)
        assert found is not None
        assert load_settings({}, {}, found[1]) == load_settings({}, {})


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Cost centre (EU)", "costCentreEU"),
        ("2nd job", "_2nd_job"),
        ("State", "state_2"),
        ("部", "field"),
    ],
)
def test_proposed_names_are_columns(label: str, name: str) -> None:
    assert proposed_name(label, ["state"]) == name


def test_the_url_that_was_typed_is_kept_for_another_try(upstream: str, folder: Path) -> None:
    """A token that is typed again goes to no other host."""
    shown, code = asked(
        folder,
        ("URL of the Analytics API", "http://127.0.0.1:1"),
        ("Token of the Analytics API", make_token(SECRET)),
        (r"cannot be reached \(refused\)(.|\n)*Try again", ""),
        (r"URL of the Analytics API \[http://127.0.0.1:1\]", upstream),
        ("the token sees 300 results of (.|\n)*Is that everybody", ""),
        ("Custom field Department", "-"),
        ("Custom field", "-"),
        ("Custom field", "-"),
        ("Folder that keeps", "-"),
        ("Who will connect", ""),
    )
    assert code == 0, shown
    assert f'upstream = "{upstream}"' in (folder / "gateway.toml").read_text("utf-8")


def written(folder: Path) -> str:
    return (folder / "contract.toml").read_text("utf-8")


def test_a_second_run_keeps_what_the_owner_changed(
    run: Run, upstream: str, token_file: Path, folder: Path
) -> None:
    command = ("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file))
    assert run(*command, "--data-dir", "data").exit_code == 0
    text = written(folder)
    first = text.replace('label = "State"', 'label = "Where"  # as we say')
    start, end = first.index("[filters.states]"), first.index("[filters.contents]")
    first = first[:start] + first[end:]
    first = first.replace('states = "${states}"\n', "").replace('filter = "states"\n', "")
    (folder / "contract.toml").write_text(first, "utf-8")
    settings = (folder / "gateway.toml").read_text("utf-8")
    (folder / "gateway.toml").write_text("# ours\n" + settings + "\n[roles.a]\nhide = []\n")
    done = run(*command, "--force")
    assert done.exit_code == 0, done.output
    kept = ("columns.state", "filters.states", "request.body")
    (line,) = [line for line in done.output.splitlines() if line.startswith("kept ")]
    assert all(name in line for name in kept), line
    again = written(folder)
    assert 'label = "Where"  # as we say' in again
    assert "[filters.states]" not in again
    config = (folder / "gateway.toml").read_text("utf-8")
    assert config.startswith("# ours\n")
    assert load_settings({}, {}, config).data_dir == Path("data")
    assert [role.name for role in load_settings({}, {}, config).roles] == ["a"]
    assert run(*command, "--force").exit_code == 0
    assert written(folder) == again


def test_a_contract_file_to_start_from_is_tried_first(
    run: Run, upstream: str, token_file: Path, folder: Path
) -> None:
    mine = folder / "mine.toml"
    text = built_in_contract().replace('label = "Results in all"', 'label = "All"')
    table = text[text.index("[pages]") : text.index("[order]")]
    own = table.replace("largest = 1000", "largest = 100").replace('"assumed"', '"owner"')
    mine.write_text(text.replace(table, own), "utf-8")
    command = ("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file))
    done = run(*command, "--contract", str(mine))
    assert done.exit_code == 0, done.output
    assert "kept your changes of" in done.output
    parsed = read_file(written(folder))
    assert parsed.pages.largest == 100
    assert parsed.measures[0].label == "All"
    assert mine.read_text("utf-8") == text.replace(table, own)


def test_a_second_init_names_the_first(
    run: Run, upstream: str, token_file: Path, folder: Path
) -> None:
    command = ("init", "--non-interactive", "--upstream", upstream, "--token-file", str(token_file))
    with locked_folder(folder / "gateway.toml"):
        done = run(*command)
    assert done.exit_code == 2, done.output
    assert f"process {os.getpid()}" in done.output
    assert not (folder / "contract.toml").exists()
    assert run(*command).exit_code == 0
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_token_that_does_not_see_everybody_writes_nothing(upstream: str, folder: Path) -> None:
    shown, code = asked(
        folder,
        ("URL of the Analytics API", upstream),
        ("Token of the Analytics API", make_token(SECRET)),
        ("Is that everybody", "n"),
    )
    assert code == 1, shown
    assert "nothing was written" in shown
    assert [path.name for path in folder.iterdir()] == []
