"""The Power BI project: a zip with a model and a report as text files.

Power BI Desktop opens its `.pbip` file and prompts for credentials; the project contains none.
"""

from __future__ import annotations

import json
from typing import Any

from gateway.connect.analysis import AnalysisFile
from gateway.connect.archive import pack
from gateway.connect.report import report_files
from gateway.connect.semantic_model import model_files
from gateway.connect.star import Star
from gateway.connect.tmdl import tag

_NAME = "Skillhabit"
_MODEL, _REPORT = f"{_NAME}.SemanticModel", f"{_NAME}.Report"
_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"


def write_project(root: str, star: Star, analysis: AnalysisFile) -> bytes:
    """Return the zip; the same URL and tables give the same bytes."""
    return pack(project_files(root, star, analysis))


def project_files(root: str, star: Star, analysis: AnalysisFile) -> dict[str, str]:
    """Return all files by path, as texts."""
    model = model_files(root, star, analysis)
    report = report_files(star, analysis)
    return {
        f"{_NAME}.pbip": _json(_shortcut()),
        f"{_MODEL}/.platform": _json(_platform("SemanticModel")),
        f"{_MODEL}/definition.pbism": _json(_model_properties()),
        **{f"{_MODEL}/definition/{path}": text for path, text in model.items()},
        f"{_REPORT}/.platform": _json(_platform("Report")),
        f"{_REPORT}/definition.pbir": _json(_report_properties()),
        **{f"{_REPORT}/definition/{path}": _json(value) for path, value in report.items()},
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _shortcut() -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
        "version": "1.0",
        "artifacts": [{"report": {"path": _REPORT}}],
        "settings": {"enableAutoRecovery": True},
    }


def _platform(kind: str) -> dict[str, Any]:
    """Return the identity of the folder for Fabric and its Git integration."""
    return {
        "$schema": f"{_SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": _NAME},
        "config": {"version": "2.0", "logicalId": tag("item", kind)},
    }


def _model_properties() -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
        "version": "4.2",
        "settings": {},
    }


def _report_properties() -> dict[str, Any]:
    return {
        "$schema": f"{_SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
        "version": "4.0",
        "datasetReference": {"byPath": {"path": f"../{_MODEL}"}},
    }
