"""The command line: `skillhabit-odata serve | demo | check | explain`."""

from gateway.cli.main import main

__all__ = ["main"]
