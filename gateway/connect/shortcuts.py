"""Small files that open the service in a program: `.pbids` for Power BI, `.odc` for Excel.

They contain no credentials: the program prompts for them and stores them in its usual place.
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

from gateway.connect.power_query import read_flat, write_query
from gateway.edm.model import EntitySet

_COMMAND = "SELECT * FROM [{}]"
_ODC = """\
<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv=Content-Type content="text/x-ms-odc; charset=utf-8">
<meta name=ProgId content=ODC.Database>
<meta name=SourceType content=OLEDB>
<title>Query - {name}</title>
<xml id=docprops><o:DocumentProperties xmlns:o="urn:schemas-microsoft-com:office:office" \
xmlns="http://www.w3.org/TR/REC-html40"><o:Description>{about}</o:Description>\
<o:Name>Query - {name}</o:Name></o:DocumentProperties></xml>
<xml id=msodc><odc:OfficeDataConnection xmlns:odc="urn:schemas-microsoft-com:office:odc" \
xmlns="http://www.w3.org/TR/REC-html40"><odc:PowerQueryConnection odc:Type="OLEDB">\
<odc:ConnectionString>{connection}</odc:ConnectionString><odc:CommandType>SQL</odc:CommandType>\
<odc:CommandText>{command}</odc:CommandText></odc:PowerQueryConnection>\
<odc:PowerQueryMashupData>{mashup}</odc:PowerQueryMashupData></odc:OfficeDataConnection></xml>
</head>
</html>
"""
_MASHUP = """\
<Mashup xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns="http://schemas.microsoft.com/DataMashup"><Client>EXCEL</Client>\
<Version>2.140.405.0</Version><MinVersion>2.21.0.0</MinVersion><Culture>en-US</Culture>\
<SafeCombine>true</SafeCombine><Items><Query Name={name}><Formula>{formula}</Formula>\
<IsParameterQuery xsi:nil="true" /><IsDirectQuery xsi:nil="true" /></Query></Items></Mashup>"""


def write_pbids(root: str) -> str:
    """Return a data source for Power BI Desktop, which opens the Navigator with all tables."""
    details = {"protocol": "odata", "address": {"url": root}}
    return json.dumps({"version": "0.1", "connections": [{"details": details}]}, indent=2) + "\n"


def connection_string(query: str) -> str:
    """Return the connection string by which Excel addresses a query of its own workbook."""
    return (
        f"Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location={query};"
        'Extended Properties=""'
    )


def select_all(query: str) -> str:
    """Return the command by which Excel selects all rows of a query."""
    return _COMMAND.format(query)


def write_odc(root: str, entity_set: EntitySet) -> str:
    """Return a connection for Excel 2016 and newer; opening it creates a workbook with this table.

    The query is XML that the file contains as text (MS-ODCFF, PowerQueryMashupData).
    """
    formula = write_query(read_flat(root, entity_set))
    mashup = _MASHUP.format(name=quoteattr(entity_set.name), formula=escape(formula))
    return _ODC.format(
        name=escape(entity_set.name),
        about=escape(entity_set.label),
        command=escape(select_all(entity_set.name)),
        connection=escape(connection_string(entity_set.name), {'"': "&quot;"}),
        mashup=escape(mashup, {'"': "&quot;"}),
    )
