"""Blind floors: what a guess earns, by the generator and by hand, beside the published figures.

    uv run python benchmarks/floors.py

Measured with the authors' settings: jigsaw with 6 and 8 parts; counting with 1 to 3 frames and 1 to 3 shapes of
each of three kinds; grounding of 8 to 16 of 48 frames. The limit is the exact expectation of the best answer, by
going through all cases (jigsaw, grounding) or all sums (counting). Ours comes from the generator alone, as for any
task. Authors end an interval where the next frame begins, we where the last altered frame is shown, which is
shorter by one frame: both are measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import permutations, product
from typing import TYPE_CHECKING

import torch

from videossr import Perturbations, Sample, hookimpl
from videossr.floors import blind_floor
from videossr.registry import Registry
from videossr_anomaly.anomaly import Anomaly, AnomalyConfig, Interval, temporal_iou
from videossr_jigsaw.jigsaw import closeness

if TYPE_CHECKING:
    import random

    from videossr import Clip
    from videossr.facades import Task

FRAMES = 48


class NextFrame(Anomaly):
    """Grounding as the authors have it: an interval ends where the first frame after it begins."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, config: AnomalyConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """Ours, a frame longer."""
        sample = super().make_sample(clip, config, difficulty, rng)
        step = float(clip.times[1] - clip.times[0])
        start, end = sample.target["start"], round(sample.target["end"] + step, 1)
        return replace(
            sample, answer=f"{start:.1f}-{end:.1f}", target={**sample.target, "end": end}
        )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=4096, help="questions for each floor")
    draws = parser.parse_args().draws
    registry = Registry()
    jigsaws = {n: bound(registry, "jigsaw", segments=n) for n in (6, 8)}
    mirror = registry.perturbation("mirror", registry.schema("mirror")())
    grounding = bound(registry, "anomaly", perturbations=Perturbations({"mirror": (mirror, 1.0)}))
    theirs = replace(grounding, hooks=type(grounding.hooks)(NextFrame(), grounding.origin))
    rows = [
        ("counting, 3,3,3", bound(registry, "counting"), counting_exactly(), 0.583),
        ("jigsaw, 6 parts", jigsaws[6], jigsaw_exactly(6), 0.352),
        ("jigsaw, 8 parts", jigsaws[8], jigsaw_exactly(8), 0.344),
        ("grounding, to the next frame", theirs, grounding_exactly(1), 0.306),
        ("grounding, to the last frame", grounding, grounding_exactly(0), None),
    ]
    print(f"{draws} questions each, one timeline of {FRAMES} frames, a second apart")
    print(f"{'floor':<30} {'measured':>9} {'exact':>7} {'published':>10}")
    worst = 1.0
    # A second apart, so that no rounding of the answers stands in the way of the exact figures.
    times = torch.arange(FRAMES, dtype=torch.float64)
    for name, task, exact, published in rows:
        measured = blind_floor(task, [(times, 0.5)], seed=0, draws=draws)
        shown = "" if published is None else f"{published:.3f}"
        print(f"{name:<30} {measured:>9.3f} {exact:>7.3f} {shown:>10}")
        worst = max(worst, measured / exact, exact / measured)
    print(f"floors: {worst:.3f}")


def bound(registry: Registry, name: str, **settings: object) -> Task:
    """A task with these settings."""
    return registry.task(name, registry.schema(name)(**settings), 0.5)


def counting_exactly() -> float:
    """The expectation of the best count of one kind: the sum over 1 to 3 frames of 1 to 3 shapes."""
    chances: dict[int, float] = {}
    for frames in (1, 2, 3):
        for shapes in product((1, 2, 3), repeat=frames):
            chances[sum(shapes)] = chances.get(sum(shapes), 0.0) + 1 / 3 / 3**frames
    return max(
        sum(chance * max(0.0, 1 - abs(guess - true) / true) for true, chance in chances.items())
        for guess in chances
    )


def jigsaw_exactly(parts: int) -> float:
    """The expectation of the reverse, over all orders but the true one, each as likely.

    It is the best: no place is left by all the parts whose true order is out.
    """
    if parts > 6:  # noqa: PLR2004 - 40,320 orders: their mean, less what the true order would have earned
        reverse = list(range(parts, 0, -1))
        true = list(range(1, parts + 1))
        total, count = _closeness_to(reverse), _factorial(parts)
        return (total * count - closeness(reverse, true)) / (count - 1)
    orders = [list(order) for order in permutations(range(1, parts + 1))]
    asked = [order for order in orders if order != sorted(order)]
    return max(sum(closeness(guess, true) for true in asked) / len(asked) for guess in orders)


def _closeness_to(guess: list[int]) -> float:
    """The mean closeness to all orders: a part is in each place as often as in any other."""
    n = len(guess)
    error = sum(abs(one - other) for one in range(n) for other in range(n)) / n
    return 1 - error / (n * n // 2)


def _factorial(number: int) -> int:
    return number * _factorial(number - 1) if number else 1


def grounding_exactly(after: int) -> float:
    """The expectation of the best interval, over lengths 8 to 16 and all starts, to half a second."""
    cases = [
        (1 / 9 / (FRAMES - length + 1), Interval(float(start), float(start + length - 1 + after)))
        for length in range(8, 17)
        for start in range(FRAMES - length + 1)
    ]
    halves = [half / 2 for half in range(2 * FRAMES)]
    guesses = (Interval(start, end) for start in halves[:48] for end in halves if end > start + 16)
    return max(sum(w * temporal_iou(guess, true) for w, true in cases) for guess in guesses)


if __name__ == "__main__":
    main()
