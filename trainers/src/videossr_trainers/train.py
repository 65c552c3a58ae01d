"""A training run: start a model, warm it up if asked to, then GRPO; everything in one folder.

run/config.yaml       the resolved configuration; with it and the dataset the run can be repeated
run/provenance.json   versions, plugins, seed, the dataset and its hash
run/metrics.jsonl     a line for each step, written as it happens
run/warm_start/       the model after the warm start, if there was one
run/model/            the trained model and its processor
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import torch
import xxhash
from accelerate import PartialState
from omegaconf import OmegaConf
from transformers import PrinterCallback
from trl import GRPOConfig

from videossr import ConfigError
from videossr.build import floors_of
from videossr.errors import Mistake
from videossr.render import Renderer
from videossr.threads import core_count
from videossr_trainers.callbacks import StepReport
from videossr_trainers.data import Questions, training_table
from videossr_trainers.difficulty import DifficultyTrail, FollowRewards, batches_ahead
from videossr_trainers.grpo import VideoGRPOTrainer
from videossr_trainers.models import load_model, locate_model
from videossr_trainers.order import QuestionSampler
from videossr_trainers.rewards import TaskReward
from videossr_trainers.sections import GrpoSection, ModelSection, WarmStartSection
from videossr_trainers.warm_start import warm_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset, Recipe
    from videossr.floors import Floors

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


def chosen_recipes(config: RunConfig, dataset: Dataset) -> tuple[Recipe, ...]:
    """The dataset's recipes of the tasks that the configuration enables.

    Raises:
        ConfigError: the configuration asks for tasks, settings or frames that the dataset was not
            built with; every difference is listed.
    """
    tree, built = config.tree(), dataset.config
    mistakes = [
        Mistake(f"video.{key}", f"{value!r} here, {built['video'].get(key)!r} in the dataset")
        for key, value in tree["video"].items()
        if value != built["video"].get(key)
    ]
    for name, settings in tree["tasks"].items():
        if name not in dataset.tasks:
            right = f"the dataset has {', '.join(dataset.tasks)}"
            mistakes.append(Mistake(f"tasks.{name}", "is not in the dataset", right))
            continue
        theirs = built["tasks"][name]
        follows = config.tasks[name].task.follows_rewards
        changeable = {"weight", "difficulty"} if follows else {"weight"}
        mistakes += [
            Mistake(f"tasks.{name}.{key}", f"{value!r} here, {theirs.get(key)!r} in the dataset")
            for key, value in settings.items()
            if key not in changeable and value != theirs.get(key)
        ]
    if mistakes:
        mistakes.append(
            Mistake("dataset", "was built otherwise", "build it again with this configuration")
        )
        raise ConfigError(mistakes)
    return tuple(recipe for recipe in dataset.recipes if recipe.task in config.tasks)


def start_model(
    config: RunConfig, recipes: Sequence[Recipe], renderer: Renderer, folder: Path, report: Report
) -> Started:
    """Load or make the model, and warm it up if the configuration says so."""
    section = config.section(ModelSection)
    warm = config.section(WarmStartSection)
    if section.name == "tiny" and not all(recipe.checked for recipe in recipes):
        problem = "'tiny' takes its words from the questions, and these are only planned"
        right = "build the dataset with build.check=true"
        raise ConfigError(Mistake("model.name", problem, right))
    texts = [recipe.question for recipe in recipes]
    name = locate_model(section, folder / "start", texts, seed=config.seed)
    model, processor = load_model(name, section.revision)
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
    reward = TaskReward(
        tasks,
        current_floors(config, dataset, recipes, renderer),
        grpo.num_generations,
        measurements=config.measurements,
    )
    arguments = grpo_arguments(grpo, config.section(ModelSection), folder, seed=config.seed)
    trail = DifficultyTrail(
        tasks, batches_ahead(grpo.loader_workers, arguments.steps_per_generation)
    )

    def sampler(group: int, chunk: int, repeats: int) -> QuestionSampler:
        return QuestionSampler(
            recipes, config.seed, group=group, chunk=chunk, repeats=repeats, trail=trail
        )

    trainer = VideoGRPOTrainer(
        shared_prefix=grpo.shared_prefix,
        questions=Questions(recipes, renderer),
        sampler=sampler,
        model=started.model,
        processing_class=started.processor,
        reward_funcs=reward,
        args=arguments,
        callbacks=[FollowRewards(trail, reward), StepReport("grpo", report, folder / _METRICS)],
    )
    trainer.remove_callback(PrinterCallback)  # the console shows the same, and shorter
    return trainer


def current_floors(
    config: RunConfig, dataset: Dataset, recipes: Sequence[Recipe], renderer: Renderer
) -> Floors:
    """The blind floors under the run's own modifiers: a stricter reward has a lower floor.

    A task whose difficulty follows the rewards needs those of all levels.
    """
    same = config.tree()["modifiers"] == dataset.config.get("modifiers", {})
    follows = any(weighted.task.follows_rewards for weighted in config.tasks.values())
    if same and not follows:
        return dataset.header.floors
    return floors_of(config, recipes, renderer)


def train(config: RunConfig, dataset: Dataset, folder: Path, report: Report) -> Path:
    """Run the whole training and return the folder of the trained model.

    Raises:
        ConfigError: the configuration does not fit the dataset or the machine, or the folder is in use.
        DatasetError: a recipe renders otherwise than when it was built.
    """
    state = PartialState()
    if state.is_main_process and folder.exists() and any(folder.iterdir()):
        raise ConfigError(Mistake(str(folder), "is not empty", "choose another folder for the run"))
    recipes = chosen_recipes(config, dataset)
    check_batches(config.section(GrpoSection), len(recipes))
    leave_cores_to_loaders(config.section(GrpoSection))
    renderer = Renderer.for_dataset(dataset, run=config)
    if state.is_main_process:
        write_provenance(config, dataset, folder)
    state.wait_for_everyone()
    started = start_model(config, recipes, renderer, folder, report)
    trainer = make_trainer(config, dataset, recipes, renderer, started, folder, report)
    trainer.train()
    trainer.save_model(str(folder / "model"))
    return folder / "model"


def check_batches(grpo: GrpoSection, questions: int) -> None:
    """Refuse batch sizes that do not divide, and datasets too small for one step.

    Raises:
        ConfigError: with the arithmetic.
    """
    processes = PartialState().num_processes
    at_once = grpo.questions_per_device * processes
    if grpo.questions_per_step % at_once:
        raise ConfigError(
            Mistake(
                "grpo.questions_per_step",
                f"{grpo.questions_per_step} is no multiple of {grpo.questions_per_device} questions "
                f"a device x {processes} processes = {at_once}",
                "choose a multiple",
            )
        )
    if questions < grpo.questions_per_step:
        n = grpo.num_generations
        raise ConfigError(
            Mistake(
                "dataset",
                f"{questions} questions are fewer than one generation batch: "
                f"{grpo.questions_per_step} questions a step x {n} rollouts = "
                f"{grpo.questions_per_step * n} rollouts, the dataset gives {questions} x {n} = "
                f"{questions * n}",
                "build more questions, or lower grpo.questions_per_step",
            )
        )


def leave_cores_to_loaders(grpo: GrpoSection) -> None:
    """On a machine without a GPU, compute with the cores that the loaders do not need.

    More threads than cores wait for each other in a busy loop, which slows a small model tenfold.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, core_count() - grpo.loader_workers))


