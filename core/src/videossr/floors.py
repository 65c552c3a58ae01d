"""Blind floors: what the best answer earns that never looks at the pixels.

A raw reward says little while nobody knows what a constant answer earns: with the published settings
"3,3,3" earns 0.583 at counting. The floor is computed from the generator itself. It is conditioned on
everything that the prompt shows: the question's words and the times of the frames, whose spacing
gives away how long a segment can be.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import torch

from videossr.calls import untraced
from videossr.clip import Clip
from videossr.errors import Unsuitable
from videossr.seeds import derive_seed, rng_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from videossr.facades import Task
    from videossr.sample import Sample

_SIDE: Final = 64  # pixels of the stand-in frames: enough for shapes, quick to draw on


def blind_floor(
    task: Task,
    timelines: Sequence[tuple[Tensor, float]],
    *,
    seed: int,
    draws: int = 256,
    candidates: int = 128,
    size: tuple[int, int] = (_SIDE, _SIDE),
) -> float:
    """The best expected reward without the pixels, averaged over timelines.

    For each timeline the task makes `draws` questions on noise. Half of them choose the best answer
    for each wording of the question, the other half say what it earns, so that the choice is not
    flattered by its own luck. Wordings that come up once are taken together.

    Args:
        timelines: times float64 [T] in seconds, each with its difficulty.
        seed: the run's root seed.
        draws: questions for each timeline, an even number.
        size: height and width of the stand-in frames, in pixels.
        candidates: most answers tried for each wording, the most frequent first.

    Returns:
        A reward in [0, 1].

    Raises:
        Unsuitable: the task makes no question on any of the timelines.
    """
    with untraced():  # tens of thousands of calls, for which nobody would look
        return _blind_floor(task, timelines, seed, draws, candidates, size)


def _blind_floor(
    task: Task,
    timelines: Sequence[tuple[Tensor, float]],
    seed: int,
    draws: int,
    candidates: int,
    size: tuple[int, int],
) -> float:
    floors = []
    for number, (times, difficulty) in enumerate(timelines):
        noise = torch.Generator().manual_seed(derive_seed(seed, "floor noise", number) >> 1)
        frames = torch.randint(0, 256, (len(times), 3, *size), generator=noise, dtype=torch.uint8)
        clip = Clip(frames, times)
        by_wording: dict[str, list[Sample]] = defaultdict(list)
        for draw in range(draws):
            rng = rng_for(seed, "floor", task.name, task.version, number, draw)
            try:
                sample = task.make_sample(
                    clip, difficulty=difficulty, rng=rng, context="blind floor"
                )
            except Unsuitable:
                continue
            by_wording[sample.question].append(sample)
        floors += [
            (_best_constant(task, samples, candidates), len(samples))
            for samples in _groups(by_wording.values())
        ]
    total = sum(count for _, count in floors)
    if not total:
        raise Unsuitable(f"task {task.name!r} makes no question on any timeline")
    return sum(floor * count for floor, count in floors) / total


def _groups(by_wording: Iterable[list[Sample]]) -> list[list[Sample]]:
    """Samples of one wording each; the wordings that came up once are taken together.

    Alone, such a sample would choose the answer that it then judges.
    """
    wordings = list(by_wording)
    often = [samples for samples in wordings if len(samples) > 1]
    once = [samples[0] for samples in wordings if len(samples) == 1]
    return [*often, once] if len(once) > 1 or (not often and once) else often


def _best_constant(task: Task, samples: Sequence[Sample], candidates: int) -> float:
    choosing, judging = samples[::2], samples[1::2] or samples

    def earned(answer: str, asked: Sequence[Sample]) -> float:
        return sum(task.score(answer, s.answer, s.target).value for s in asked) / len(asked)

    frequency: dict[str, int] = defaultdict(int)
    for sample in choosing:
        frequency[sample.answer] += 1
    likely = sorted(frequency, key=lambda answer: (-frequency[answer], answer))[:candidates]
    best = max(likely, key=lambda answer: earned(answer, choosing))
    return earned(best, judging)
