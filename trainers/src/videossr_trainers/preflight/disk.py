"""Is there room for the checkpoints, the rollouts and the model?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

from torch import nn

from videossr.finding import Finding
from videossr_trainers.preflight.footprint import optimizer_bytes_per_weight
from videossr_trainers.preflight.memory import weight_count
from videossr_trainers.preflight.units import in_gib
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection

if TYPE_CHECKING:
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
    """What the run will write fits into its folder; looked at before a warm start writes anything."""
    before, after = _warm_start(subject), _grpo(subject)
    # The warm start's checkpoints are gone before GRPO's first one.
    parts = max(before, after, key=lambda parts: sum(parts.values()))
    needed = int(sum(parts.values()))
    here = _existing(subject.folder)
    free = shutil.disk_usage(here).free
    listed = ", ".join(f"{name} {in_gib(size)}" for name, size in parts.items() if size)
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
    """What lies in the folder during the warm start, at most; nothing where there is none."""
    section = subject.config.section(WarmStartSection)
    if not subject.warm_steps or (subject.folder / "warm_start").exists():
        return {}
    counts = [(weight_count(w), w.element_size()) for w in subject.model.parameters()]
    saved = sum(count * size for count, size in counts)
    state = sum(count for count, _ in counts) * optimizer_bytes_per_weight("adamw")
    kept = _kept(subject.warm_steps, section.save_steps, 1)
    # The last checkpoint is there until the model is whole.
    at_once = max(kept * (saved + state), saved + state + saved)
    return {"the warm start's checkpoints and model": at_once}


def _grpo(subject: Subject) -> dict[str, float]:
    """What GRPO leaves in the folder, the warm start's model beside it."""
    grpo = subject.config.section(GrpoSection)
    lora = subject.config.section(ModelSection).lora
    counts = [(weight_count(w), w.element_size()) for w in subject.model.parameters()]
    weights = sum(count * size for count, size in counts)
    learnt = _adapter(subject.model, lora) if lora else sum(count for count, _ in counts)
    saved = _FLOAT * learnt if lora else weights
    state = learnt * optimizer_bytes_per_weight(grpo.optimizer)
    steps = grpo.steps(len(subject.recipes))
    kept = _kept(steps, grpo.save_steps, grpo.keep_checkpoints)
    answers = steps * grpo.questions_per_step * grpo.num_generations if grpo.store_rollouts else 0
    return {
        # The next one is written before the last one goes.
        f"{kept} checkpoint{'s' * (kept > 1)}": kept * (saved + state),
        "the model at the end": saved,
        "the model of the warm start": weights if subject.warm_steps else 0,
        "rollouts": answers * (_ROLLOUT + _TOKEN * min(grpo.max_completion_length, _ANSWER_TOKENS)),
    }


def _adapter(model: Any, lora: LoraSection) -> int:  # noqa: ANN401 - transformers is untyped
    """Weights of an adapter: two matrices for each layer that it changes."""
    return sum(
        lora.rank * (layer.in_features + layer.out_features)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in lora.target_modules
    )


def _kept(steps: int, every: int, limit: int | None) -> int:
    """Checkpoints that lie in the folder at one time, the one that is being written included.

    The last step is saved, too, whatever its number; and a run that is stopped saves one in any case.
    """
    made = max(1, -(-steps // every)) if every else 1
    return made if limit is None else min(made, limit + 1)


def _existing(folder: Path) -> Path:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    return here
