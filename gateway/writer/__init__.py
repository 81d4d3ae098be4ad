"""From rows to bodies and links."""
