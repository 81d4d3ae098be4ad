"""Sharing between callers: turns, the time of a request, and the limits of a key."""
