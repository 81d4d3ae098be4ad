"""A key in the URL, as Power BI's kind "Web API" sends it: found, and taken out before all else.

What parses, explains, keeps, logs or refuses a query never sees the key; the links of the answer
get it back (`gateway.writer.links`).
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway.errors import ConfigurationProblem, GatewayError
from gateway.query.request import parse_request


class KeyOption:
    """The query option `name`, in whatever case and percent-encoding it comes."""

    def __init__(self, name: str) -> None:
        self.name = name
        letters = "".join(_either_way(letter) for letter in name)
        self._pattern = re.compile(
            f"(?:^|(?<=&)){letters}(?:=([^&]*))?(?=&|$)".encode(), re.IGNORECASE
        )

    def split(self, query: bytes) -> tuple[bytes, tuple[str, ...]]:
        """The query without keys, and the keys.

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
    """The option, if OData has no use for its name.

    Raises:
        ConfigurationProblem: it has, or the name is too like one of OData's own.
    """
    try:
        options = parse_request(b"", f"{name}=x".encode()).options
        if options.custom != ((name, "x"),):
            raise ConfigurationProblem(f"api_key_name {name!r} is an option of OData's own")
    except GatewayError as error:
        raise ConfigurationProblem(f"api_key_name {name!r}: {error.message}") from error
    return KeyOption(name)


def _either_way(letter: str) -> str:
    codes = {f"%{ord(case):02x}" for case in (letter.lower(), letter.upper())}
    return f"(?:{'|'.join((re.escape(letter), *sorted(codes)))})"
