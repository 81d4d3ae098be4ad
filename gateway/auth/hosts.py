"""The host names by which the gateway can be reached while it requires no key.

A malicious web page can point a name of its own at 127.0.0.1 (DNS rebinding). The operator's
browser then takes gateway and page for one site, and the page can read every row. The browser sends
the page's name in Host, which a page cannot change, unlike X-Forwarded-Host. So Host itself must be
a loopback name or the public URL's host, even if the peer is trusted.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from gateway.errors import InvalidValue

_PORT = re.compile(r":\d*$")
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HostGate:
    """The check of Host while no key is required; `public` is the public URL's host, lower case."""

    public: str | None = None

    def check(self, host: str) -> None:
        """Refuse other hosts than loopback names and the public one.

        Raises:
            InvalidValue: the host is neither.
        """
        name = _PORT.sub("", host.strip()).lower()
        if name == self.public or is_loopback(name.strip("[]")):
            return
        raise InvalidValue(
            f"Host: {host!r} is not a name of this computer, and without an access key the gateway"
            " accepts no other: use localhost, or ask the gateway's owner to set --public-url URL"
            " or an access key (--access-key-file FILE)",
            target="Host",
        )


def is_loopback(host: str) -> bool:
    """Return True if the host can only be this computer.

    >>> [is_loopback(host) for host in ("localhost", "127.1.2.3", "::1", "10.0.0.7", "a.example")]
    [True, True, True, False, False]
    """
    if host in _LOOPBACK_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
