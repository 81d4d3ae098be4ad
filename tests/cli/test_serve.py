"""`skillhabit-odata serve`: what it refuses before it listens, and how it runs and ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import sys
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.config import SETTINGS, Setting
from tests.cli.conftest import Run
from tests.support.process import started

COMMAND = [str(Path(sys.executable).with_name("skillhabit-odata")), "serve"]
BAD: dict[str, str] = {
    "custom_field": "department",
    "oauth_parameter": "audience",
    "allow_anonymous": "perhaps",
    "upstream": "api.example.com",
    "redis": "redis.example.com",
    "public_url": "bi.example.com",
    "trusted_proxies": "not-an-ip",
    "allowed_hosts": "https://bi.example.com",
    "cors_origins": "*",
    "upstream_timeout": "0",
}


@pytest.mark.parametrize("setting", SETTINGS, ids=[setting.name for setting in SETTINGS])
def test_a_bad_value_ends_with_2_and_names_option_and_remedy(run: Run, setting: Setting) -> None:
    bad = BAD.get(setting.name, "")
    for done in (
        run("serve", setting.option, bad),
        run("serve", environment={setting.variable: bad}),
    ):
        assert done.exit_code == 2, done.output
        assert "must be" in done.output
        assert setting.option in done.output or setting.variable in done.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example.com"])
def test_an_open_address_needs_a_key(run: Run, host: str) -> None:
    done = run("serve", "--host", host, "--port", "0")
    assert done.exit_code == 2
    assert "--access-key-file" in done.output
    assert "--allow-anonymous" in done.output


def test_a_public_url_needs_a_key_too(run: Run) -> None:
    done = run("serve", "--port", "0", "--public-url", "https://bi.example.com")
    assert done.exit_code == 2
    assert "--public-url https://bi.example.com is an address for other computers" in done.output
    assert "--allow-anonymous" in done.output


def advice(run: Run, *options: str) -> list[list[str]]:
    """The commands that the refusal names in backquotes, in their order."""
    done = run("serve", *options)
    assert done.exit_code == 2, done.output
    return [shlex.split(" ".join(text.split())) for text in re.findall(r"`([^`]+)`", done.output)]


def test_who_follows_the_refusal_serves(
    run: Run, upstream: str, token_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--host", "0.0.0.0", "--port", "0"]
    create, with_keys, anonymous = advice(run, *options)
    made = run(*create[1:])
    key = next(word for word in made.output.split() if word.startswith("sho_"))
    options += ["--upstream", upstream, "--token-file", str(token_file)]
    for more, auth, said in (
        (with_keys, ("any", key), "a key as password"),
        (anonymous, None, "not required, from any computer"),
    ):
        with started([*COMMAND, *options, *more], cwd=tmp_path) as process:
            port = process.wait_for(rf"Feed +http://{socket.gethostname()}:(\d+)/odata/v4/")
            root = f"http://127.0.0.1:{port}/odata/v4/"
            assert said in process.wait_for(r"Sign in +(.*)")
            assert httpx.get(root, auth=auth).status_code == 200
            assert httpx.get(root).status_code == (401 if auth else 200)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_urls_that_it_prints_are_those_of_feed_and_pages(
    upstream: str, token_file: Path, tmp_path: Path, workers: str
) -> None:
    command = [*COMMAND, "--port", "0", "--upstream", upstream, "--token-file", str(token_file)]
    with started([*command, "--workers", workers], cwd=tmp_path) as process:
        feed = process.wait_for(r"(?m)^Feed +(\S+)$")
        pages = process.wait_for(r"(?m)^Pages +(\S+)$")
        assert process.wait_for(r"(?m)^Sign in +(.*)$") == (
            "not required, and only this computer can connect"
        )
        assert httpx.get(feed, timeout=30).json()["@odata.context"] == f"{feed}$metadata"
        assert "<title>" in httpx.get(pages, headers={"Accept": "text/html"}).text


def test_a_log_of_json_has_the_urls_as_a_line(
    upstream: str, token_file: Path, tmp_path: Path
) -> None:
    command = [*COMMAND, "--port", "0", "--upstream", upstream, "--token-file", str(token_file)]
    command += ["--public-url", "https://bi.example.com/a", "--allow-anonymous", "true"]
    with started([*command, "--log-format", "json"], cwd=tmp_path) as process:
        process.wait_for(r"(Feed: https://bi\.example\.com/a/odata/v4/; Pages: )")
        assert all(isinstance(json.loads(line), dict) for line in process.output.splitlines())


@pytest.mark.parametrize(
    "option",
    ["--contract", "--access-key-file", "--config", "--mask-key-file", "--metrics-token-file"],
)
def test_a_file_that_is_not_there_is_named(run: Run, tmp_path: Path, option: str) -> None:
    missing = str(tmp_path / "missing")
    done = run("serve", "--port", "0", option, missing)
    assert done.exit_code == 2, done.output
    assert option[2:].replace("-", "_") in done.output.replace("-", "_")
    assert f"{missing}" in done.output
    assert "No such file" in done.output
    assert "Errno" not in done.output


def test_a_repeated_option_is_told_as_it_was_typed(run: Run) -> None:
    assert "--custom-field = 'foo': must be" in run("serve", "--custom-field", "foo").output


def test_an_empty_key_is_no_key(run: Run, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(" \n", "utf-8")
    done = run("serve", "--port", "0", "--access-key-file", str(key_file))
    assert done.exit_code == 2
    assert "empty" in done.output


def test_an_unknown_option_or_command_ends_with_2(run: Run) -> None:
    assert run("serve", "--prot", "1").exit_code == 2
    assert run("sevre").exit_code == 2


@pytest.mark.parametrize(
    "command", [[], *([name] for name in main.list_commands(click.Context(main)))]
)
def test_every_command_helps(run: Run, command: list[str]) -> None:
    for option in ("--help", "-h"):
        done = run(*command, option)
        assert done.exit_code == 0
        assert done.output.startswith("Usage:")


def test_it_serves_and_ends_on_a_signal_without_a_word_of_the_token(
    upstream: str, token_file: Path, tmp_path: Path
) -> None:
    command = [*COMMAND, "--port", "0", "--upstream", upstream, "--token-file", str(token_file)]
    with started(command, cwd=tmp_path) as process:
        base = process.wait_for(r"running on (http://127\.0\.0\.1:\d+)")
        secret_question = f"{base}/odata/v4/Results?$filter=userName eq 'Jane Doe'&key=abc"
        assert httpx.get(secret_question, timeout=10).status_code == 200
        assert httpx.get(f"{base}/odata/v4/Results", timeout=10).status_code == 200
        assert process.stop(signal.SIGINT, seconds=5) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(base)
    assert token_file.read_text() not in process.output
    assert "Jane" not in process.output
    assert "key=abc" not in process.output
    assert "Traceback" not in process.output


def test_an_open_address_with_a_key_serves_who_knows_it(
    upstream: str, token_file: Path, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("open sesame\n", "utf-8")
    command = [
        *COMMAND,
        *("--host", "0.0.0.0", "--port", "0", "--access-key-file", str(key_file)),
        *("--upstream", upstream, "--token-file", str(token_file)),
    ]
    with started(command, cwd=tmp_path) as process:
        port = process.wait_for(r"running on http://0\.0\.0\.0:(\d+)")
        root = f"http://127.0.0.1:{port}/odata/v4/"
        assert httpx.get(root).status_code == 401
        assert httpx.get(root, auth=("anyone", "open sesame")).status_code == 200
        assert process.stop(signal.SIGTERM, seconds=5) == 0
    assert "sesame" not in process.output


def test_weak_secrets_are_warned_of(upstream: str, token_file: Path, tmp_path: Path) -> None:
    for name, content in (("key", "short"), ("mask", "m" * 40)):
        (tmp_path / name).write_text(content, "utf-8")
        (tmp_path / name).chmod(0o644)
    command = [*COMMAND, "--port", "0", "--upstream", upstream, "--token-file", str(token_file)]
    command += ["--access-key-file", str(tmp_path / "key"), "--trusted-proxies", "*"]
    command += ["--mask-key-file", str(tmp_path / "mask")]
    with started(command, cwd=tmp_path) as process:
        process.wait_for(r"(running on)")
        for name in ("access_key_file", "mask_key_file"):
            assert re.search(rf"level=warning .*{name}: (the key in )?{tmp_path}", process.output)
        assert process.output.count("can be read by others (mode 644)") == 3
        assert "fewer than 16 characters" in process.output
        assert "every client can claim any address" in process.output


def test_a_port_that_is_taken_is_told(upstream: str, token_file: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, "--port", port, "--upstream", upstream]
        command += ["--token-file", str(token_file)]
        with started(command, cwd=tmp_path) as process:
            process.wait_for(rf"(port {port} cannot be used .Address already in use.; choose)")
            assert process.stop(0, seconds=10) == 2
        assert "Traceback" not in process.output


def test_a_missing_token_file_is_warned_of_at_once(upstream: str, tmp_path: Path) -> None:
    with started([*COMMAND, "--port", "0", "--upstream", upstream], cwd=tmp_path) as process:
        assert process.wait_for(r"(has no token)")
        base = process.wait_for(r"running on (http://\S+)")
        assert httpx.get(f"{base}/odata/v4/Results").status_code == 502
        process.stop(signal.SIGINT, seconds=5)


@pytest.mark.parametrize("text", [None, "", "two words\nand lines"])
def test_a_token_file_without_a_token_is_warned_of_at_once(
    run: Run, tmp_path: Path, text: str | None
) -> None:
    token_file = tmp_path / "token"
    if text is not None:
        token_file.write_text(text, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, "--token-file", str(token_file))
    assert f"warning: --token-file {token_file}" in done.output
    assert done.exit_code == 2
    assert text is None or "words" not in done.output


def test_a_data_folder_that_is_a_file_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below"):
        done = run("serve", "--port", "0", "--data-dir", str(place))
        assert done.exit_code == 2, done.output
        assert f"--data-dir {place} must be a folder" in done.output


def test_a_variable_that_nothing_reads_is_warned_of(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "SKILLHABIT_ODATA_PORT": str(taken.getsockname()[1]),
            "SKILLHABIT_ODATA_TOKEN": "a.b.c",
            "SKILLHABIT_ODATA_PAGE_SIZ": "secret",
        }
        done = run("serve", environment=environment)
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: SKILL")]
    (line,) = warnings
    assert "SKILLHABIT_ODATA_PAGE_SIZ: no setting" in line
    assert "did you mean SKILLHABIT_ODATA_PAGE_SIZE?" in line
    assert "secret" not in done.output


@pytest.mark.parametrize(
    ("option", "begun", "offered"),
    [
        ("--log-format", "", "plain,text\nplain,json"),
        ("--log-level", "w", "plain,warning"),
        ("--early-pages", "", "plain,true\nplain,false"),
        ("--token-file", "to", "file,to"),
        ("--data-dir", "", "dir,"),
    ],
)
def test_a_shell_completes_values(option: str, begun: str, offered: str) -> None:
    environment = {
        "_SKILLHABIT_ODATA_COMPLETE": "bash_complete",
        "COMP_WORDS": f"skillhabit-odata serve {option} {begun}",
        "COMP_CWORD": "3",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        done = CliRunner().invoke(main, [], prog_name="skillhabit-odata")
    assert done.stdout.strip() == offered
