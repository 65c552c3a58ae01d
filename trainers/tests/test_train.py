"""A run is checked before it starts, and says what it is made of."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from omegaconf import OmegaConf
from plain_recipes import dataset_for
from small_runs import DIGITS

from videossr import ConfigError
from videossr.cli import main
from videossr.config import load_config
from videossr_trainers.preflight.questions import questions
from videossr_trainers.questions.selection import chosen_recipes
from videossr_trainers.sections import GrpoSection, ModelSection
from videossr_trainers.training.arguments import check_batches, grpo_arguments
from videossr_trainers.training.provenance import differences, write_provenance
from videossr_trainers.training.train import train

if TYPE_CHECKING:
    from pathlib import Path


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
    assert places == ["video.num_frames", "tasks.counting", "tasks.jigsaw.trim"]
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


def test_too_few_questions_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    """With whatever else is wrong with the batches, and no run folder is left."""
    config = load_config("tiny", ["grpo.questions_per_device=5", "grpo.questions_per_step=32"])
    with pytest.raises(ConfigError) as raised:
        train(config, dataset_for(config), tmp_path / "run", lambda *_: None)
    assert [mistake.where for mistake in raised.value.mistakes] == [
        "grpo.questions_per_step",
        "dataset",
    ]
    assert "6 questions are fewer than one generation batch: 32 questions a step" in str(
        raised.value
    )
    assert not (tmp_path / "run").exists()


def test_a_step_divides_into_passes() -> None:
    """Questions a step must be a multiple of what all processes take at once."""
    with pytest.raises(
        ConfigError, match="10 is no multiple of 4 questions a device x 1 process = 4"
    ):
        check_batches(GrpoSection(questions_per_step=10, questions_per_device=4), 100)


def test_the_preflight_foretells_the_steps_that_are_taken() -> None:
    """By hand: six questions are one step of four, and an epoch and a half of that is begun twice."""
    changed = ["grpo.questions_per_step=4", "grpo.epochs=1.5", "grpo.max_steps=null"]
    config = load_config("tiny", changed)
    recipes = dataset_for(config).recipes
    subject: Any = SimpleNamespace(config=config, recipes=recipes, asked=())
    steps = config.section(GrpoSection).steps(len(recipes))
    told = questions(subject)
    assert 2 == steps == told.figures["steps"]
    assert "; 2 steps of 4 questions ask each 1.3 times; " in told.measured


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (1, "1 step of 2 questions ask 33 % of them; "),
        (3, "3 steps of 2 questions ask each once; "),
    ],
)
def test_how_often_a_question_is_asked_is_told_in_words(steps: int, told: str) -> None:
    """By hand: of six questions, one step of two asks a third."""
    config = load_config("tiny", ["grpo.questions_per_step=2", f"grpo.max_steps={steps}"])
    recipes = dataset_for(config).recipes
    subject: Any = SimpleNamespace(config=config, recipes=recipes, asked=())
    assert told in questions(subject).measured


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
    assert arguments.project == "videossr"


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


def test_the_command_tells_every_mistake_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the configuration, its trackers, the dataset and the run's folder; exit code 2."""
    (tmp_path / "notes.txt").touch()
    words = ["tiny", "--dataset", str(tmp_path / "nowhere"), "-o", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main(["train", *words, "grpo.beta=-1", "video.num_frames=0", "grpo.report_to=[console]"])
    assert ended.value.code == 2
    head, *told = capsys.readouterr().err.splitlines()
    assert head == "5 mistakes:"
    assert [line.split(": ")[0].strip() for line in told] == [
        "grpo.report_to",
        "video.num_frames",
        "grpo.beta",
        f"{tmp_path}/nowhere",
        str(tmp_path),
    ]


def test_a_run_tells_every_mistake_at_once(tmp_path: Path) -> None:
    """What only shows when the configuration, the dataset and the folder are held together."""
    config = load_config("tiny", ["grpo.questions_per_step=2"])
    write_provenance(config, dataset_for(config), tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").touch()
    dataset = dataset_for(load_config("tiny", ["video.num_frames=20"]))
    other = load_config("tiny", ["seed=1", "grpo.report_to=[console]", "grpo.questions_per_step=2"])
    with pytest.raises(ConfigError) as raised:
        train(other, dataset, tmp_path / "run", lambda *_: None, resume=True)
    places = [mistake.where for mistake in raised.value.mistakes]
    assert places == ["grpo.report_to", "video.num_frames", "seed"]
    assert str(raised.value).splitlines()[3:] == [
        "the dataset was built otherwise; build it again with this configuration",
        (
            f"{tmp_path}/run holds a run that is made otherwise; give what it began with, or choose "
            "another folder"
        ),
    ]


def lengthened(folder: Path, source: str | Path, begun: list[str], now: list[str]) -> list[str]:
    """What keeps a run of six questions from going on with other settings."""
    config = load_config(source, ["grpo.questions_per_step=2", *begun])
    write_provenance(config, dataset_for(config), folder / "run")
    config = load_config(source, ["grpo.questions_per_step=2", *now])
    return [str(one) for one in differences(config, dataset_for(config), folder / "run")]


@pytest.mark.parametrize(
    ("begun", "now", "told"),
    [
        (["max_steps=4"], ["max_steps=6"], []),
        (
            ["max_steps=4"],
            ["max_steps=3"],
            ["grpo.max_steps: 3 here, 4 in the run; may only grow"],
        ),
        (
            ["max_steps=4"],
            ["max_steps=null"],
            [
                "grpo.max_steps: None here, 4 in the run: 3 steps here, 4 in the run; may only grow",
            ],
        ),
        (["max_steps=2"], ["max_steps=null"], []),
        (["max_steps=null"], ["max_steps=4"], []),
        (
            ["max_steps=null"],
            ["max_steps=2"],
            ["grpo.max_steps: 2 here, None in the run: 2 steps here, 3 in the run; may only grow"],
        ),
        (["max_steps=null"], ["max_steps=null", "epochs=2"], []),
        (["max_steps=4"], ["max_steps=4", "epochs=0.5"], []),
    ],
)
def test_a_run_may_only_become_longer(
    tmp_path: Path, begun: list[str], now: list[str], told: list[str]
) -> None:
    """Steps in all are compared, however they are asked for. By hand: an epoch is three steps."""
    steady = ["grpo.lr_scheduler=constant", "grpo.warmup_steps=2"]
    before, after = ([*steady, *(f"grpo.{one}" for one in some)] for some in (begun, now))
    assert told == lengthened(tmp_path, "tiny", before, after)


def test_a_run_that_ends_with_its_warm_start_depends_on_nothing_of_grpo(tmp_path: Path) -> None:
    """So that runs of several settings may share it; with steps to take they matter."""
    other = ["grpo.beta=0.5", "grpo.max_completion_length=3"]
    none = "grpo.max_steps=0"
    assert [] == lengthened(tmp_path, "tiny", [none], [none, *other])
    (told, _) = lengthened(tmp_path, "tiny", [none], ["grpo.max_steps=2", *other])
    assert "grpo.beta: 0.5 here, 0.0 in the run" == told


@pytest.mark.parametrize("scheduler", ["linear", "cosine"])
def test_a_rate_that_falls_over_all_steps_keeps_their_number(
    tmp_path: Path, scheduler: str
) -> None:
    """With more of them the rate would jump up, and be that of neither run."""
    falls = f"grpo.lr_scheduler={scheduler}"
    begun, now = ([falls, f"grpo.max_steps={steps}"] for steps in (4, 6))
    (told,) = lengthened(tmp_path, "tiny", begun, now)
    assert told == (
        f"grpo.max_steps: 6 here, 4 in the run; may not grow, since {falls} is laid over all steps"
    )
    assert not lengthened(tmp_path, "tiny", begun, begun)


@pytest.mark.parametrize(
    ("reads", "schedule", "keeps"),
    [
        ("", "{kind: linear}", False),  # in the recipes, which training does not change
        ("", "{kind: adaptive}", False),
        ("seen", "0.5", False),
        ("progress", "{kind: linear}", False),  # asked by builds alone
        ("progress, seen", "0.5", True),
        ("progress", "{kind: adaptive}", True),
        ("seen", "{kind: linear}", True),  # a hook may leave it to the configuration
    ],
)
def test_a_difficulty_that_follows_the_progress_keeps_the_number_of_steps(
    tmp_path: Path, reads: str, schedule: str, *, keeps: bool
) -> None:
    """With more of them the difficulty would fall back."""
    hook = f"    @hookimpl\n    def difficulty_schedule(self, {reads}):\n        return None\n\n"
    code = DIGITS.replace("\nplugin", f"{hook}\nplugin") if reads else DIGITS
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "digits.py").write_text(code)
    (tmp_path / "run.yaml").write_text(
        "extends: tiny\nplugins: {folders: [loose]}\n"
        f"tasks: {{digits: {{difficulty: {schedule}}}}}\n"
    )
    begun, now = ([f"grpo.max_steps={steps}"] for steps in (4, 6))
    told = lengthened(tmp_path, tmp_path / "run.yaml", begun, now)
    right = "may not grow, since the difficulty of digits is laid over all steps"
    assert told == ([f"grpo.max_steps: 6 here, 4 in the run; {right}"] if keeps else [])
