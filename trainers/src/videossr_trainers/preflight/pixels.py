"""Do the pictures reach the loss, and does the loss reach the vision tower?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from videossr.finding import Finding
from videossr_trainers.preflight.probe import (
    learn,
    place_holders_of,
    probing,
    rollouts,
    with_other_pixels,
)

if TYPE_CHECKING:
    from videossr_trainers.preflight.probe import Learnt, Tower
    from videossr_trainers.preflight.subject import Subject

_MEANING: Final = "a policy that does not see is trained on guesses, and no error says so"

#: Questions that are tried, if a forward pass holds as many.
_QUESTIONS: Final = 2

#: The gradients of all weights take as long again as those of the inputs, which are all that is
#: computed here: a forward pass and two rather than one.
_ALL_GRADIENTS: Final = 1.5


def pixels(subject: Subject) -> Finding:
    """Other pictures change the log-probabilities and the gradients of the same answers."""
    with probing(subject) as trainer:
        at_once = trainer.args.per_device_train_batch_size // trainer.num_generations
        rows = subject.rows[: min(_QUESTIONS, at_once)]
        batch, _ = rollouts(trainer, rows)
        seen, other = learn(trainer, batch), learn(trainer, with_other_pixels(batch))
        wanted = place_holders_of(batch)
        repeats = 1 if trainer.shared_prefix else trainer.num_generations
    subject.seconds_of_loss = _ALL_GRADIENTS * other.seconds / len(rows)
    fault = _cut_off(seen, other) or _miscounted(seen, wanted * repeats)
    if fault:
        return fault
    logps = float((seen.log_probabilities - other.log_probabilities).abs().max())
    measured = (
        f"with other pictures the log-probabilities of the same answers move by up to {logps:.2g}"
    )
    if not seen.gradients:
        note = "; under DeepSpeed gradients are not looked at"
        return Finding("pixels", "ok", measured + note, _MEANING, "", {"log_probabilities": logps})
    moved = _distance(seen.gradients, other.gradients)
    tower = {name: g for name, g in seen.gradients.items() if ".visual." in name}
    pull = max((float(gradient.abs().max()) for gradient in tower.values()), default=0.0)
    figures = {"log_probabilities": logps, "gradients": moved, "tower": pull}
    measured += f", and the gradients by {100 * moved:.0f} %"
    if tower and not pull:
        return Finding(
            "pixels",
            "fault",
            f"{measured}; but no gradient comes to the vision tower ({', '.join(tower)})",
            "the tower is meant to learn, and does not",
            "look for what detaches its outputs; to freeze it on purpose, switch off requires_grad",
            figures,
        )
    if not tower and not hasattr(trainer.accelerator.unwrap_model(trainer.model), "peft_config"):
        return Finding(
            "pixels",
            "warning",
            f"{measured}; the vision tower is frozen",
            "only the language model learns",
            "nothing, if that is meant",
            figures,
        )
    how = (
        f"the vision tower is pulled by up to {pull:.2g}"
        if tower
        else "the vision tower is frozen beneath the adapters"
    )
    return Finding("pixels", "ok", f"{measured}; {how}", _MEANING, "", figures)


def _cut_off(seen: Learnt, other: Learnt) -> Finding | None:
    """Where the pictures get lost, if they do."""
    if not torch.equal(seen.log_probabilities, other.log_probabilities):
        return None
    blind = (
        "the pictures do not reach the loss: with other pictures every log-probability stays the "
        "same to the bit"
    )
    tower, others = seen.tower, other.tower
    if tower.pixels is None or others.pixels is None:
        where = "the vision tower is never called"
        remedy = "the forward pass must be given pixel_values_videos and video_grid_thw"
    elif torch.equal(tower.pixels, others.pixels):
        where = "what goes into the vision tower is the same for other pictures"
        remedy = "look at what makes pixel_values_videos of the patches"
    elif _alike(tower, others):
        where = "other pixels go into the vision tower, and the same features come out"
        remedy = "the tower is cut off or its weights are empty: load the model's weights anew"
    else:
        where = (
            "the vision tower sees, and its features are dropped on the way to the language model"
        )
        remedy = "look at what puts the features in the place of the place-holders"
    return Finding("pixels", "fault", f"{blind}; {where}", _MEANING, remedy)


def _alike(tower: Tower, other: Tower) -> bool:
    """Whether the features are the same to the bit."""
    both = tower.features, other.features
    return both[0] is not None and both[1] is not None and torch.equal(both[0], both[1])


def _miscounted(seen: Learnt, wanted: int) -> Finding | None:
    features = seen.tower.features
    if features is None or len(features) == wanted:
        return None
    return Finding(
        "pixels",
        "fault",
        f"the vision tower makes {len(features)} outputs for {wanted} place-holders",
        "each output takes the place of one place-holder; they must be as many",
        "use the model's own processor files, of the same revision as its weights",
    )


def _distance(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """How far apart two sets of gradients are, relative to the first."""
    apart = sum(float((ours[name] - theirs[name]).pow(2).sum()) for name in ours)
    size = sum(float(gradient.pow(2).sum()) for gradient in ours.values())
    return float((apart / size) ** 0.5) if size else 0.0
