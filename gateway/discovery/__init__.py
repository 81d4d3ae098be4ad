"""What the Analytics API really does, found by asking it."""
