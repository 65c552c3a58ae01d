"""Modifiers that break a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from breaking_plugins.parts import Consecutive, Settings
from videossr import Unparsable, Unsuitable, hookimpl

if TYPE_CHECKING:
    import random
    from collections.abc import Generator


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
