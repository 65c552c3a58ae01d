"""Strict reward: 1 for an answer that is exactly right, 0 for any other.

For example a temporal IoU of 0.98 becomes 0, and one of 1.0 stays. The ablation of VideoSSR (arXiv
2511.06281): with it the answers of most groups score alike, and the model falls back to about the
baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator


class StrictRewardConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Strict:
    """The wrappers of one run."""

    @hookimpl(wrapper=True)
    def reward(self) -> Generator[None, Any, Any]:
        """All or nothing."""
        score = yield
        # What is no score at all stays as it is, so that the task is blamed for it: a bug is no 0.
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            return score
        return float(score == 1)


class StrictReward:
    """The modifier `strict_reward`."""

    Config = StrictRewardConfig
    summary = "Reward 1 for an answer that is exactly right, else 0"
    version = "1"

    @hookimpl
    def make_modifier(self) -> Strict:
        """Wrappers for one run."""
        return Strict()


plugin = StrictReward()
