"""A run is checked before it starts, and says what it is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from plain_recipes import plain_recipe

from videossr import ConfigError
from videossr.config import RunConfig, load_config
from videossr.dataset import Dataset, Header
from videossr.floors import Floors
from videossr_trainers.arguments import check_batches, grpo_arguments
from videossr_trainers.provenance import write_provenance
from videossr_trainers.sections import GrpoSection, ModelSection
from videossr_trainers.selection import chosen_recipes


def dataset_for(config: RunConfig) -> Dataset:
    """A dataset as a build with this configuration would make it, with two questions a task."""
    recipes = tuple(plain_recipe(task, index) for task in config.tasks for index in range(2))
    floors = Floors({task: {0.5: 0.5} for task in config.tasks})
    return Dataset(recipes, Header(Path("videos"), config.tree(), {}, floors))


def test_a_disabled_task_is_left_out_and_the_rest_stays() -> None:
    """Turning a task off in the configuration trains on the other tasks' recipes, the same ones."""
    dataset = dataset_for(load_config("tiny"))
    chosen = chosen_recipes(load_config("tiny", ["tasks.jigsaw.enabled=false"]), dataset)
    assert chosen == tuple(one for one in dataset.recipes if one.task != "jigsaw")


def test_every_difference_from_the_dataset_is_listed() -> None:
    """Settings that the dataset was not built with are named one by one, with both values."""
    dataset = dataset_for(load_config("tiny", ["tasks.counting.enabled=false"]))
    with pytest.raises(ConfigError) as raised:
        chosen_recipes(
            load_config("tiny", ["tasks.jigsaw.trim=0.1", "video.num_frames=20"]), dataset
        )
    places = [mistake.where for mistake in raised.value.mistakes]
    assert places == ["video.num_frames", "tasks.counting", "tasks.jigsaw.trim", "dataset"]
    assert "tasks.jigsaw.trim: 0.1 here, 0.0 in the dataset" in str(raised.value)


def test_weights_and_training_settings_may_differ() -> None:
    """What does not change a question may differ from what the dataset was built with."""
    dataset = dataset_for(load_config("tiny"))
    overrides = ["tasks.jigsaw.weight=9", "grpo.beta=0.5", "warm_start.steps=1", "build.size=7"]
    assert chosen_recipes(load_config("tiny", overrides), dataset) == dataset.recipes


def test_too_few_questions_give_the_arithmetic() -> None:
    """By hand: 64 questions a step x 8 rollouts are 512; 63 questions give 504."""
    check_batches(GrpoSection(), 64)
    with pytest.raises(ConfigError, match=r"64 questions a step x 8 .* = 512 .* 63 x 8 = 504"):
        check_batches(GrpoSection(), 63)


def test_a_step_divides_into_passes() -> None:
    """Questions a step must be a multiple of what all processes take at once."""
    with pytest.raises(
        ConfigError, match="10 is no multiple of 4 questions a device x 1 processes"
    ):
        check_batches(GrpoSection(questions_per_step=10, questions_per_device=4), 100)


def test_the_paper_in_trls_terms(tmp_path: Path) -> None:
    """The preset `paper` gives the batch, the rate, the KL term and the epoch of the paper.

    By hand: 64 questions, one at a time on one process, are 64 accumulations of 8 rollouts, and a
    generation batch of 512.
    """
    config = load_config("paper")
    arguments = grpo_arguments(
        config.section(GrpoSection), config.section(ModelSection), tmp_path, seed=0
    )
    assert arguments.per_device_train_batch_size == 8
    assert arguments.gradient_accumulation_steps == 64
    assert arguments.generation_batch_size == 512
    assert arguments.num_generations == 8
    assert arguments.learning_rate == 1e-6
    assert arguments.beta == 1e-3
    assert arguments.entropy_coef == 0.0
    assert arguments.temperature == 1.0
    assert arguments.num_train_epochs == 1.0
    assert arguments.max_completion_length == 2048


def test_provenance_can_be_read_back(tmp_path: Path) -> None:
    """The configuration written beside a run resolves to the same tree."""
    config = load_config("tiny", ["seed=7"])
    write_provenance(config, dataset_for(config), tmp_path)
    assert load_config(tmp_path / "config.yaml").tree() == config.tree()
    assert OmegaConf.load(tmp_path / "config.yaml").seed == 7
    facts = json.loads((tmp_path / "provenance.json").read_text())
    assert facts["seed"] == 7
    assert facts["dataset"]["questions"] == 6
    assert {"torch", "transformers", "trl", "videossr-core"} <= facts["versions"].keys()
