"""The section `ablation`: what a preset changes, and what it is compared with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class AblationSection(BaseModel):
    """What `videossr ablate` reads; nothing else does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: Annotated[str, Field(description="what is changed, in a few words")] = ""
    against: Annotated[
        str | None,
        Field(description="the ablation that this one is compared with; null for none"),
    ] = None
    start: Annotated[
        str | None,
        Field(
            description="a preset or a file, seen from this one's folder: the configuration whose warm "
            "start the runs begin with, on questions of its own; null for a warm start on those of the run"
        ),
    ] = None
    questions: Annotated[
        PositiveInt, Field(description="held-out questions of the exam before and after")
    ] = 480
    exam_without: Annotated[
        tuple[str, ...],
        Field(description="modifiers of the scale that are for training alone, such as `augment`"),
    ] = ()
