"""Response bodies, links and tokens."""
