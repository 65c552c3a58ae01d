"""Looking at every video that there is, and keeping what was seen in a table."""

from __future__ import annotations

from videossr.scan.limits import Limits
from videossr.scan.scanning import scan, scan_to_table
from videossr.scan.search import SUFFIXES

__all__ = ["SUFFIXES", "Limits", "scan", "scan_to_table"]
