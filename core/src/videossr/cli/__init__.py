"""The command `videossr`: its own commands, and those that other packages bring."""

from videossr.cli.app import main

__all__ = ["main"]
