"""What uvicorn's protocol does otherwise here: what it cannot read is refused as OData errors.

A URL over 64 KiB, an unencoded blank or letter in a URL, an unknown method: the application never
sees these. Only the text of uvicorn's own refusal is replaced; the connection ends as before.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.errors import GatewayError, InvalidSyntax, UriTooLong
from gateway.web.respond import react_to_error, to_response
from gateway.web.stalled import StalledProtocol

_LONGEST_PARSED = 65_535
_PARTING_SECONDS = 0.5


class ODataProtocol(StalledProtocol):
    """uvicorn's protocol over httptools with OData's errors, and no patience without end."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what was read so far, and hang up."""
        response = to_response(react_to_error(self._why(), "4.0"))
        headers = [*self.server_state.default_headers, *response.raw_headers]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        head = [STATUS_LINE[response.status_code], *lines, b"connection: close\r\n\r\n"]
        self.transport.write(b"".join([*head, bytes(response.body)]))
        self.transport.close()

    def shutdown(self) -> None:
        """Part from an idle client; over TLS many never answer, and none is waited for long."""
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_extra_info("ssl_object"):
            self.loop.call_later(_PARTING_SECONDS, self.transport.abort)

    def _why(self) -> GatewayError:
        if len(getattr(self, "url", None) or b"") > _LONGEST_PARSED:  # unset before a first line
            return UriTooLong("the URL is far too long; select or filter less at once")
        return InvalidSyntax(
            "this is no HTTP request: use GET, and percent-encode blanks and letters beyond ASCII"
            " in the URL, e.g. %20 for a blank"
        )
