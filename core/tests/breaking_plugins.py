"""Plugins that each break one rule, and keep all others, to test the conformance kit with.

They are found behind entry points, in other processes too, so nothing here is made on the spot; and
importing this module must stay light, since that is a rule.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import whole
from videossr.marks import Mark
from videossr.ramp import Ramp
from videossr.sample import Sample, question_prompt
from videossr.testing.toys import Fading, FadingConfig, Flash, FlashConfig

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

    from videossr import Clip


class Settings(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Consecutive:
    """Tells whether something comes twice in a row, as a cache that is never emptied does."""

    def __init__(self) -> None:
        self._last: object = None

    def again(self, what: object) -> bool:
        repeated, self._last = what == self._last, what
        return repeated


# Any plugin: of perturbations, which are the quickest to check


class NeedyConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong")]


class Needy(Fading):
    """Has a required setting and gives no example."""

    Config = NeedyConfig


class Wordy(Fading):
    summary = "Darken\nthe picture"


class ForgetfulConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong", exclude=True)] = 1


class Forgetful(Fading):
    """One setting is not written out."""

    Config = ForgetfulConfig
    example: Final = {"strength": 3}


class CarelessConfig(FadingConfig):
    model_config = ConfigDict(extra="ignore")


class Careless(Fading):
    Config = CarelessConfig


class Inner(BaseModel):
    strength: Annotated[int, Field(ge=1, le=9, description="how strong")] = 1


class NestedConfig(FadingConfig):
    inner: Annotated[tuple[Inner, ...], Field(description="more")] = ()


class CarelessInside(Fading):
    Config = NestedConfig


class TerseConfig(FadingConfig):
    strength: Annotated[int, Field(ge=1, le=9)] = 1


class Terse(Fading):
    """One setting has no description."""

    Config = TerseConfig


class BoundlessConfig(FadingConfig):
    seconds: Annotated[float, Field(gt=0, description="how long")] = 1.0


class Boundless(Fading):
    """One number is bounded on one side alone."""

    Config = BoundlessConfig


class SteepConfig(FlashConfig):
    frames: Annotated[Ramp, Field(description="frames that are lit")] = Ramp.between(8, 2)


class Steep(Flash):
    """A ramp has no bounds."""

    Config = SteepConfig


# Tasks, by how they make samples


class NumpyWriter(Flash):
    """Writes to the frames where torch does not see it."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.frames.numpy()[0, 0, 0, 0] ^= 255
        return super().make_sample(clip, config, difficulty, rng)


class NumpyTimesWriter(Flash):
    """Writes to the times where torch does not see it."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.times.numpy()[0] -= 1
        return super().make_sample(clip, config, difficulty, rng)


class InPlaceWriter(Flash):
    """Writes to the frames so that torch sees it, and every call is refused."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.frames[0] = 0
        return super().make_sample(clip, config, difficulty, rng)


class NeverHard(Flash):
    """Refuses every clip at the hard level."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if difficulty == 1:
            raise Unsuitable("too hard")
        return super().make_sample(clip, config, difficulty, rng)


class Choosy(Flash):
    """Refuses every clip."""

    @hookimpl
    def make_sample(self) -> Sample:
        raise Unsuitable("not nice enough")


class Raising(Flash):
    """Never gets anywhere."""

    @hookimpl
    def make_sample(self) -> Sample:
        raise ZeroDivisionError("of frames")


class Remembering(Flash):
    """Words the question differently when it is asked for twice in a row."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        again = self._calls.again((rng.getstate(), difficulty))
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, target={"again": True}) if again else sample


class Hashing(Flash):
    """Uses a hash that every process salts for itself."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, target={"hash": hash("flash")})


class FixedWhenEasy(Flash):
    """At the easy level, every seed makes the same sample of a clip."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        dice = rng if difficulty else random.Random(1)
        return super().make_sample(clip, config, difficulty, dice)


class Invisible(Flash):
    """Shows the clip as it is."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, clips=(clip,))


class FrameCounter(Flash):
    """Reckons times from frame numbers."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        times = [f"{time:.2f}" for time in clip.times.tolist()]
        return replace(sample, answer=f"{times.index(sample.answer) * 0.25:.2f}")


class Astray(Flash):
    """Marks a frame more than there are."""

    def marks(self, sample: Sample) -> Sequence[Mark]:
        return [Mark(0, 0, len(sample.clips[0]) + 1, "negative")]


