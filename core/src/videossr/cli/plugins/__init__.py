"""`videossr plugins`: what is installed, what it takes, and whether it keeps the rules."""

from videossr.cli.plugins.group import app

__all__ = ["app"]
