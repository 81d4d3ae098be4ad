"""Calls through a company's proxy, which opens TLS with an authority of its own.

The API's name is known to the proxy only, so that each call that arrives went through it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
import trustme

from gateway.auth.login_call import post_login
from gateway.auth.login_request import LoginRequest
from gateway.auth.signing_keys import fetch_json
from gateway.errors import ConfigurationProblem, UpstreamUnavailable
from gateway.outgoing.obstacles import obstacle
from gateway.outgoing.options import client_options
from tests.cli.conftest import COMMAND, Run
from tests.support.forward_proxy import ForwardProxy, running_proxy

API = "api.company.test"
COUNT = ("query", "Results/$count", "--upstream", f"https://{API}")


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "company.pem"))
    return made


@pytest.fixture
def token(token_file: Path) -> tuple[str, str]:
    token_file.chmod(0o600)
    return ("--token-file", str(token_file))


@contextmanager
def company(upstream: str, authority: trustme.CA, **more: Any) -> Iterator[ForwardProxy]:
    port = urlsplit(upstream).port
    assert port is not None
    places = dict.fromkeys((f"{API}:443", API, "127.0.0.1:80"), ("127.0.0.1", port))
    with running_proxy(ForwardProxy(places, authority=authority, **more)) as proxy:
        yield proxy


def variables(proxy: ForwardProxy, tmp_path: Path, **more: str) -> dict[str, str]:
    file = str(tmp_path / "company.pem")
    quick = {"SKILLHABIT_ODATA_RETRY_BUDGET": "0"}
    return {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": file, **quick, **more}


@pytest.mark.parametrize("password", ["", "anna:s3cret"])
def test_rows_come_through_the_proxy(
    run: Run, upstream: str, authority: trustme.CA, token: tuple[str, str], tmp_path: Path,
    password: str,
) -> None:  # fmt: skip
    with company(upstream, authority, password=password) as proxy:
        done = run(*COUNT, *token, environment=variables(proxy, tmp_path))
        assert done.stdout == "300\n", done.output
        assert {*proxy.tunnels} == {f"{API}:443"}


def test_plain_http_goes_through_http_proxy_and_loopback_does_not(
    run: Run, upstream: str, authority: trustme.CA, token: tuple[str, str]
) -> None:
    command = ("query", "Results/$count", *token, "--upstream")
    with company(upstream, authority) as proxy:
        done = run(*command, f"http://{API}", environment={"HTTP_PROXY": proxy.url})
        assert done.stdout == "300\n", done.output
        assert {*proxy.tunnels} == {API}
        proxy.tunnels.clear()
        done = run(*command, upstream, environment={"HTTP_PROXY": proxy.url})
        assert (done.stdout, proxy.tunnels) == ("300\n", [])


def test_no_proxy_names_hosts_to_call_directly(
    run: Run, upstream: str, authority: trustme.CA, token: tuple[str, str], tmp_path: Path
) -> None:
    with company(upstream, authority) as proxy:
        environment = variables(proxy, tmp_path, NO_PROXY="company.test")
        done = run(*COUNT, *token, environment=environment)
        assert "its name is not known" in done.stderr
        assert proxy.tunnels == []


TROUBLES: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "password": ({"password": "a:s3cret"}, {"HTTPS_PROXY": "http://127.0.0.1:{port}"},
                 "asks for a password, 407", "http://USER:PASSWORD@HOST:PORT"),
    "wrong password": ({"password": "a:s3cret"}, {"HTTPS_PROXY": "http://a:b@127.0.0.1:{port}"},
                       "asks for a password, 407", "http://USER:PASSWORD@HOST:PORT"),
    "refused": ({"refuses": True}, {}, "the proxy refuses the connection, 403",
                "have the API's host allowed at the proxy"),
    "no proxy there": ({}, {"HTTPS_PROXY": "http://127.0.0.1:1"}, "the proxy cannot be reached",
                       "check the address in HTTPS_PROXY"),
    "unknown authority": ({}, {"SSL_CERT_FILE": "{other}"},
                          "has an authority that is not known here", "SSL_CERT_FILE"),
}  # fmt: skip
"""Faults of the proxy and of the variables, with the text of the message and the remedy."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_is_named_with_its_remedy(
    run: Run, upstream: str, authority: trustme.CA, token: tuple[str, str], tmp_path: Path,
    trouble: str,
) -> None:  # fmt: skip
    """By a query, whose calls aiohttp carries, by doctor with httpx, and by a login."""
    of_proxy, of_variables, words, remedy = TROUBLES[trouble]
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with company(upstream, authority, **of_proxy) as proxy:
        given = {n: v.format(port=proxy.port, other=other) for n, v in of_variables.items()}
        environment = variables(proxy, tmp_path, **given)
        queried = run(*COUNT, *token, environment=environment)
        examined = run("doctor", *COUNT[2:], *token, "--port", "0", environment=environment)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            login = LoginRequest(f"https://{API}/login", "application/json", b"{}")
            with pytest.raises(UpstreamUnavailable) as raised:
                anyio.run(post_login, login)
            with pytest.raises(Exception) as of_keys:  # noqa: PT011 - httpx's, by trouble
                anyio.run(fetch_json, f"https://{API}/keys")
            found = obstacle(of_keys.value)
    assert (queried.exit_code, examined.exit_code) == (3, 1)
    for text in (queried.stderr, examined.stdout, raised.value.message):
        assert words in text, text
        assert remedy in text, text
    assert found is not None
    assert words in found.words
    assert remedy in found.remedy
    assert "s3cret" not in queried.output + examined.output


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_that_names_no_certificates_is_a_problem_of_the_configuration(
    run: Run, token: tuple[str, str], tmp_path: Path, name: str
) -> None:
    wrong = str(tmp_path / "nowhere")
    environment = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "", name: wrong}
    with pytest.MonkeyPatch.context() as patch:
        for each, value in environment.items():
            patch.setenv(each, value)
        with pytest.raises(ConfigurationProblem, match=f"{name}={wrong} cannot be used"):
            client_options()
    done = run(*COUNT, *token, environment=environment)
    assert done.exit_code == 2
    assert f"{name}={wrong} cannot be used" in " ".join(done.output.split())


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_without_a_variable_the_authorities_of_the_system_count(
    upstream: str, authority: trustme.CA, token: tuple[str, str], tmp_path: Path
) -> None:
    """The system's certificates are replaced by the company's, for one process only."""
    bundle = tmp_path / "certs"
    bundle.mkdir()
    shutil.copy(tmp_path / "company.pem", bundle / "ca-certificates.crt")
    with company(upstream, authority) as proxy:
        environment = variables(proxy, tmp_path)
        del environment["SSL_CERT_FILE"]
        assert _as_owner_of_certificates(bundle, (*COUNT, *token), environment) == "300\n"
        trustme.CA().cert_pem.write_to_path(str(bundle / "ca-certificates.crt"))
        assert "authority that is not known" in _as_owner_of_certificates(
            bundle, (*COUNT, *token), environment
        )


def _as_owner_of_certificates(
    bundle: Path, command: tuple[str, ...], environment: dict[str, str]
) -> str:
    typed = f'mount --bind {bundle} /etc/ssl/certs && exec {COMMAND} "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", typed, "sh", *command],
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this system allows no mounts to tests")
    return done.stdout or done.stderr
