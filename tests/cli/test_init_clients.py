"""`skillhabit-odata init`: who will connect, and what `serve` does with the file that it writes."""

from __future__ import annotations

import re
import socket
import ssl
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jsonschema_rs
import pytest
import trustme

from gateway.config import Settings, load_settings
from gateway.config.schema import json_schema
from gateway.sandbox import make_token
from tests.cli.conftest import Run
from tests.cli.test_init import asked
from tests.cli.test_serve import COMMAND
from tests.support.live import SECRET
from tests.support.process import Process, started

NAME = socket.gethostname()
TO_CLIENTS = ("Is that everybody", ""), ("Custom field", "-"), ("Custom field", "-")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "token.txt").write_text(make_token(SECRET), "utf-8")
    (tmp_path / "token.txt").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def authority(folder: Path) -> trustme.CA:
    """A certificate for this computer's name in the folder, and its authority."""
    made = trustme.CA()
    certificate = made.issue_cert(NAME)
    certificate.cert_chain_pems[0].write_to_path(str(folder / "tls.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "tls.key"))
    (folder / "tls.key").chmod(0o600)
    return made


def interviewed(folder: Path, upstream: str, *answers: tuple[str, str]) -> str:
    shown, code = asked(
        folder,
        ("URL of the Analytics API", upstream),
        ("Use the token in", ""),
        *(*TO_CLIENTS, ("Custom field", "-"), ("Folder that keeps", "-")),
        *answers,
    )
    assert code == 0, shown
    return shown


def settings_in(folder: Path) -> Settings:
    text = (folder / "gateway.toml").read_text("utf-8")
    assert jsonschema_rs.is_valid(json_schema(), tomllib.loads(text))
    return load_settings({}, {}, text)


@contextmanager
def serving(folder: Path) -> Iterator[Process]:
    command = [*COMMAND, "--config", "gateway.toml", "--port", "0"]
    with started(command, cwd=folder) as process:
        yield process


def quiet(run: Run, upstream: str, *options: str) -> tuple[int, str]:
    done = run("init", "--non-interactive", "--force", "--upstream", upstream, *options)
    return done.exit_code, done.output


def test_this_computer_needs_no_key_and_hears_what_is_next(upstream: str, folder: Path) -> None:
    shown = interviewed(folder, upstream, ("Who will connect(.|\n)*Which", ""))
    assert "first key" not in shown
    assert settings_in(folder).host == "127.0.0.1"
    doctor, serve = re.findall(r"^  skillhabit-odata (doctor|serve) --config", shown, re.MULTILINE)
    assert (doctor, serve) == ("doctor", "serve")
    assert re.search(r"paste http://127\.0\.0\.1:8000/odata/v4/", shown)
    with serving(folder) as process:
        feed = process.wait_for(r"(?m)^Feed +(\S+)$")
        assert httpx.get(feed).status_code == 200


def test_colleagues_get_tls_a_key_and_the_name(
    upstream: str, folder: Path, authority: trustme.CA
) -> None:
    shown = interviewed(
        folder,
        upstream,
        ("Who will connect(.|\n)*Which", "2"),
        (rf"Name of this computer in the network \[{re.escape(NAME)}\]", "not a name"),
        ("must be a name", ""),
        ("File with the certificate", "tls.pem"),
        ("File with its private key", "tls.pem"),
        ("cannot be used(.|\n)*File with the certificate", "tls.pem"),
        ("File with its private key", "tls.key"),
        ("Name of a first key", ""),
    )
    assert f"paste https://{NAME}:8000/odata/v4/" in shown
    key = re.findall(r"^sho_\w+", shown, re.MULTILINE)[0]
    assert settings_in(folder).host == "0.0.0.0"
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    with serving(folder) as process:
        port = process.wait_for(r"running on https://0\.0\.0\.0:(\d+)")
        assert process.wait_for(r"(?m)^Feed +(\S+)$") == f"https://{NAME}:8000/odata/v4/"
        verified = ssl.create_default_context(cafile=str(folder / "authority.pem"))
        with httpx.Client(verify=verified, base_url=f"https://{NAME}:{port}") as client:
            assert client.get("/odata/v4/").status_code == 401
            assert client.get("/odata/v4/", auth=("any", key)).status_code == 200


def test_without_an_answer_only_this_computer_connects_and_init_says_so(
    run: Run, upstream: str, folder: Path
) -> None:
    code, output = quiet(run, upstream)
    assert code == 0, output
    assert "only this computer can connect: to serve others, add --clients" in output
    assert settings_in(folder).host == "127.0.0.1"


def test_options_say_the_same_without_questions(
    run: Run, upstream: str, folder: Path, authority: trustme.CA
) -> None:
    tls = ("--tls-certificate", "tls.pem", "--tls-key", "tls.key", "--port", "8443")
    code, output = quiet(run, upstream, "--clients", "network", "--first-key", "A", *tls)
    assert code == 0, output
    settings = settings_in(folder)
    assert (settings.host, settings.port, settings.public_url) == (
        *("0.0.0.0", 8443),
        f"https://{NAME}:8443",
    )
    assert settings.tls_certificate == Path("tls.pem")
    url = ("--public-url", "https://bi.example.com", "--trusted-proxies", "10.0.0.7")
    code, output = quiet(run, upstream, "--clients", "proxy", *url)
    assert code == 0, output
    settings = settings_in(folder)
    assert (settings.host, settings.trusted_proxies) == ("0.0.0.0", ("10.0.0.7",))
    assert (settings.public_url, settings.tls_certificate) == ("https://bi.example.com", None)
    code, output = quiet(run, upstream)
    assert code == 0, output
    assert settings_in(folder) == settings
    assert "only this computer" not in output
    code, output = quiet(run, upstream, "--clients", "this-computer")
    assert code == 0, output
    assert (settings_in(folder).host, settings_in(folder).public_url) == ("127.0.0.1", None)


def test_without_a_certificate_it_warns(run: Run, upstream: str) -> None:
    code, output = quiet(run, upstream, "--clients", "network", "--first-key", "A")
    assert code == 0, output
    assert "warning: without a certificate, others in the network can read keys" in output
    assert f"paste http://{NAME}:8000/odata/v4/" in output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--clients", "network"), "give --first-key NAME"),
        (("--clients", "proxy", "--first-key", "A"), "--clients proxy needs --public-url"),
        (("--public-url", "https://bi.example.com"), "callers would not have to sign in"),
        (("--clients", "proxy", "--public-url", "bi", "--first-key", "A"), "must be a URL"),
        (
            ("--clients", "network", "--first-key", "A", "--tls-certificate", "tls.pem"),
            "require each other",
        ),
    ],
)
def test_what_serve_would_refuse_is_not_written(
    run: Run, upstream: str, folder: Path, options: tuple[str, ...], said: str
) -> None:
    code, output = quiet(run, upstream, *options)
    assert code == 2, output
    assert said in " ".join(output.split())
    assert [path.name for path in folder.iterdir()] == ["token.txt"]


def test_a_file_elsewhere_names_its_files_from_its_own_folder(
    run: Run, upstream: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "etc").mkdir()
    code, output = quiet(run, upstream, "-o", "etc/gateway.toml", "--first-key", "A")
    assert code == 0, output
    written = (folder / "etc" / "gateway.toml").read_text("utf-8")
    assert 'contract = "contract.toml"' in written
    assert f'token_file = "{folder}/token.txt"' in written
    monkeypatch.chdir(folder / "etc")
    for config in ("gateway.toml", f"{folder}/etc/gateway.toml"):
        counted = run("query", "Results/$count", "--config", config)
        assert (counted.stdout, counted.stderr) == ("300\n", "")
        assert run("keys", "list", "--config", config).exit_code == 0
