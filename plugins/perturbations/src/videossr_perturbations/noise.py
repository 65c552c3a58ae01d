"""Noise: to every value something drawn from a Gaussian is added, as in a film at night.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there with a standard deviation of 35 to 70
grey levels. Every frame has noise of its own; how strong it is is drawn once.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from videossr import hookimpl
from videossr.change import mean_change
from videossr.draw import uniform
from videossr_perturbations.bounds import Bounds

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip

#: Steps of the Gaussian: noise takes this many values, each as likely.
_STEPS: Final = 4096

#: Grey levels of 255 by which pixels have to change on average. On real clips noise of a standard
#: deviation of 3 was not seen, and of 5, which is a mean of 4, it was where the picture is even.
_VISIBLE: Final = 4.0


class NoiseConfig(Bounds):
    """How strong."""

    least: Annotated[
        float, Field(gt=0, le=255, description="smallest standard deviation, in grey levels")
    ] = 35.0
    greatest: Annotated[
        float, Field(gt=0, le=255, description="largest standard deviation, at least `least`")
    ] = 70.0


class Noise:
    """The perturbation `noise`."""

    Config = NoiseConfig
    summary = "Add Gaussian noise"
    version = "1"
    hook_api = 2
    phrase = "shown with noise"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: NoiseConfig, rng: random.Random) -> Tensor:
        """The frames with noise added and values cut off at 0 and 255; uint8 [t, 3, H, W]."""
        import numpy as np  # noqa: PLC0415 - no part of a light import
        import torch  # noqa: PLC0415

        sigma = uniform(rng, config.least, config.greatest)
        # By a table and raw bits, which come out alike on every processor; torch.randn does not.
        quantiles = [NormalDist(0, sigma).inv_cdf((i + 0.5) / _STEPS) for i in range(_STEPS)]
        table = np.array([round(value) for value in quantiles], dtype=np.int16)
        count = clip.frames.numel()
        bits = np.random.PCG64(int(rng.random() * 2**53)).random_raw(-(-count // 4))
        # the remainder by a power of two, several times quicker than `%`
        drawn = table[bits.view(np.uint16)[:count] & np.uint16(_STEPS - 1)]
        noisy = torch.empty_like(clip.frames)
        # Frame by frame, which stay in the processor's cache.
        added = torch.from_numpy(drawn).view(clip.frames.shape)
        for frame, plain, more in zip(noisy, clip.frames, added, strict=True):
            frame.copy_((more + plain).clamp_(0, 255))
        return noisy

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether it is stronger than a camera's own."""
        return mean_change(before.frames, after) >= _VISIBLE


plugin = Noise()
