"""The figures that L&D people report: one definition for pages, links and documentation."""
