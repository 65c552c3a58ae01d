"""A training run: start a model, warm it up if asked to, then GRPO; everything in one folder.

run/config.yaml       the resolved configuration; with it and the dataset the run can be repeated
run/provenance.json   versions, plugins, seed, the dataset and its hash
run/preflight.json    what was checked before the first step, and found
run/metrics.jsonl     a line for each step, written as it happens
run/rollouts/         what was asked, answered and earned in each step
run/samples/          some questions of some steps, to look at
run/warm_start/       the model after the warm start, if there was one
run/model/            the trained model and its processor
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from accelerate import PartialState
from transformers import PrinterCallback

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.render import Renderer
from videossr_trainers.arguments import (
    check_batches,
    engine_arguments,
    grpo_arguments,
    leave_cores_to_loaders,
)
from videossr_trainers.callbacks import StepReport
from videossr_trainers.curves import tasks_with_levels
from videossr_trainers.data import Questions, training_table
from videossr_trainers.difficulty import DifficultyTrail, FollowRewards, batches_ahead
from videossr_trainers.grpo import VideoGRPOTrainer
from videossr_trainers.models import load_model, locate_model
from videossr_trainers.order import QuestionSampler
from videossr_trainers.preflight.course import Preflight
from videossr_trainers.provenance import write_provenance
from videossr_trainers.recording import Recording, record
from videossr_trainers.rewards import TaskReward
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection
from videossr_trainers.selection import chosen_recipes, current_floors, mixture
from videossr_trainers.trackers import check_trackers
from videossr_trainers.warm_start import warm_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset, Recipe
    from videossr_trainers.preflight.course import Tell

    #: Called after each step with the stage, the step, the steps in all and what was measured.
    Report = Callable[[str, int, int, Mapping[str, float]], None]


_METRICS: Final = "metrics.jsonl"


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


def start_model(
    config: RunConfig,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    folder: Path,
    report: Report,
    check: Preflight | None = None,
) -> Started:
    """Load or make the model, and warm it up if the configuration says so."""
    section = config.section(ModelSection)
    warm = config.section(WarmStartSection)
    if section.name == "tiny" and not all(recipe.checked for recipe in recipes):
        problem = "'tiny' takes its words from the questions, and these are only planned"
        right = "build the dataset with build.check=true"
        raise ConfigError(Mistake("model.name", problem, right))
    if section.weights == "bfloat16" and warm.steps:
        problem = "bfloat16 loses small steps, and the warm start trains all weights"
        raise ConfigError(Mistake("model.weights", problem, "float32, or warm_start.steps=0"))
    texts = [recipe.question for recipe in recipes]
    name = locate_model(section, folder / "start", texts, seed=config.seed)
    model, processor = load_model(name, section.revision, getattr(torch, section.weights))
    if check:
        check.of_the_data(model, processor)
    if not warm.steps:
        return Started(model, processor, name, ())
    log = warm_start(
        model,
        processor,
        training_table(recipes, renderer),
        warm,
        folder / "warm_start",
        seed=config.seed,
        loader_workers=config.section(GrpoSection).loader_workers,
        callbacks=[StepReport("warm start", report, folder / _METRICS)],
    )
    # Loaded again, since the supervised trainer leaves its own head on the model.
    model, processor = load_model(str(folder / "warm_start"))
    return Started(model, processor, str(folder / "warm_start"), log)


def make_trainer(
    config: RunConfig,
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    started: Started,
    folder: Path,
    report: Report,
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

    trainer = VideoGRPOTrainer(
        **engine_arguments(grpo, config.section(ModelSection), started.model),
        questions=Questions(recipes, renderer),
        sampler=sampler,
        model=started.model,
        processing_class=started.processor,
        reward_funcs=reward,
        args=arguments,
        callbacks=[FollowRewards(trail, reward), StepReport("grpo", report, folder / _METRICS)],
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
    config: RunConfig, dataset: Dataset, folder: Path, report: Report, tell: Tell | None = None
) -> Path:
    """Run the whole training and return the folder of the trained model.

    Args:
        tell: called with what the preflight found.

    Raises:
        ConfigError: the configuration does not fit the dataset or the machine, or the folder is in use.
        DatasetError: a recipe renders otherwise than when it was built.
    """
    state = PartialState()
    if state.is_main_process and folder.exists() and any(folder.iterdir()):
        raise ConfigError(Mistake(str(folder), "is not empty", "choose another folder for the run"))
    recipes = chosen_recipes(config, dataset)
    check_batches(config.section(GrpoSection), len(recipes))
    check_trackers(config.section(GrpoSection).report_to)
    leave_cores_to_loaders(config.section(GrpoSection))
    renderer = Renderer.for_dataset(dataset, run=config)
    if state.is_main_process:
        write_provenance(config, dataset, folder)
    state.wait_for_everyone()
    wanted = config.section(GrpoSection).preflight
    check = Preflight(config, dataset, folder, tell) if wanted else None
    started = start_model(config, recipes, renderer, folder, report, check)
    trainer = make_trainer(config, dataset, recipes, renderer, started, folder, report)
    if check:
        check.watch(trainer)
    trainer.train()
    trainer.save_model(str(folder / "model"))
    return folder / "model"