class Unmoved(Flash):
    """Takes the difficulty and does nothing about it."""

    @hookimpl
    def make_sample(
        self,
        clip: Clip,
        config: FlashConfig,
        difficulty: float,  # noqa: ARG002 - that is what is wrong
        rng: random.Random,
    ) -> Sample:
        return super().make_sample(clip, config, 0.5, rng)


class Undifficult(Flash):
    """Has a setting that follows the difficulty, and does not take it."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, config: FlashConfig, rng: random.Random
    ) -> Sample:
        return super().make_sample(clip, config, 0.5, rng)


class Narrowing(Flash):
    """The harder, the fewer places: easier to guess."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        start = whole(rng, 0, round(1 + 30 * (1 - difficulty)))
        frames = clip.frames.clone()
        length = config.frames.whole_at(difficulty)
        frames[start : start + length] = 255 - frames[start : start + length]
        prompt = question_prompt(None, "When does the picture turn negative? As in 12.50.")
        return Sample(prompt, (clip.with_frames(frames),), f"{float(clip.times[start]):.2f}")


class OffScale(Flash):
    """A schedule that goes on after 1."""

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        return 2 * progress


class Wavering(Flash):
    """A schedule that depends on how often it was asked."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        return progress if self._calls.again(progress) else progress / 2


# Tasks, by how they grade answers


class Rounding(Flash):
    """Grades against a time that the answer has rounded."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        time = float(sample.answer)
        return replace(sample, answer=f"{time:.1f}", target={"time": time})

    @hookimpl
    def reward(self, completion: str, target: dict[str, Any]) -> float:  # type: ignore[override]
        return super().reward(completion, str(target["time"]))


class Choking(Flash):
    """Reads numbers of any length, of which int() does not."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", completion):
            raise Unparsable("must be a time in seconds")
        return super().reward(f"{min(99, int(completion.partition('.')[0]))}", answer) and (
            super().reward(completion[:6], answer)
        )


class Moody(Flash):
    """Likes a wrong answer less when it hears it again."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        again = self._calls.again((completion, answer))
        score = super().reward(completion, answer)
        return 0.9 * score if again and score < 1 else score


class Plateau(Flash):
    """Half a point for whatever is wrong."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        return 1.0 if super().reward(completion, answer) == 1 else 0.5


class Mumbling(Flash):
    """Its near misses are no answers."""

    def near_misses(self, sample: Sample) -> Sequence[str]:  # noqa: ARG002 - as it is called
        return ["soon", "later"]


class Stumbling(Flash):
    """Its near misses are not to be had."""

    def near_misses(self, sample: Sample) -> Sequence[str]:
        raise LookupError(sample.answer[:0] + "no near miss")


class Bribable(Flash):
    """Pays for garbage, and has no near misses to show."""

    @property
    def near_misses(self) -> Sequence[str]:  # type: ignore[override] # as if there were none
        raise AttributeError

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        try:
            return super().reward(completion, answer)
        except Unparsable:
            return 0.9


class Tight(Flash):
    """Does not say how to answer."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, prompt=question_prompt(None, "When does it turn negative?"))


class Gossip(Flash):
    """Tells the answer, which is one of four."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        start = 8 * whole(rng, 0, min(3, len(clip) // 8 - 1))
        length = config.frames.whole_at(difficulty)
        frames = clip.frames.clone()
        frames[start : start + length] = 255 - frames[start : start + length]
        answer = f"{float(clip.times[start]):.2f}"
        text = f"When does it turn negative? Answer as in 12.50, but it is {answer}."
        return Sample(question_prompt(None, text), (clip.with_frames(frames),), answer)


class Pictorial(Flash):
    """Refuses what flickers as noise does."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if (clip.frames[1:].int() - clip.frames[:-1].int()).abs().float().mean() > 70:
            raise Unsuitable("noise")
        return super().make_sample(clip, config, difficulty, rng)


# Tasks that keep every rule: by their answers, and on few clips


class Spanning(Flash):
    """States two times, the first with fewer decimals."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        (shown,) = sample.clips
        text = "When does the picture turn negative in the clip? As in 12.5 to 20.25."
        answer = f"{float(sample.answer):.1f} to {float(shown.times[-1]):.2f}"
        return Sample(question_prompt(None, text), sample.clips, answer)

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        match = re.fullmatch(r"([0-9]{1,3}\.[0-9]) to ([0-9]{1,3}\.[0-9]{2})", completion, re.ASCII)
        if not match:
            raise Unparsable("must be two times")
        pairs = zip(match.groups(), answer.split(" to "), strict=True)
        return 1 / (1 + sum(abs(float(stated) - float(true)) for stated, true in pairs))

    def near_misses(self, sample: Sample) -> Sequence[str]:
        first, last = sample.answer.split(" to ")
        return [f"{float(first) + late:.1f} to {last}" for late in (0.5, 2, 8)]

    def answer_times(self, answer: str) -> Sequence[float]:
        return [float(time) for time in answer.split(" to ")]


class Apart(Flash):
    """Takes the first clip unless it is to be hard, and then the others."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if (difficulty == 1) == (float(clip.times[1]) == 0.25):
            raise Unsuitable("of the other level")
        return super().make_sample(clip, config, difficulty, rng)


