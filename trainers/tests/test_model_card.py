"""The card beside a model: written from the run's folder, valid on the Hub, and plain about what is not known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import ModelCard
from plain_recipes import dataset_for

from videossr.benchmark import Graded, measure
from videossr.cli import main
from videossr.config import RunConfig, load_config
from videossr_trainers.bench.running import scores_tree
from videossr_trainers.model_card.card import write_card
from videossr_trainers.models.identity import folder_hash
from videossr_trainers.sections import LoraSection
from videossr_trainers.training.checkpoints import save_whole_model
from videossr_trainers.training.provenance import write_provenance

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_questions import MakeTrainer

#: Two steps of a task asked at two levels, after a warm start; the last line is cut off.
LINES = [
    {"stage": "warm start", "step": 600, "loss": 1.0},
    {
        "stage": "grpo",
        "step": 1,
        "reward/jigsaw": 0.25,
        "floor/jigsaw": 0.5,
        "parse_failures/jigsaw": 1.0,
    },
    {
        "stage": "grpo",
        "step": 2,
        "reward/jigsaw": 0.75,
        "reward/jigsaw/0.5": 0.875,
        "floor/jigsaw": 0.375,
    },
]


def run_of(folder: Path, *overrides: str, preset: str = "tiny") -> RunConfig:
    """A run's folder as a training leaves it, with a model of one file."""
    config = load_config(preset, overrides)
    write_provenance(config, dataset_for(config), folder)
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (folder / "metrics.jsonl").write_text(text + '{"stage": "gr')
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    return config


def benched(folder: Path, of: Path, **facts: object) -> Path:
    """A folder as `videossr bench run` leaves it: two subtasks, sighted and blind."""
    folder.mkdir()
    floors = {"jigsaw_easy": 0.25, "jigsaw_hard": 0.5}
    graded = {
        condition: [
            Graded(f"{name}/{i}", name, f"v{i}", (i % 2) * best, parsed=i < 3)
            for name in floors
            for i in range(4)
        ]
        for condition, best in (("sighted", 1.0), ("blind", 0.5))
    }
    scores = {name: scores_tree(measure(some, floors)) for name, some in graded.items()}
    (folder / "scores.json").write_text(json.dumps(scores))
    run = {
        "format": 2,
        "state": "done",
        "benchmark": "b" * 32,
        "model": {"family": "Qwen3VL", "model": folder_hash(of)},
        "name": "served",
        "decoding": {"temperature": 0.0},
        "conditions": ["sighted", "blind"],
    }
    (folder / "run.json").write_text(json.dumps({**run, **facts}))
    return folder


def told(*words: object) -> int:
    """The exit code of `videossr model-card`."""
    with pytest.raises(SystemExit) as stop:
        main(["model-card", *map(str, words)])
    return int(stop.value.code or 0)


def test_a_card_says_what_the_run_folder_says(tmp_path: Path) -> None:
    """Recipe, reward, floors, versions, the length of the training, and that nothing was measured since."""
    config = run_of(tmp_path / "run", "grpo.beta=0.125", "modifiers.strict_reward={}")
    assert write_card(tmp_path / "run" / "model", tmp_path / "run")
    card = ModelCard.load(tmp_path / "run" / "model" / "README.md")
    assert "transformers" == card.data.library_name
    assert "video-text-to-text" == card.data.pipeline_tag
    assert {"videossr", "grpo", "reinforcement-learning"} <= {*card.data.tags}
    assert card.data.base_model is None
    assert card.data.eval_results is None
    assert "| warm start | 600 supervised steps of " in card.text
    assert "| GRPO | 2 steps of " in card.text
    assert "beta 0.125" in card.text
    assert "Around the tasks lay: `strict_reward`." in card.text
    for task in config.tasks:
        assert f"| {task} | {task} {config.provenance[task]['plugin_version']} | " in card.text
    assert "| jigsaw | 0.250 | 0.750 | 0.375 | 0 % |" in card.text
    assert "| jigsaw/0.5 | 0.875 | 0.875 | n/a | 0 % |" in card.text
    assert "No scores on questions that it was not trained on are recorded here" in card.text
    assert "far too small to be of any use" in card.text
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert f"at commit {provenance['commit']}\n" in card.text
    for origin in config.provenance.values():
        assert f"of {origin['distribution']} {origin['version']}\n" in card.text


