"""The command line: `skillhabit-odata serve | demo | check | explain | keys`."""

from gateway.cli.main import main

__all__ = ["main"]
