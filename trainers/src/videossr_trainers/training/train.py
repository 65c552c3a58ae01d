"""A training run: start a model, warm it up if asked to, then GRPO; everything in one folder.

run/config.yaml       the resolved configuration; with it and the dataset the run can be repeated
run/provenance.json   versions, plugins, seed, the first model's content, the dataset and its hash; of each
                      attempt the commit of the code and the first step
run/videos.json       the videos that it learns from, a name for each hash
run/preflight.json    what was checked before the first step, and found
run/metrics.jsonl     a line for each step, written as it happens
run/rollouts/         what was asked, answered and earned in each step
run/samples/          some questions of some steps, to look at
run/warm_start/       the model after the warm start, if there was one
run/checkpoints/      the newest states to go on from (`checkpoints.py`)
run/model/            the trained model, its processor and its card; it appears whole, and the run is over

A run goes on from the newest whole checkpoint of its stage, or from the stage's start if there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback

from videossr import ConfigError
from videossr.atomic import clear_unfinished, making, take_away
from videossr.errors import Mistake, Mistakes
from videossr.render import Renderer
from videossr.wording import counted
from videossr_trainers.failures import naming_full_disk
from videossr_trainers.model_card.card import write_card
from videossr_trainers.models.load import load_model, locate_model
from videossr_trainers.preflight.course import Preflight
from videossr_trainers.processes import join_processes, on_main
from videossr_trainers.questions.data import Questions, texts_of, training_table
from videossr_trainers.questions.difficulty import DifficultyTrail, FollowRewards, batches_ahead
from videossr_trainers.questions.order import NumberSampler, QuestionSampler
from videossr_trainers.questions.selection import chosen_recipes, current_floors, mixture
from videossr_trainers.rollouts.curves import tasks_with_levels
from videossr_trainers.rollouts.recording import Recording, record
from videossr_trainers.rollouts.rewards import TaskReward
from videossr_trainers.rollouts.trackers import check_trackers
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection
from videossr_trainers.training.arguments import (
    check_batches,
    check_optimizer,
    engine_arguments,
    grpo_arguments,
    leave_cores_to_loaders,
)
from videossr_trainers.training.callbacks import StepReport
from videossr_trainers.training.checkpoints import (
    forget_newer,
    newest_whole,
    save_whole_model,
    step_of,
)
from videossr_trainers.training.interrupts import StopOnSignal, StopRequest, tell_stderr
from videossr_trainers.training.lost import LostQuestions
from videossr_trainers.training.metrics import GRPO, METRICS, WARM_START, lines_of
from videossr_trainers.training.provenance import note_attempt
from videossr_trainers.training.run_folder import claimed, forget_after
from videossr_trainers.training.stages import GrpoStage
from videossr_trainers.training.warm_start import forget_checkpoints, warm_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset, Recipe
    from videossr_trainers.engine.grpo import VideoGRPOTrainer
    from videossr_trainers.preflight.course import Tell

    #: Called after each step with the stage, the step, the steps in all and what was measured.
    Report = Callable[[str, int, int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Started:
    """A model ready for GRPO, and how it got there.

    Attributes:
        name: folder or hub name that loads it again, which the KL term's reference does.
        log: the warm start's steps, empty if there was none.
    """

    model: Any
    processor: Any
    name: str
    log: Sequence[Mapping[str, float]]


def check_model(config: RunConfig) -> None:
    """Raise `ConfigError` for a model that cannot be warmed up as it is asked for."""
    section = config.section(ModelSection)
    if section.weights == "bfloat16" and config.section(WarmStartSection).steps:
        problem = "bfloat16 loses small steps, and the warm start trains all weights"
        raise ConfigError(Mistake("model.weights", problem, "float32, or warm_start.steps=0"))


def start_model(
    config: RunConfig,
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    folder: Path,
    report: Report,
    *,
    stop: StopOnSignal | None = None,
    check: Preflight | None = None,
) -> Started:
    """Load or make the model, and warm it up if the configuration says so and it is not done yet.

    Raises:
        ConfigError: the model cannot be loaded, or a check of what it will read has found a fault.
        Stopped: the warm start was ended early.
    """
    section = config.section(ModelSection)
    warm = config.section(WarmStartSection)
    check_model(config)
    warmed = folder / "warm_start"
    is_warm = warm.steps and on_main(warmed.exists)
    if is_warm:
        forget_checkpoints(folder)
    if not is_warm:
        texts = texts_of(recipes, renderer)
        name = locate_model(section, folder / "start", texts, seed=config.seed)
        model, processor = load_model(name, section.revision, getattr(torch, section.weights))
        if check:
            check.of_the_data(model, processor)
        if not warm.steps:
            return Started(model, processor, name, ())
        warm_start(
            model,
            processor,
            training_table(recipes, renderer),
            warm,
            folder,
            sampler=NumberSampler(recipes, config.seed, mixture(config, dataset)),
            seed=config.seed,
            loader_workers=config.section(GrpoSection).loader_workers,
            gradient_checkpointing=section.gradient_checkpointing,
            max_nonfinite_steps=config.section(GrpoSection).max_nonfinite_steps,
            callbacks=[StepReport(WARM_START, report, folder / METRICS)],
            stop=stop,
        )
    # Loaded again, since the supervised trainer leaves its own head on the model.
    model, processor = load_model(str(warmed))
    if check and is_warm:
        check.of_the_data(model, processor)
    return Started(model, processor, str(warmed), lines_of(folder, WARM_START))


def make_trainer(
    config: RunConfig,
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    started: Started,
    folder: Path,
    report: Report,
    *,
    stop: StopOnSignal | None = None,
) -> VideoGRPOTrainer:
    """The GRPO trainer, checked and ready.

    Raises:
        ConfigError: batch sizes that do not fit together or the dataset.
    """
    grpo = config.section(GrpoSection)
    tasks = {name: weighted.task for name, weighted in config.tasks.items()}
    reward = TaskReward(tasks, grpo.num_generations, measurements=config.measurements)
    arguments = grpo_arguments(grpo, config.section(ModelSection), folder, seed=config.seed)
    trail = DifficultyTrail(
        tasks, batches_ahead(grpo.loader_workers, arguments.steps_per_generation)
    )

    def sampler(group: int, chunk: int, repeats: int) -> QuestionSampler:
        return QuestionSampler(
            recipes,
            config.seed,
            group=group,
            chunk=chunk,
            repeats=repeats,
            trail=trail,
            weights=mixture(config, dataset),
        )

    trainer = GrpoStage(
        lost=LostQuestions(len(recipes), grpo.max_lost_share),
        max_nonfinite_steps=grpo.max_nonfinite_steps,
        **engine_arguments(grpo, config.section(ModelSection), started.model),
        questions=Questions(recipes, renderer),
        sampler=sampler,
        model=started.model,
        processing_class=started.processor,
        reward_funcs=reward,
        args=arguments,
        callbacks=[
            FollowRewards(trail, reward),
            *([stop] if stop else []),
            StepReport(GRPO, report, folder / METRICS),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # the console shows the same, and shorter
    floors = current_floors(config, dataset, recipes, renderer)
    recording = Recording(
        folder,
        store=grpo.store_rollouts,
        samples_every=grpo.log_samples_steps,
        with_levels=tasks_with_levels(recipes, tasks),
    )
    record(trainer, reward, floors, recording)
    return trainer


def train(
    config: RunConfig,
    dataset: Dataset,
    folder: Path,
    report: Report,
    *,
    resume: bool = False,
    tell: Tell | None = None,
) -> Path:
    """Run the whole training and return the folder of the trained model.

    Args:
        config, dataset: what is trained on what.
        folder: the run's.
        report: told of every step.
        resume: go on with the run in the folder; with a new or an empty one, begin.
        tell: told of what the preflight found.

    Raises:
        ConfigError: the configuration does not fit the dataset or the machine, or the folder is in use,
            or holds another run.
        DatasetError: a recipe renders otherwise than when it was built.
        TrainingError: the run cannot go on.
        Stopped: a signal asked for it; the run has saved and can be resumed.
    """
    state = join_processes()
    grpo = config.section(GrpoSection)
    mistakes = Mistakes()
    recipes: Sequence[Recipe] = ()
    with mistakes.noted():
        check_trackers(grpo.report_to)
    with mistakes.noted():
        check_optimizer(grpo)
    with mistakes.noted():
        recipes = chosen_recipes(config, dataset)
        if grpo.steps(len(recipes)):
            check_batches(grpo, len(recipes))
    with mistakes.noted():
        check_model(config)
    leave_cores_to_loaders(grpo)
    on_signal = tell_stderr if state.is_main_process else lambda _: None
    with (
        claimed(config, dataset, folder, resume=resume, mistakes=mistakes),
        naming_full_disk(folder),
        StopRequest(on_signal) as request,
    ):
        renderer = Renderer.for_dataset(dataset, run=config)
        check = Preflight(config, dataset, folder, tell) if grpo.preflight else None
        return _train(config, dataset, recipes, renderer, folder, report, request, check)


def _train(
    config: RunConfig,
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    folder: Path,
    report: Report,
    request: StopRequest,
    check: Preflight | None,
) -> Path:
    saved, model = folder / "checkpoints", folder / "model"
    last = on_main(lambda: newest_whole(saved))
    on_main(lambda: clear_unfinished(saved))
    on_main(lambda: clear_unfinished(folder))  # a model that was being saved or taken away
    if on_main(model.exists) and not _goes_on(config, recipes, last, folder):
        return model
    on_main(lambda: forget_newer(saved, last))
    stop = StopOnSignal(request)
    started = start_model(
        config, dataset, recipes, renderer, folder, report, stop=stop, check=check
    )
    if not config.section(GrpoSection).steps(len(recipes)):
        on_main(lambda: _save(started, model, folder))
        return model
    trainer = make_trainer(config, dataset, recipes, renderer, started, folder, report, stop=stop)
    if check:
        check.watch(trainer)
    taken = step_of(last) if last else 0
    forget_after(folder, GRPO, taken)
    note_attempt(folder, GRPO, taken + 1)
    # A run that is given more steps is no longer over: ended early, it has to be resumed like any other.
    on_main(lambda: take_away(model))
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    stop.raise_stopped(GRPO, trainer.state)
    save_whole_model(trainer, model)
    return model


def _save(started: Started, model: Path, run: Path) -> None:
    with making(model) as unfinished:
        for part in (started.model, started.processor):
            part.save_pretrained(unfinished)
        write_card(unfinished, run)


def _goes_on(config: RunConfig, recipes: Sequence[Recipe], last: Path | None, folder: Path) -> bool:
    """Whether a run that is finished has been given more steps.

    Raises:
        ConfigError: it has, and there is no checkpoint to take them from.
    """
    lines = lines_of(folder, GRPO)
    done = int(lines[-1]["step"]) if lines else 0
    more = config.section(GrpoSection).steps(len(recipes)) > done
    if more and done and (last is None or step_of(last) != done):
        problem = f"the run is finished after {counted(done, 'step')}, and has no checkpoint to go on from"
        raise ConfigError(Mistake("grpo.max_steps", problem, "start a new run"))
    return more
