"""A key in the URL, as Power BI's sign-in "Web API" sends it: removed before anything else.

Code that parses, explains, stores, logs or refuses a query never sees the key. Links in the
response contain it again (`gateway.writer.links`).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway.errors import ConfigurationProblem, GatewayError
from gateway.query.request import parse_request


class KeyOption:
    """The query option `name`, in any case and any percent-encoding."""

    def __init__(self, name: str) -> None:
        self.name = name
        letters = "".join(_either_case(letter) for letter in name)
        self._pattern = re.compile(
            f"(?:^|(?<=&)){letters}(?:=([^&]*))?(?=&|$)".encode(), re.IGNORECASE
        )

    def split(self, query: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Return the query without keys, and the keys.

        >>> KeyOption("apikey").split(b"$top=5&APIk%65y=a%2Bb&$skip=1")
        (b'$top=5&&$skip=1', ('a+b',))
        """
        found = self._pattern.findall(query)
        if not found:
            return query, ()
        keys = (unquote_to_bytes(value.replace(b"+", b" ")) for value in found)
        rest = self._pattern.sub(b"", query).strip(b"&")
        return rest, tuple(key.decode("utf-8", "replace") for key in keys)


def build_key_option(name: str) -> KeyOption:
    """Return the option if its name means nothing to OData.

    Raises:
        ConfigurationProblem: the name is an option of OData, or too similar to one.
    """
    try:
        options = parse_request(b"", f"{name}=x".encode()).options
        if options.custom != ((name, "x"),):
            raise ConfigurationProblem(
                f"api_key_name {name!r} is an option of OData; choose another"
            )
    except GatewayError as error:
        raise ConfigurationProblem(f"api_key_name {name!r}: {error.message}") from error
    return KeyOption(name)


def _either_case(letter: str) -> str:
    codes = {f"%{ord(case):02x}" for case in (letter.lower(), letter.upper())}
    return f"(?:{'|'.join((re.escape(letter), *sorted(codes)))})"
