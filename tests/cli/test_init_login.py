"""`init`, `check` and `doctor` with a login instead of a token."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.sandbox import Dataset
from gateway.sandbox.variations import VARIATIONS, create_variant
from gateway.sandbox.variations.door import CLIENT_ID, CLIENT_SECRET, PASSWORD, USER
from tests.cli.conftest import Run
from tests.support.live import SECRET, running

BODY = '{"user": "${env.SKILLHABIT_ODATA_USER}", "password": "${file.password}"}'
PASSWORD_LOGIN = ("--login-url", "/auth/login", "--login-body", BODY)
OAUTH = (
    *("--oauth-token-url", "/oauth/token", "--oauth-client-id", CLIENT_ID),
    *("--oauth-client-secret-file", "secret", "--oauth-parameter", "audience=x"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKILLHABIT_ODATA_USER", USER)
    for name, text in (("password", PASSWORD), ("secret", CLIENT_SECRET)):
        (tmp_path / name).write_text(text + "\n", "utf-8")
        (tmp_path / name).chmod(0o600)
    return tmp_path


@pytest.fixture(params=["login-password-20-seconds", "login-oauth-20-seconds"])
def door(request: pytest.FixtureRequest, dataset: Dataset) -> Iterator[tuple[str, tuple[str, ...]]]:
    variant = create_variant(VARIATIONS[request.param], dataset, secret=SECRET)
    with running(variant) as url:
        yield url, OAUTH if "oauth" in request.param else PASSWORD_LOGIN


def test_a_login_needs_no_token_file(
    door: tuple[str, tuple[str, ...]], run: Run, folder: Path
) -> None:
    url, login = door
    made = run("init", "--non-interactive", "--upstream", url, *login)
    assert made.exit_code == 0, made.output
    text = (folder / "gateway.toml").read_text("utf-8")
    assert PASSWORD not in text + made.output
    assert CLIENT_SECRET not in text + made.output
    settings = load_settings({}, {}, text)
    assert settings.token_file is None
    assert not (folder / "token.txt").exists()
    if settings.login_body:
        assert stat.S_IMODE((folder / "gateway.toml").stat().st_mode) == 0o600
    counted = run("query", "Results/$count", "--config", "gateway.toml")
    assert counted.output.strip() == "2000", counted.output
    checked = run("check", "--config", "gateway.toml")
    assert checked.exit_code == 0, checked.output
    examined = run("doctor", "--config", "gateway.toml").output
    assert "obtained by a login" in examined
    assert ("no setting has this name" in examined) == (settings.login_body is None)


def test_wrong_credentials_say_so_at_the_door(
    door: tuple[str, tuple[str, ...]], run: Run, folder: Path
) -> None:
    url, login = door
    for name in ("password", "secret"):
        (folder / name).write_text("open-sesame", "utf-8")
    made = run("init", "--non-interactive", "--upstream", url, *login)
    assert made.exit_code == 2, made.output
    assert "cannot log in" in made.output
    assert "401" in made.output
    assert "sesame" not in made.output
    assert not (folder / "gateway.toml").exists()


def test_an_incomplete_login_is_refused(run: Run) -> None:
    made = run("init", "--non-interactive", "--login-url", "/auth/login")
    assert made.exit_code == 2
    assert "--login-url also needs --login-body" in made.output
