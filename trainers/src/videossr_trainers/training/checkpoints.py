"""Checkpoints that are whole or not there.

A trainer of transformers writes a checkpoint in place, so that a kill in the middle leaves half of one
under a name that promises a whole. Here it is written aside, brought to the disk, listed in a manifest,
and then renamed. Whoever resumes compares the files with the manifest.

checkpoints/checkpoint-N/   after step N: weights, optimizer, scheduler, the state of every process's chance,
                            and in trainer_state.json the position and the state of the callbacks
checkpoints/.unfinished/    what is being written
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any, Final

import torch
from accelerate.utils import set_seed
from safetensors import SafetensorError
from transformers import Trainer

from videossr.atomic import UNFINISHED, clear_unfinished, publish, take_away
from videossr.seeds import derive_seed
from videossr.wording import counted
from videossr_trainers.failures import TrainingError, full_disk, is_full_disk
from videossr_trainers.model_card.card import write_card
from videossr_trainers.processes import on_main, raise_together

_MANIFEST: Final = "whole.json"
_NAME: Final = re.compile(r"checkpoint-(\d+)")


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was saved."""
    found = _NAME.fullmatch(checkpoint.name)
    if not found:
        raise ValueError(f"{checkpoint.name} is not the name of a checkpoint")
    return int(found[1])


def checkpoints(folder: Path) -> list[Path]:
    """All that are called checkpoints in a folder, whole or not, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=step_of)


def whole_checkpoints(folder: Path) -> list[Path]:
    """Those of a folder that are whole, the oldest first."""
    return [checkpoint for checkpoint in checkpoints(folder) if not _fault(checkpoint)]


def newest_whole(folder: Path) -> Path | None:
    """The newest checkpoint that is whole; None if there is none. Tells of those that are not."""
    for checkpoint in reversed(checkpoints(folder)):
        fault = _fault(checkpoint)
        if not fault:
            return checkpoint
        warnings.warn(f"{checkpoint}: passed over, {fault}", stacklevel=2)
    return None


def processes_of(checkpoint: Path) -> int:
    """How many processes saved a whole checkpoint."""
    return int(json.loads((checkpoint / _MANIFEST).read_text())["processes"])


def remove(folder: Path) -> None:
    """Remove all checkpoints of a folder, and the folder."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_newer(folder: Path, last: Path | None) -> None:
    """Remove the checkpoints of steps that are about to be taken again.

    Args:
        last: the checkpoint that the run goes on from; None where it starts over.
    """
    step = step_of(last) if last else 0
    for checkpoint in checkpoints(folder):
        if step_of(checkpoint) > step:
            take_away(checkpoint)


def keep_newest(folder: Path, keep: int, written: Path) -> None:
    """Remove all but the newest whole checkpoints.

    Args:
        keep: how many stay, at least one.
        written: the one that was just written, which stays whatever its step.
    """
    ranked = [one for one in whole_checkpoints(folder) if one != written]
    kept = {written, *ranked[max(0, len(ranked) - keep + 1) :]}
    for checkpoint in checkpoints(folder):
        if checkpoint not in kept:
            take_away(checkpoint)


def save_whole_model(trainer: Any, folder: Path) -> None:  # noqa: ANN401 - transformers'
    """Save a trainer's model and processor in a run's folder, with their card; to be called in every process."""
    aside = folder.with_name(f".{folder.name}{UNFINISHED}")
    trainer.save_model(str(aside))
    trainer.accelerator.wait_for_everyone()

    def finish() -> None:
        write_card(aside, folder.parent)
        publish(aside, folder)

    on_main(finish)


def _fault(checkpoint: Path) -> str:
    """Why a checkpoint is not whole; empty if it is."""
    try:
        listed = json.loads((checkpoint / _MANIFEST).read_text())["files"]
    except FileNotFoundError:
        return f"it has no {_MANIFEST}, which is written last"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its {_MANIFEST} cannot be read ({error})"
    for name, size in listed.items():
        path = checkpoint / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            state = "is missing" if found is None else f"has {found:,} bytes"
            return f"{name} {state}, and should have {size:,} bytes"
    return ""


def _seal(checkpoint: Path, processes: int) -> None:
    """Write the manifest."""
    files = {
        path.relative_to(checkpoint).as_posix(): path.stat().st_size
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file()
    }
    text = json.dumps({"processes": processes, "files": files}, indent=1)
    (checkpoint / _MANIFEST).write_text(text + "\n", encoding="utf-8")


