"""Who gets a page and who gets JSON at one URL, and whether a form was sent from a page of ours.

Excel, Power BI and Tableau must never get HTML where they expect a feed, so a page is only for who
names `text/html` and wants it more than JSON.
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
"""Parts of the User-Agent of programs that read feeds; some of them embed a browser."""
_OF_ODATA = ("odata-version", "odata-maxversion", "dataserviceversion", "maxdataserviceversion")


def prefers_html(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks, for a person.

    >>> chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    >>> prefers_html({"accept": chrome, "user-agent": "Mozilla/5.0"})
    True
    >>> prefers_html({"accept": "*/*"}), prefers_html({"accept": "text/html, application/json"})
    (False, False)
    >>> prefers_html({"accept": chrome, "user-agent": "Microsoft.Data.Mashup"})
    False
    """
    agent = headers.get("user-agent", "").lower()
    if any(name in agent for name in _CLIENTS) or any(name in headers for name in _OF_ODATA):
        return False
    ranges = parse_accept(headers.get("accept", ""))
    wanted = max((r.quality for r in ranges if r.type == "text/html"), default=0.0)
    return wanted > quality_of("application/json", ranges)


def check_same_site(headers: Mapping[str, str], root: str) -> None:
    """Let a form pass that a page of this gateway has sent; `root` is its public URL, for certain.

    A browser sends the person's key along with the form of any site, and says which site it was:
    in Sec-Fetch-Site where the connection is trusted, in Origin always (Fetch, 3.1 and 3.2).

    Raises:
        AccessDenied: another site's page has sent it, or nothing tells whose it is.
    """
    ours = urlsplit(root)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "same-origin" or (site is None and origin == f"{ours.scheme}://{ours.netloc}"):
        return
    raise AccessDenied(
        "Origin: this is for pages of the gateway itself; open its own page, and retry (behind a"
        " proxy, its owner names that in --trusted-proxies, or sets --public-url)"
    )