def test_the_base_on_the_hub_is_named(tmp_path: Path) -> None:
    """With its revision; of a model in a folder no more than the folder's name is told."""
    run_of(tmp_path / "run", "model.revision=abc", preset="paper")
    write_card(tmp_path / "run" / "model", tmp_path / "run", datasets=["me/questions"])
    card = ModelCard.load(tmp_path / "run" / "model" / "README.md")
    assert "Qwen/Qwen3-VL-8B-Instruct" == card.data.base_model
    assert "finetune" == card.data.base_model_relation
    assert ["me/questions"] == card.data.datasets
    assert "It began with Qwen/Qwen3-VL-8B-Instruct, revision abc." in card.text
    secret = tmp_path / "private" / "mine"
    secret.mkdir(parents=True)
    run_of(tmp_path / "other", f"model.name={secret}", f"store.folder={tmp_path / 'store'}")
    write_card(tmp_path / "other" / "model", tmp_path / "other")
    text = (tmp_path / "other" / "model" / "README.md").read_text()
    assert "It began with a model in a folder called mine." in text
    assert str(tmp_path) not in text


def test_what_stands_in_a_folder_without_a_run_stays(tmp_path: Path) -> None:
    """A trainer that is used on its own writes no card of ours."""
    (tmp_path / "model").mkdir()
    assert not write_card(tmp_path / "model", tmp_path)
    assert [] == [*(tmp_path / "model").iterdir()]


def test_an_adapters_card_takes_the_place_of_pefts(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    """Saved as a run saves it; nothing of PEFT's stock text is left."""
    run = tmp_path / "run"
    config = load_config("tiny", ["model.lora={rank: 4}"])
    write_provenance(config, dataset_for(config), run)
    save_whole_model(make_trainer(lora=LoraSection(rank=4)), run / "model")
    card = ModelCard.load(run / "model" / "README.md")
    assert "peft" == card.data.library_name
    assert "lora" in card.data.tags
    assert "A LoRA adapter trained by" in card.text
    assert "LoRA of rank 4" in card.text
    assert "No step was taken" in card.text
    assert "More Information Needed" not in card.text
    assert (run / "model" / "adapter_model.safetensors").exists()


def test_scores_with_intervals_and_floors(tmp_path: Path) -> None:
    """By subtask; in the front matter as results that the Hub reads. By hand: 0, 1, 0, 1 are 50."""
    run = tmp_path / "run"
    run_of(run)
    assert 0 == told(run, "--bench", benched(tmp_path / "viu", run / "model"))
    card = ModelCard.load(run / "model" / "README.md")
    (row,) = (line for line in card.text.splitlines() if line.startswith(r"| jigsaw\_easy |"))
    assert row.startswith(r"| jigsaw\_easy | 4 | 25.0 | n/a | 50.0 [")
    assert row.endswith("] | 25.0 | n/a | 1 |")
    assert "| mean | 8 | 37.5 | n/a | 50.0 [" in card.text
    assert f"Digest of the questions: `{'b' * 32}`" in card.text
    results = {result.dataset_config: result for result in card.data.eval_results}
    assert {"jigsaw_easy", "jigsaw_hard", "mean"} == set(results)
    assert (50.0, "score", "viu") == (
        results["mean"].metric_value,
        results["mean"].metric_type,
        results["mean"].dataset_name,
    )
    assert "are recorded here" not in card.text


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"state": "running"}, "the videos were not asked about to the end"),
        ({"model": {"family": "Qwen3VL", "model": "0"}}, "its answers are of another model than"),
    ],
)
def test_answers_that_are_not_of_the_model_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: dict[str, Any], problem: str
) -> None:
    """By the folder's name, and the card stays as it was."""
    run = tmp_path / "run"
    run_of(run)
    assert 2 == told(run, "--bench", benched(tmp_path / "viu", run / "model", **facts))
    assert f"{tmp_path / 'viu'}: {problem}" in capsys.readouterr().err
    assert not (run / "model" / "README.md").exists()
    assert 2 == told(tmp_path, "--bench", tmp_path / "viu")
    assert "there is no trained model in it" in capsys.readouterr().err
