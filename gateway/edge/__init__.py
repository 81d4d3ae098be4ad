"""The edge that feed and pages share: who asks, by which URL, and for which media type."""
