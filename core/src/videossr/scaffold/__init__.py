"""A complete package for a new plugin, which builds and passes its own checks as it is written."""

from videossr.scaffold.create import create

__all__ = ["create"]
