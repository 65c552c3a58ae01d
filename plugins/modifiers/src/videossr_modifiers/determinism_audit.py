"""Determinism audit: calls a plugin twice with the same arguments and compares.

For example a perturbation that draws from `torch.rand` instead of its `rng` gives other pixels the
second time, and the run ends with an error that names it. A share of the calls can be audited, to
keep a long run quick; which ones does not depend on chance.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Annotated, Any, Final

import xxhash
from pydantic import BaseModel, ConfigDict, Field

from videossr import Unparsable, Unsuitable, hookimpl

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from videossr import HookCall

#: What a hook may raise as its result.
_OUTCOMES: Final = (Unsuitable, Unparsable)


class DeterminismAuditConfig(BaseModel):
    """How much is audited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[
        float, Field(gt=0, le=1, description="share of the calls that are made twice")
    ] = 1.0


class Audit:
    """The wrappers of one run, and how many calls they compared."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._audited = 0

    @hookimpl(wrapper=True)
    def make_sample(self, rng: random.Random, call: HookCall) -> Generator[None, Any, Any]:
        """The sample, if it comes out alike twice."""
        return (yield from self._compared(call, rng))

    @hookimpl(wrapper=True)
    def perturb(self, rng: random.Random, call: HookCall) -> Generator[None, Any, Any]:
        """The frames, if they come out alike twice."""
        return (yield from self._compared(call, rng))

    @hookimpl(wrapper=True)
    def reward(self, call: HookCall) -> Generator[None, Any, Any]:
        """The score, if it comes out alike twice."""
        return (yield from self._compared(call))

    @hookimpl(wrapper=True)
    def difficulty_schedule(self, call: HookCall) -> Generator[None, Any, Any]:
        """The difficulty, if it comes out alike twice."""
        return (yield from self._compared(call))

    def measurements(self) -> dict[str, float]:
        """How many calls were made twice."""
        return {"audited": self._audited}

    def _compared(
        self, call: HookCall, rng: random.Random | None = None
    ) -> Generator[None, Any, Any]:
        audited = self._chosen(call)
        twin = copy.copy(rng) if audited else None
        raised: Exception | None = None
        result = None
        try:
            result = yield
        except _OUTCOMES as outcome:
            raised = outcome
        if audited:
            self._audited += 1
            first = _in_words(raised or result)
            second = self._again(call, twin)
            if first != second:
                raise call.fault(
                    f"gave {first}, and {second} when called again with the same arguments; "
                    "must draw from rng alone and keep nothing between calls"
                )
        if raised:
            raise raised
        return result

    def _again(self, call: HookCall, twin: random.Random | None) -> str:
        try:
            return _in_words(call.again(**({} if twin is None else {"rng": twin})))
        except _OUTCOMES as outcome:
            return _in_words(outcome)

    def _chosen(self, call: HookCall) -> bool:
        called = f"{call.plugin}.{call.hook} {call.context}"
        return xxhash.xxh3_64(called.encode(errors="replace")).intdigest() < self._share * 2**64


class DeterminismAudit:
    """The modifier `determinism_audit`."""

    Config = DeterminismAuditConfig
    summary = "Call plugins twice and compare what comes out"
    version = "1"

    @hookimpl
    def make_modifier(self, config: DeterminismAuditConfig) -> Audit:
        """Wrappers for one run."""
        return Audit(config.share)


def _in_words(result: object) -> str:
    """What tells two results apart: samples and frames by their hashes, outcomes by their reasons."""
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    if hasattr(result, "digest"):
        return f"a sample of digest {result.digest()}"
    if hasattr(result, "numpy") and hasattr(result, "shape"):
        digest = xxhash.xxh3_128(result.contiguous().numpy().data).hexdigest()  # type: ignore[attr-defined]
        return f"frames {list(result.shape)} of digest {digest}"
    return repr(result)


plugin = DeterminismAudit()
