"""Credentials of the gateway's own clients."""
