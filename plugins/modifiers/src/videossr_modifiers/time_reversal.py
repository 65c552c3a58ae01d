"""Time reversal: plays some clips backwards, so that nobody can tell their order by what they show.

For example a clip in which a door opens is played from its end, and what is asked about it is asked of a
door that closes. A small model that is to put the parts of a few dozen videos in order learns by heart
which picture comes first; if every clip runs either way, all that helps is to compare what moves.

Times stay, as frames do that are evenly spaced. Footage from elsewhere in the video runs backwards on its
own, without joining the clip, so this is for tasks that ask for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from videossr import Clip


class TimeReversalConfig(BaseModel):
    """How often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[
        float, Field(ge=0, le=1, description="share of the clips that are played backwards")
    ] = 0.5


class Reversing:
    """The wrapper of one run."""

    def __init__(self, config: TimeReversalConfig) -> None:
        self._config = config

    @hookimpl(wrapper=True)
    def prepare_clip(self, rng: random.Random) -> Generator[None, Any, Any]:
        """The clip, from its last frame to its first or as it is."""
        clip: Clip = yield
        backwards = rng.random() < self._config.share
        return clip.with_frames(clip.frames.flip(0)) if backwards else clip


class TimeReversal:
    """The modifier `time_reversal`."""

    Config = TimeReversalConfig
    summary = "Play a share of the clips backwards"
    version = "1"

    @hookimpl
    def make_modifier(self, config: TimeReversalConfig) -> Reversing:
        """Wrappers for one run."""
        return Reversing(config)


plugin = TimeReversal()
