"""Where work is done that falls into pieces: in threads here, or by Ray on many machines.

Whoever has the work says what is done to a piece, and takes the results as they come. Nothing may depend on
the order in which that is, so every engine gives the same bytes.
"""

from __future__ import annotations

from videossr.engine.local import Local
from videossr.engine.protocol import Each, Engine, Work

__all__ = ["Each", "Engine", "Local", "Work"]
