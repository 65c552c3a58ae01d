"""Is there room for the checkpoints, the rollouts and the model?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from videossr_trainers.preflight.finding import Finding
from videossr_trainers.preflight.footprint import optimizer_bytes_per_weight
from videossr_trainers.preflight.units import in_gib
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.preflight.subject import Subject

#: Bytes of a stored rollout besides its text, and of a token's text, generously.
_ROLLOUT: Final = 256
_TOKEN: Final = 6

#: Of the tokens that an answer may have, those that one has on average, at most.
_ANSWER_TOKENS: Final = 256

#: Below this multiple of what is needed there is a warning.
_SPARE: Final = 1.2


def disk(subject: Subject) -> Finding:
    """What the run will write fits into its folder."""
    trainer = subject.going
    grpo = subject.config.section(GrpoSection)
    weights = sum(w.numel() * w.element_size() for w in trainer.model.parameters())
    learnt = [w for w in trainer.model.parameters() if w.requires_grad]
    adapter = len(learnt) < len([*trainer.model.parameters()]) and hasattr(
        trainer.accelerator.unwrap_model(trainer.model), "peft_config"
    )
    saved = sum(w.numel() * w.element_size() for w in learnt) if adapter else weights
    state = sum(w.numel() for w in learnt) * optimizer_bytes_per_weight(str(trainer.args.optim))
    steps = max(0, trainer.state.max_steps)
    kept = _kept(steps, grpo.save_steps, trainer.args.save_total_limit)
    answers = steps * grpo.questions_per_step * grpo.num_generations
    parts = {
        # The next one is written before the last one goes.
        f"{kept} checkpoints": kept * (saved + state),
        "the model at the end": saved,
        "rollouts": answers * (_ROLLOUT + _TOKEN * min(grpo.max_completion_length, _ANSWER_TOKENS)),
    }
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


def _kept(steps: int, every: int, limit: int | None) -> int:
    """Checkpoints that lie in the folder at one time, the one that is being written included."""
    made = steps // every if every else 0
    return made if limit is None else min(made, limit + 1)


def _existing(folder: Path) -> Path:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    return here
