"""The choice between page and JSON at one URL, and the check that a form came from our own page.

Excel, Power BI and Tableau must never get HTML where they expect a feed. Only clients that name
`text/html` and prefer it to JSON get a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.edge.media import parse_accept, quality_of
from gateway.errors import AccessDenied

_CLIENTS = (
    "microsoft.data",
    "mashup",
    "power",
    "excel",
    "msoffice",
    "ms-office",
    "tableau",
    "sfdc",
    "qlik",
    "sap",
    "spotfire",
    "odata",
)
"""Parts of the User-Agent of programs that read feeds. Some of them embed a browser."""
_ODATA_HEADERS = (
    "odata-version",
    "odata-maxversion",
    "dataserviceversion",
    "maxdataserviceversion",
)


def prefers_html(headers: Mapping[str, str]) -> bool:
    """Return True if the client is a browser that prefers HTML to JSON.

    >>> chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    >>> prefers_html({"accept": chrome, "user-agent": "Mozilla/5.0"})
    True
    >>> prefers_html({"accept": "*/*"}), prefers_html({"accept": "text/html, application/json"})
    (False, False)
    >>> prefers_html({"accept": chrome, "user-agent": "Microsoft.Data.Mashup"})
    False
    """
    agent = headers.get("user-agent", "").lower()
    if any(name in agent for name in _CLIENTS) or any(name in headers for name in _ODATA_HEADERS):
        return False
    ranges = parse_accept(headers.get("accept", ""))
    html = max((r.quality for r in ranges if r.type == "text/html"), default=0.0)
    return html > quality_of("application/json", ranges)


def is_browser(headers: Mapping[str, str]) -> bool:
    """Return True if the client prefers HTML, says that it is a browser, and does not name JSON.

    At the URL of a feed, a program that gets HTML fails: the rule is narrower than elsewhere.
    """
    named = {each.type for each in parse_accept(headers.get("accept", ""))}
    is_named = headers.get("user-agent", "").startswith("Mozilla/")
    return is_named and "application/json" not in named and prefers_html(headers)


def check_same_site(headers: Mapping[str, str], root: str) -> None:
    """Check that a page of this gateway sent the form; `root` is its verified public URL.

    A browser sends the user's key with a form of any site and names that site: in Sec-Fetch-Site
    if the connection is trusted, and always in Origin (Fetch, 3.1 and 3.2).

    Raises:
        AccessDenied: a page of another site sent the form, or no header names the site.
    """
    own = urlsplit(root)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "same-origin" or (site is None and origin == f"{own.scheme}://{own.netloc}"):
        return
    raise AccessDenied(
        "Origin: only pages of the gateway itself may send this form; open the gateway's own page"
        " and retry (behind a proxy, the operator sets --trusted-proxies or --public-url)"
    )