class WholeCheckpoints(Trainer):  # type: ignore[misc] # transformers is untyped
    """A trainer whose checkpoints are whole, and that goes on from one as if it had never stopped.

    `save_total_limit` of the arguments says how many are kept; none is removed before the next is whole.
    """

    #: Where a checkpoint is being written; None while none is.
    _aside: Path | None = None

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ANN401 - transformers'
        plain: str = super()._get_output_dir(trial)
        return plain if self._aside is None else str(self._aside)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401 - transformers'
        folder = Path(self.args.output_dir)
        self._aside = folder / UNFINISHED
        written = self._aside / f"checkpoint-{self.state.global_step}"
        try:
            # Sharded trainers meet inside of this, so that the processes cannot wait for each other after
            # a failure: there the first to fail ends, and the launcher ends the others.
            self._together(lambda: super(WholeCheckpoints, self)._save_checkpoint(model, trial))
            self._aside = None
            self._together(lambda: self._publish(written, folder))
        finally:
            self._aside = None

    def _publish(self, written: Path, folder: Path) -> None:
        if self.args.should_save:
            write_card(written, folder.parent)
            _seal(written, self.args.world_size)
            published = folder / written.name
            publish(written, published)
            clear_unfinished(folder)
            if self.args.save_total_limit:
                keep_newest(folder, self.args.save_total_limit, published)

    def _together(self, write: Any) -> None:  # noqa: ANN401 - called without arguments
        met: TrainingError | None = None
        try:
            write()
        except Exception as error:
            if not is_full_disk(error):
                raise
            met = self._full(error)
            if self.is_fsdp_enabled or self.is_deepspeed_enabled:
                raise met from error
        raise_together(met)

    def _full(self, error: Exception) -> TrainingError:
        """The error for a checkpoint that has no room, which is removed."""
        folder = Path(self.args.output_dir)
        begun = [path for path in (folder / UNFINISHED).rglob("*") if path.is_file()]
        named = getattr(error, "filename", None)
        if isinstance(error, SafetensorError):  # it names no file, and leaves none behind
            named = folder / UNFINISHED / f"checkpoint-{self.state.global_step}/model.safetensors"
        latest = max(begun, key=lambda path: path.stat().st_mtime_ns, default=folder / UNFINISHED)
        last = newest_whole(folder)
        left = f"{last} is whole" if last else "there is no whole checkpoint yet"
        met = full_disk(
            error, Path(named) if named else latest, f"{left}; make room, and go on with --resume"
        )
        clear_unfinished(folder)
        return met

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """As saved; of another number of processes, anew from the seed and the step."""
        saved = processes_of(Path(checkpoint)) if checkpoint else self.args.world_size
        if saved == self.args.world_size:
            super()._load_rng_state(checkpoint)
            return
        if self.args.process_index == 0:
            warnings.warn(
                f"{checkpoint} was saved by {counted(saved, 'process', 'processes')} and is taken up by {self.args.world_size}: "
                "from here on answers are sampled otherwise than they would have been",
                stacklevel=2,
            )
        place = (self.state.global_step, self.args.process_index)
        set_seed(derive_seed(self.args.seed, "resumed", *place) % 2**32)

    def get_train_dataloader(self) -> Any:  # noqa: ANN401 - accelerate is untyped
        """As ever, and drawing on no chance but its own.

        A loader draws a seed for its workers whenever it begins, which a resumed run does more often.
        """
        loader = super().get_train_dataloader()
        own = torch.Generator()
        own.manual_seed(self.args.seed)
        loader.base_dataloader.generator = own
        return loader

    def _run_epoch(self, **arguments: Any) -> None:  # noqa: ANN401 - transformers'
        """As ever, mended in two places where transformers goes on from a checkpoint."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True  # it would look only after one step more
            return
        # It does not reach the sampler below what skips the batches of several processes.
        sampler = arguments["train_dataloader"].batch_sampler
        while hasattr(sampler, "batch_sampler"):
            sampler = sampler.batch_sampler
        if hasattr(sampler.sampler, "set_epoch"):
            sampler.sampler.set_epoch(arguments["epoch"])
        super()._run_epoch(**arguments)
