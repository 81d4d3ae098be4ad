"""Measures of the Power BI files beside the figures of the pages: which count the same."""

from __future__ import annotations

SAME = {"Overdue": "overdue", "Active learners": "active30"}
"""Measures, and the figure that counts the same results or people."""
APART = {
    "Mandatory approved": (
        "compliance",
        "counts approved results whose validity has ended, and no certificate that is still valid",
    ),
    "Approved": ("completion", "the same, and results without an enrollment"),
    "In progress": ("inProgress", "counts results without an enrollment"),
    "Not started": ("notStarted", "counts results without an enrollment"),
    "Failed": ("failed", "counts results without an enrollment"),
    "Completions": ("completed", "counts results in any state, and without an enrollment"),
    "Certificates issued": ("certificates", "counts from the beginning"),
    "Expiring in 30 days": (
        "expiring30",
        "counts results without an enrollment, and only approved ones",
    ),
    "Expiring in 60 days": ("expiring60", "the same"),
    "Expiring in 90 days": ("expiring90", "the same"),
}
"""Measures, the figure that is nearest, and how the measure differs."""
