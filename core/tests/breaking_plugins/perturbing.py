"""Perturbations that break a rule."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from breaking_plugins.parts import Consecutive
from videossr import Unsuitable, hookimpl
from videossr.testing.toys import Fading, FadingConfig

if TYPE_CHECKING:
    from torch import Tensor

    from videossr import Clip


class NumpyPainter(Fading):
    """Writes to the frames where torch does not see it."""

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        clip.frames.numpy()[0, 0, 0, 0] ^= 255
        return super().perturb(clip, config, rng)


class InPlacePainter(Fading):
    """Writes to the frames so that torch sees it, and every call is refused."""

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        clip.frames[0] = 0
        return super().perturb(clip, config, rng)


class Cropping(Fading):
    """Leaves out a row where there is an odd one."""

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        return super().perturb(clip, config, rng)[:, :, : clip.height // 2 * 2]


class Floating(Fading):
    """Returns another type, always."""

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        return super().perturb(clip, config, rng).float()


class Restless(Fading):
    """Fades more when it is asked twice in a row."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        again = self._calls.again(rng.getstate())
        return super().perturb(clip, config, rng) // (2 if again else 1)


class Salted(Fading):
    """Uses a hash that every process salts for itself."""

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        frames = super().perturb(clip, config, rng)
        salt = (hash("fade") % 2**64).to_bytes(8, "little")
        frames[0, 0, 0, :8] = frames.new_tensor(list(salt))
        return frames


class Constant(Fading):
    """Takes dice and does not throw them."""

    @hookimpl
    def perturb(
        self,
        clip: Clip,
        config: FadingConfig,
        rng: random.Random,  # noqa: ARG002 - that is what is wrong
    ) -> Tensor:
        return super().perturb(clip, config, random.Random(1))


class Faint(Fading):
    """Changes every level by one."""

    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:  # type: ignore[override] # takes what it needs
        return clip.frames ^ 1


class Seer(Fading):
    """Sees what is not there."""

    @hookimpl
    def visible(self) -> bool:
        return True


class Blind(Fading):
    """Sees nothing."""

    @hookimpl
    def visible(self) -> bool:
        return False


class Returning(Fading):
    """Says that twice is as before."""

    involution = True


class Turning(Fading):
    """Does not say that twice is as before."""

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:  # type: ignore[override] # takes what it needs
        return clip.frames.flip(3)


class Sentence(Fading):
    """Says what changes in a sentence of its own."""

    phrase = "The picture is darkened."


class Refusing(Fading):
    """Finds no clip good enough."""

    @hookimpl
    def perturb(self) -> Tensor:  # type: ignore[override] # takes what it needs
        raise Unsuitable("not nice")


class Frozen(Fading):
    """Shows the first frame for all, which is a view of it."""

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:  # type: ignore[override] # takes what it needs
        return clip.frames[:1].expand_as(clip.frames)


class Thrifty(Fading):
    """Uses its memory again."""

    involution = True

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], Tensor] = {}

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:  # type: ignore[override] # takes what it needs
        kept = self._kept.setdefault(tuple(clip.frames.shape), clip.frames.clone())
        return kept.copy_(255 - clip.frames)
