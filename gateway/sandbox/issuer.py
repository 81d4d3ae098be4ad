"""`python -m gateway.sandbox.issuer`: serve a substitute for Microsoft Entra ID, and print a token.

It has the endpoints that a service needs to check tokens: OpenID configurations and keys, versions
1.0 and 2.0. There is no sign-in; `Issuer.token` makes tokens with any claims.
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
_TOKEN_LIFETIME_SECONDS = 3_600


class Issuer(Starlette):
    """An issuer of one tenant; set `base_url` once the server has an address."""

    def __init__(self, tenant: str = TENANT) -> None:
        self.tenant = tenant
        self.base_url = ""
        self.requested_paths: list[str] = []
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
        """Replace the key that signs tokens, and publish only the new one."""
        self._keys = {
            token_hex(8): rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        }

    def token(self, *, version: int = 2, **claims: object) -> str:
        """Return an access token for a person in `GROUP`; claims that are None are left out."""
        now = int(time.time())
        claims_or_none: dict[str, object] = {
            "iss": self._issuer_url(version),
            "aud": AUDIENCE,
            "tid": self.tenant,
            "oid": "00000000-0000-4000-8000-000000000042",
            "scp": "user_impersonation",
            "groups": [GROUP],
            "iat": now,
            "nbf": now,
            "exp": now + _TOKEN_LIFETIME_SECONDS,
            **claims,
        }
        given = {name: value for name, value in claims_or_none.items() if value is not None}
        (name,) = self._keys
        return jwt.encode(given, self._keys[name], algorithm="RS256", headers={"kid": name})

    def public_keys(self) -> list[dict[str, Any]]:
        """Return the keys as JSON Web Keys."""
        return [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in self._keys.items()
        ]

    def _issuer_url(self, version: int) -> str:
        return f"{self.base_url}/{self.tenant}/{'v2.0' if version == 2 else ''}"

    async def _configuration(self, request: Request) -> Response:
        self.requested_paths.append(request.url.path)
        version = 2 if "/v2.0/" in request.url.path else 1
        keys_url = f"{self.base_url}/{self.tenant}/discovery/keys"
        return JSONResponse({"issuer": self._issuer_url(version), "jwks_uri": keys_url})

    async def _list_keys(self, request: Request) -> Response:
        self.requested_paths.append(request.url.path)
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
    add("--audience", default=AUDIENCE, help="the audience of the printed token")
    add("--group", nargs="*", default=[GROUP], help="the groups in the printed token")
    return parser.parse_args()


if __name__ == "__main__":
    main()
