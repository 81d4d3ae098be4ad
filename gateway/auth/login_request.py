"""The request that exchanges the owner's credentials for a token, rendered from the settings.

Credentials come from variables and files. They are read for each request, so that a changed file
needs no restart, and appear in no message: errors name the variable, the file and the setting.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode

from gateway.config.login_converters import CREDENTIAL
from gateway.errors import UpstreamRejectedToken

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_MAX_FILE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A request with credentials; none of them is in its repr."""

    url: str
    content_type: str
    body: bytes = field(repr=False)
    authorization: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """A declared login; `body` is a JSON object with placeholders for credentials.

    `token` and `lifetime` are places in the response, None for the usual ones; a `lifetime` that is
    a number is a fixed one, in seconds.
    """

    url: str
    body: str = field(repr=False)
    format: Literal["json", "form"]
    token: str | None
    lifetime: str | None
    environment: Mapping[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        """Return the option and the URL, for messages."""
        return f"--login-url {self.url}"

    def request(self) -> LoginRequest:
        """Return the request with the current credentials.

        Raises:
            UpstreamRejectedToken: a variable or a file has none.
        """
        filled = _fill(json.loads(self.body), self.environment)
        if self.format == "form":
            return LoginRequest(self.url, _FORM, urlencode(_fields(filled)).encode())
        return LoginRequest(self.url, _JSON, json.dumps(filled, ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class OAuthLogin:
    """OAuth 2.0 client credentials (RFC 6749, 4.4); `secret_place` is a variable or a file.

    `in_header` sends ID and secret by Basic (2.3.1), which each server has to support.
    """

    url: str
    client_id: str
    secret_place: tuple[str | None, Path | None]
    in_header: bool
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    token: Literal["access_token"] = "access_token"  # noqa: S105 - a member's name
    lifetime: None = None

    @property
    def place(self) -> str:
        """Return the option and the URL, for messages."""
        return f"--oauth-token-url {self.url}"

    def request(self) -> LoginRequest:
        """Return the request with the current secret.

        Raises:
            UpstreamRejectedToken: the variable or the file has none.
        """
        variable, file = self.secret_place
        secret = _file_text(file) if file else _variable(variable or "", self.environment)
        pairs = [("grant_type", "client_credentials"), *self.parameters]
        if not self.in_header:
            pairs += [("client_id", self.client_id), ("client_secret", secret)]
            return LoginRequest(self.url, _FORM, urlencode(pairs).encode())
        named = f"{quote_plus(self.client_id)}:{quote_plus(secret)}".encode()
        basic = f"Basic {b64encode(named).decode()}"
        return LoginRequest(self.url, _FORM, urlencode(pairs).encode(), basic)


def _fill(tree: Any, environment: Mapping[str, str]) -> Any:
    """Return the tree with credentials in place of their placeholders."""
    match tree:
        case str():
            return CREDENTIAL.sub(lambda found: _credential(found[1], found[2], environment), tree)
        case dict():
            return {name: _fill(inner, environment) for name, inner in tree.items()}
        case list():
            return [_fill(inner, environment) for inner in tree]
        case _:
            return tree


def _credential(kind: str, name: str, environment: Mapping[str, str]) -> str:
    if kind == "file":
        return _file_text(Path(name).expanduser())
    return _variable(name, environment)


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise UpstreamRejectedToken(
            "the gateway cannot log in to the Analytics API: its owner must set the environment"
            f" variable {name}, which the settings of the login name, and restart it"
        )
    return value


def _file_text(path: Path) -> str:
    """Return the text of a file without the line break at its end."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).decode().rstrip("\r\n")
        reason = "it is empty"
    except OSError as error:
        text, reason = "", error.strerror or type(error).__name__
    except UnicodeDecodeError:
        text, reason = "", "it is not UTF-8"
    if not text:
        raise UpstreamRejectedToken(
            "the gateway cannot log in to the Analytics API: its owner must correct the file"
            f" {path}, which the settings of the login name ({reason})"
        )
    return text


def _fields(tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a form; values other than texts are written as JSON."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in tree.items()
    ]