def grpo_arguments(
    grpo: GrpoSection, model: ModelSection, folder: Path, *, seed: int
) -> GRPOConfig:
    """Our section in TRL's terms. A generation batch is one optimizer step."""
    on_gpu = torch.cuda.is_available()
    at_once = grpo.questions_per_device * PartialState().num_processes
    return GRPOConfig(
        output_dir=str(folder / "checkpoints"),
        num_generations=grpo.num_generations,
        per_device_train_batch_size=grpo.questions_per_device * grpo.num_generations,
        gradient_accumulation_steps=grpo.questions_per_step // at_once,
        learning_rate=grpo.learning_rate,
        lr_scheduler_type="constant",
        beta=grpo.beta,
        entropy_coef=grpo.entropy_bonus,
        temperature=grpo.temperature,
        max_completion_length=grpo.max_completion_length,
        loss_type=grpo.loss_type,
        max_grad_norm=grpo.max_grad_norm,
        num_train_epochs=grpo.epochs,
        max_steps=grpo.max_steps or -1,
        gradient_checkpointing=model.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        bf16=on_gpu,
        use_cpu=not on_gpu,
        dataloader_num_workers=grpo.loader_workers,
        dataloader_persistent_workers=grpo.loader_workers > 0,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        logging_steps=1,
        save_strategy="steps" if grpo.save_steps else "no",
        save_steps=grpo.save_steps or 1,
        report_to=list(grpo.report_to),
        disable_tqdm=True,
        seed=seed,
    )


def write_provenance(config: RunConfig, dataset: Dataset, folder: Path) -> None:
    """Write what the run is made of, before it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.create(config.tree()), folder / "config.yaml")
    digests = xxhash.xxh3_128(
        "\n".join(f"{recipe.seed} {recipe.digest}" for recipe in dataset.recipes).encode()
    ).hexdigest()
    packages = ("videossr-core", "videossr-trainers", "torch", "transformers", "trl", "av")
    facts = {
        "seed": config.seed,
        "versions": {name: version(name) for name in packages},
        "python": platform.python_version(),
        "plugins": config.provenance,
        "dataset": {"questions": len(dataset.recipes), "digest": digests},
        "floors": dataset.floors,
    }
    (folder / "provenance.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
