"""What one file may cost a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: The first line of a process that is ready to look at files.
READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, and how much memory, a scan may take for one file.

    Attributes:
        seconds: without getting anywhere, be it a megabyte read or a frame decoded. An hour of video
            takes as long as it takes; a file at which the decoder hangs is given up.
        bytes: of memory, over what Python and FFmpeg's libraries need themselves.
    """

    seconds: float = 60.0
    bytes: int = 4 * 2**30

    def __post_init__(self) -> None:
        for name, value in (("seconds", self.seconds), ("bytes", self.bytes)):
            if not value > 0:
                raise ValueError(f"{name}: {value}; must be more than 0")
