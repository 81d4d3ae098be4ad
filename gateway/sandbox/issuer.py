"""`python -m gateway.sandbox.issuer`: a stand-in for Microsoft Entra ID, and a token of it.

It has what a service that checks tokens needs of the real one: OpenID configurations and keys of
versions 1.0 and 2.0. Nobody signs in here; tokens are made on demand, with whatever claims.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from secrets import token_hex
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.serving import SandboxServer, serve_config

TENANT = "3df2eaf6-33d0-4a10-8ce8-7e596000ebe7"
GROUP = "6d3f2a10-5b1c-4e0e-9a53-0c2f6a1de111"
AUDIENCE = "https://bi.example.com"
_HOUR = 3_600


class Issuer(Starlette):
    """An issuer of one tenant; `base_url` is to be set when it is known where it is served."""

    def __init__(self, tenant: str = TENANT) -> None:
        self.tenant = tenant
        self.base_url = ""
        self.asked: list[str] = []
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()
        super().__init__(
            routes=[
                Route(f"/{tenant}/.well-known/openid-configuration", self._configuration),
                Route(f"/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
                Route(f"/{tenant}/discovery/keys", self._list_keys),
            ]
        )

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish no other."""
        self._keys = {
            token_hex(8): rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        }

    def token(self, *, version: int = 2, **claims: object) -> str:
        """An access token of somebody in `GROUP`; claims that are None are left out."""
        now = int(time.time())
        whole: dict[str, object] = {
            "iss": self._name(version),
            "aud": AUDIENCE,
            "tid": self.tenant,
            "oid": "00000000-0000-4000-8000-000000000042",
            "scp": "user_impersonation",
            "groups": [GROUP],
            "iat": now,
            "nbf": now,
            "exp": now + _HOUR,
            **claims,
        }
        given = {name: value for name, value in whole.items() if value is not None}
        (name,) = self._keys
        return jwt.encode(given, self._keys[name], algorithm="RS256", headers={"kid": name})

    def public_keys(self) -> list[dict[str, Any]]:
        """The keys as JSON Web Keys."""
        return [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in self._keys.items()
        ]

    def _name(self, version: int) -> str:
        return f"{self.base_url}/{self.tenant}/{'v2.0' if version == 2 else ''}"

    async def _configuration(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        version = 2 if "/v2.0/" in request.url.path else 1
        place = f"{self.base_url}/{self.tenant}/discovery/keys"
        return JSONResponse({"issuer": self._name(version), "jwks_uri": place})

    async def _list_keys(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse({"keys": self.public_keys()})


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    issuer = Issuer(options.tenant)
    server = SandboxServer(serve_config(issuer, "127.0.0.1", options.port))
    issuer.base_url = server.base_url
    token = issuer.token(aud=options.audience, groups=options.group)
    sys.stdout.write(f"{server.base_url}\n{token}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.serve_here()


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m gateway.sandbox.issuer", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=9100, help="0 takes any free port")
    add("--tenant", default=TENANT, help="the directory (tenant) ID")
    add("--audience", default=AUDIENCE, help="for whom the printed token is")
    add("--group", nargs="*", default=[GROUP], help="the groups of the person of the printed token")
    return parser.parse_args()


if __name__ == "__main__":
    main()
