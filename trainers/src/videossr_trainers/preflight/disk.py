"""Is there room for the checkpoints, the rollouts and the model?

What a run that goes on has there already is not to come again.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

from torch import nn

from videossr.finding import Finding
from videossr_trainers.preflight.footprint import optimizer_bytes_per_weight
from videossr_trainers.preflight.memory import weight_count
from videossr_trainers.preflight.units import in_gib
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection
from videossr_trainers.training.checkpoints import step_of, whole_checkpoints
from videossr_trainers.training.warm_start import CHECKPOINTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.preflight.subject import Subject
    from videossr_trainers.sections import LoraSection

#: Bytes of an adapter's weight.
_FLOAT: Final = 4

#: Bytes of a stored rollout besides its text, and of a token's text, generously.
_ROLLOUT: Final = 256
_TOKEN: Final = 6

#: Of the tokens that an answer may have, those that one has on average, at most.
_ANSWER_TOKENS: Final = 256

#: Below this multiple of what is needed there is a warning.
_SPARE: Final = 1.2


def disk(subject: Subject) -> Finding:
    """What the run has still to write fits beside what it has; looked at before a warm start writes anything."""
    before, after = _warm_start(subject), _grpo(subject)
    gone = _freed(subject)
    # The warm start's checkpoints are gone before GRPO's first one.
    first, then = sum(before.values()), sum(after.values()) - gone
    parts = before if first > then else after
    needed = max(0, int(max(first, then)))
    here = _existing(subject.folder)
    free = shutil.disk_usage(here).free
    listed = ", ".join(f"{name} {in_gib(size)}" for name, size in parts.items() if size)
    if gone and parts is after:
        listed += f"; less {in_gib(gone)} of the warm start's checkpoints, which go before"
    said = f"{in_gib(needed)} to be written ({listed}), {in_gib(free)} free at {here}"
    figures = {"needed": needed, "free": free, "parts": {k: int(v) for k, v in parts.items()}}
    if free >= needed * _SPARE:
        return Finding("disk", "ok", said, "no step is lost to a full disk", "", figures)
    return Finding(
        "disk",
        "fault" if free < needed else "warning",
        said,
        "a full disk ends the run, and the checkpoint that it was writing is lost",
        "free some space, choose another --output, keep fewer checkpoints, or raise grpo.save_steps",
        figures,
    )


def _warm_start(subject: Subject) -> dict[str, float]:
    """What comes into the folder during the warm start, at most; nothing where there is none to come."""
    section = subject.config.section(WarmStartSection)
    if not subject.warm_steps or (subject.folder / "warm_start").exists():
        return {}
    counts = [(weight_count(w), w.element_size()) for w in subject.model.parameters()]
    saved = sum(count * size for count, size in counts)
    state = sum(count for count, _ in counts) * optimizer_bytes_per_weight("adamw")
    there = whole_checkpoints(subject.folder / CHECKPOINTS)
    coming = _coming(there, subject.warm_steps, section.save_steps, 1)
    # The last checkpoint is there until the model is whole.
    last = 0 if there else saved + state
    at_once = max(coming * (saved + state), last + saved)
    return {"the warm start's checkpoints and model": at_once}


def _grpo(subject: Subject) -> dict[str, float]:
    """What GRPO adds to the folder, the warm start's model beside it."""
    grpo = subject.config.section(GrpoSection)
    lora = subject.config.section(ModelSection).lora
    counts = [(weight_count(w), w.element_size()) for w in subject.model.parameters()]
    weights = sum(count * size for count, size in counts)
    learnt = _adapter(subject.model, lora) if lora else sum(count for count, _ in counts)
    saved = _FLOAT * learnt if lora else weights
    state = learnt * optimizer_bytes_per_weight(grpo.optimizer)
    steps = grpo.steps(len(subject.recipes))
    there = whole_checkpoints(subject.folder / "checkpoints")
    coming = _coming(there, steps, grpo.save_steps, grpo.keep_checkpoints)
    answers = grpo.questions_per_step * grpo.num_generations * max(0, steps - _done(there))
    warms = subject.warm_steps and not (subject.folder / "warm_start").exists()
    return {
        f"{coming} checkpoint{'s' * (coming != 1)}": coming * (saved + state),
        # That of a run which is given more steps goes before the first of them.
        "the model at the end": 0 if (subject.folder / "model").exists() else saved,
        "the model of the warm start": weights if warms else 0,
        "rollouts": (_ROLLOUT + _TOKEN * min(grpo.max_completion_length, _ANSWER_TOKENS))
        * (answers if grpo.store_rollouts else 0),
    }


def _freed(subject: Subject) -> int:
    """Bytes of the warm start's checkpoints that lie there."""
    return sum(
        path.stat().st_size for path in (subject.folder / CHECKPOINTS).rglob("*") if path.is_file()
    )


def _adapter(model: Any, lora: LoraSection) -> int:  # noqa: ANN401 - transformers is untyped
    """Weights of an adapter: two matrices for each layer that it changes."""
    return sum(
        lora.rank * (layer.in_features + layer.out_features)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in lora.target_modules
    )


def _coming(there: Sequence[Path], steps: int, every: int, limit: int | None) -> int:
    """By how many the checkpoints of a stage grow at most, the one that is being written included.

    The last step is saved, too, whatever its number; and a run that is stopped saves one in any case.

    Args:
        there: whole ones, the oldest first.
        steps: of the stage, in all.
        every: steps between checkpoints; 0 for none but the last.
        limit: how many are kept; None for all.
    """
    done = _done(there)
    if done >= steps:
        return 0
    made = max(1, -(-steps // every) - done // every) if every else 1
    # The next one is written before an old one goes.
    return made if limit is None else min(made, max(1, limit + 1 - len(there)))


def _done(there: Sequence[Path]) -> int:
    """The step that a stage goes on from."""
    return step_of(there[-1]) if there else 0


def _existing(folder: Path) -> Path:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    return here
