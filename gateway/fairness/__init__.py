"""How callers share the gateway: turns, the time of a request, and the limits of a key."""