class Latest(Flash):
    """Takes the last clip alone, by its frame rate."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if not 0.2 < float(clip.times[1] - clip.times[0]) < 0.21:
            raise Unsuitable("of another frame rate")
        return super().make_sample(clip, config, difficulty, rng)


# Perturbations


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


# Modifiers


class Wrappers:
    """Does nothing, around everything."""

    @hookimpl(wrapper=True)
    def make_sample(self) -> Generator[None, Any, Any]:
        return (yield)

    @hookimpl(wrapper=True)
    def reward(self) -> Generator[None, Any, Any]:
        return (yield)

    @hookimpl(wrapper=True)
    def perturb(self) -> Generator[None, Any, Any]:
        return (yield)

    @hookimpl(wrapper=True)
    def difficulty_schedule(self) -> Generator[None, Any, Any]:
        return (yield)

    def measurements(self) -> dict[str, float]:
        return {"calls": 0}


class Modifier:
    """Makes wrappers of a class."""

    Config = Settings
    summary = "Wrap the hooks"
    version = "1"

    def __init__(self, wrappers: type = Wrappers) -> None:
        self._wrappers = wrappers

    @hookimpl
    def make_modifier(self) -> object:
        return self._wrappers()


class Pointless(Modifier):
    """Makes nothing that wraps."""

    @hookimpl
    def make_modifier(self) -> object:
        return object()


class Sharing(Modifier):
    """Makes the same wrappers for every run."""

    def __init__(self) -> None:
        self._one = Wrappers()

    @hookimpl
    def make_modifier(self) -> object:
        return self._one


class Doubling(Wrappers):
    @hookimpl(wrapper=True)
    def reward(self) -> Generator[None, Any, Any]:
        return 2 * (yield)


class Jittering(Wrappers):
    """A wrong answer is worth less when it comes again."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl(wrapper=True)
    def reward(self, completion: str, answer: str) -> Generator[None, Any, Any]:
        again = self._calls.again((completion, answer))
        score = yield
        return score / 2 if again else score


class Lenient(Wrappers):
    """Makes a zero of what cannot be read."""

    @hookimpl(wrapper=True)
    def reward(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        except Unparsable:
            return 0.0


class Rewording(Wrappers):
    """Gives another reason why a clip will not do."""

    @hookimpl(wrapper=True)
    def make_sample(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        except Unsuitable as reason:
            raise Unsuitable("will not do") from reason


class Pushing(Wrappers):
    @hookimpl(wrapper=True)
    def difficulty_schedule(self) -> Generator[None, Any, Any]:
        return (yield) + 0.5


class Marking(Wrappers):
    """Marks the samples that are made twice in a row."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl(wrapper=True)
    def make_sample(self, difficulty: float, rng: random.Random) -> Generator[None, Any, Any]:
        again = self._calls.again((rng.getstate(), difficulty))
        sample = yield
        return replace(sample, target={"again": True}) if again else sample


class Dimming(Wrappers):
    """Darkens what is perturbed twice in a row."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl(wrapper=True)
    def perturb(self, rng: random.Random) -> Generator[None, Any, Any]:
        again = self._calls.again(rng.getstate())
        frames = yield
        return frames // 2 if again else frames


class Salting(Wrappers):
    @hookimpl(wrapper=True)
    def make_sample(self) -> Generator[None, Any, Any]:
        return replace((yield), target={"hash": hash("flash")})


class Unmeasured(Wrappers):
    def measurements(self) -> dict[str, float]:
        return {"mean": float("nan")}


def __getattr__(name: str) -> object:
    """The plugin of a class, by the class's name in lower case: `needy` is a `Needy()`."""
    found = {kind.lower(): value for kind, value in globals().items() if isinstance(value, type)}
    if name not in found:
        raise AttributeError(name)
    made = found[name]
    plugin = Modifier(made) if issubclass(made, Wrappers) else made()
    globals()[name] = plugin
    return plugin
