"""The header block of each client, line by line as captures and vendors' documents show it."""

from __future__ import annotations

from base64 import b64encode

Block = tuple[tuple[str, str], ...]

POWER_QUERY: Block = (
    ("User-Agent", "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)"),
    ("MaxDataServiceVersion", "3.0"),
    ("OData-MaxVersion", "4.0"),
    (
        "Accept",
        "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;"
        "q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,"
        "text/plain;q=0.7",
    ),
    ("Accept-Encoding", "gzip, deflate"),
    ("Connection", "Keep-Alive"),
)
"""Power BI and Excel 365: one engine, one block."""

POWER_QUERY_PINNED: Block = (
    POWER_QUERY[0],
    ("OData-MaxVersion", "4.0"),
    ("Accept", "application/json;odata.metadata=minimal"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Connection", "Keep-Alive"),
)
"""With `ODataVersion=4` in the M code."""

POWER_PIVOT: Block = (
    ("User-Agent", "Microsoft.Data.DataFeedClient/2.0 (PowerPivotExcel15)"),
    ("Accept", "application/atom+xml,application/atomsvc+xml"),
    ("DataServiceVersion", "2.0"),
    ("MaxDataServiceVersion", "2.0"),
)
"""Excel 2010 to 2016, Power Pivot's own feed reader."""

TABLEAU: Block = (
    ("User-Agent", "Tableau Desktop 2024.2"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip, deflate"),
)

SALESFORCE: Block = (
    ("User-Agent", "SFDC-Callout/61.0"),
    ("OData-Version", "4.0"),
    ("OData-MaxVersion", "4.0"),
    ("Accept", "application/json"),
)

SAP_ANALYTICS_CLOUD: Block = (
    ("Accept", "application/json"),
    ("OData-MaxVersion", "4.0"),
    ("Accept-Encoding", "gzip"),
)

QLIK: Block = (("Accept", "application/json"),)
"""No capture is known of this and the next four: JSON of version 4 is what their manuals name."""

ORACLE_ANALYTICS: Block = (
    ("Accept", "application/json;odata.metadata=minimal"),
    ("OData-MaxVersion", "4.0"),
)

SPOTFIRE: Block = (
    ("Accept", "application/json;odata.metadata=minimal,application/xml;q=0.5"),
    ("OData-MaxVersion", "4.0"),
    ("Accept-Encoding", "gzip, deflate"),
)

CDATA: Block = (
    ("Accept", "application/json"),
    ("OData-MaxVersion", "4.0"),
    ("Prefer", "odata.maxpagesize=10000"),
)
"""CData's drivers, on which TIBCO TDV and MicroStrategy stand."""

DATAVERSE: Block = (
    ("Accept", "application/json"),
    ("OData-Version", "4.0"),
    ("OData-MaxVersion", "4.0"),
)

DATA_FACTORY: Block = (
    ("User-Agent", "Microsoft.OData.Client/7.12"),
    ("OData-Version", "4.0"),
    ("OData-MaxVersion", "4.0"),
    ("Accept", "application/json;odata.metadata=minimal"),
)
"""Azure Data Factory, Synapse and Fabric copy."""

SSIS = DATA_FACTORY
"""Sends the same, by the same library."""

OPEN_UI5: Block = (
    ("Accept", "application/json;odata.metadata=minimal;IEEE754Compatible=true"),
    ("OData-Version", "4.0"),
    ("OData-MaxVersion", "4.0"),
    ("Content-Type", "application/json;charset=UTF-8;IEEE754Compatible=true"),
    ("X-CSRF-Token", "Fetch"),
)

ANGULAR: Block = (("Accept", "application/json, text/plain, */*"),)
"""axios and Angular's HttpClient, on which thin libraries stand."""

SCRIPT: Block = ()
"""curl -H 'Accept:' and most scripts: nothing at all."""


def basic(password: str, user: str = "anyone") -> tuple[str, str]:
    """The Authorization line of Basic credentials."""
    return "Authorization", f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
