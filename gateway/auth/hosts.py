"""By which host names the gateway may be asked while it asks for no key.

A web page of a stranger can point a name of its own at 127.0.0.1 (DNS rebinding): for the
operator's browser gateway and page are one site then, and the page reads every row. The browser
tells the page's name in Host, which a page cannot change, unlike X-Forwarded-Host. So Host itself
must be a loopback name or the public URL's, however much the peer is trusted.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from gateway.errors import InvalidValue

_PORT = re.compile(r":\d*$")
_USUAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HostGate:
    """Checks Host while no key is asked for; `public` is the public URL's host, in lower case."""

    public: str | None = None

    def check(self, host: str) -> None:
        """Let the request pass.

        Raises:
            InvalidValue: the host is neither a loopback name nor the public one.
        """
        name = _PORT.sub("", host.strip()).lower()
        if name == self.public or is_loopback(name.strip("[]")):
            return
        raise InvalidValue(
            f"Host: {host!r} is no name of this computer, and without an access key the gateway"
            " answers to no other: ask it as localhost, or let its owner tell the name with"
            " --public-url URL, or give it a key with --access-key-file FILE",
            target="Host",
        )


def is_loopback(host: str) -> bool:
    """Whether only this computer can be meant.

    >>> [is_loopback(host) for host in ("localhost", "127.1.2.3", "::1", "10.0.0.7", "a.example")]
    [True, True, True, False, False]
    """
    if host in _USUAL:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
