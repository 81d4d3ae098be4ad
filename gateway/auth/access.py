"""Who may ask: everyone, or whoever knows the gateway's access key.

Excel, Power BI and Tableau send the key as the password of Basic credentials, with any user name.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from dataclasses import dataclass, field

from gateway.auth.hosts import HostGate
from gateway.auth.principal import Asked, Principal
from gateway.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class AccessGate:
    """Checks credentials; `key` None lets everyone in who asks by a name that `hosts` knows.

    `hosts` None knows every name. The key never shows in a repr.
    """

    key: bytes | None = field(repr=False)
    hosts: HostGate | None = None

    async def admit(self, asked: Asked) -> Principal:
        """Everybody who may ask sees all.

        Raises:
            InvalidValue: 400, see `HostGate`.
            Unauthorized: 401 with the Basic challenge, which Tableau and Power BI wait for.
        """
        if self.hosts is not None:
            self.hosts.check(asked.headers.get("host", ""))
        if self.key is None:
            return Principal()
        authorization = asked.headers.get("authorization", "")
        password = _password(authorization)
        if password is None or not hmac.compare_digest(password, self.key):
            raise Unauthorized(
                "the gateway's access key is needed: choose Basic (Excel, Power BI) or user name"
                " and password (Tableau), write any user name, and the key as password"
            )
        return Principal(id="access-key")


def _password(authorization: str) -> bytes | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:  # not base64, or not even ASCII
        return None
