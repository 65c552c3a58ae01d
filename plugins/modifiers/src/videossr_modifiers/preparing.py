"""What the modifiers that alter clips have in common: for which tasks they do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from videossr import HookCall


class Preparing(BaseModel):
    """Settings of a modifier that wraps `prepare_clip`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: Annotated[
        tuple[str, ...] | None,
        Field(
            description="plugins of the tasks whose clips are altered, such as `jigsaw`; null for all"
        ),
    ] = None

    def concerns(self, call: HookCall) -> bool:
        """Whether the clips of the task that is called are altered."""
        return self.tasks is None or call.plugin in self.tasks
