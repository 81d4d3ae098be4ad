"""The command line, `skillhabit-odata COMMAND`."""

from gateway.cli.main import main

__all__ = ["main"]
