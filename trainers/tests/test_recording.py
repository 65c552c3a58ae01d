"""A real training of four steps: what it leaves behind, on disk and in the trackers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from importlib.util import find_spec
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
from digits_run import trainer_of, write_config
from huggingface_hub import ModelCard
from PIL import Image

from videossr.cli.app import main
from videossr.render import Renderer
from videossr_trainers.rollouts.stored import read_rollouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from videossr_trainers.rollouts.stored import Rollout

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks, one of which gets harder all along."""
    return write_config(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def rendered() -> Counter[tuple[str, int]]:
    """How often each question was rendered by the training."""
    return Counter()


@pytest.fixture(scope="module")
def run(
    config: Path, rendered: Counter[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Sequence[dict[str, Any]]]]:
    """The run's folder, and the trainer's own log of its steps."""
    folder = tmp_path_factory.mktemp("run")
    stock = Renderer.at_difficulty

    def counting(self: Renderer, recipe: Any, difficulty: float) -> Any:  # noqa: ANN401
        rendered[recipe.task, recipe.index] += 1
        return stock(self, recipe, difficulty)

    report_to = f"grpo.report_to=[{'tensorboard' if find_spec('tensorboard') else ''}]"
    with pytest.MonkeyPatch.context() as patch:
        trainer = trainer_of(config, folder, report_to)
        patch.setattr(Renderer, "at_difficulty", counting)
        trainer.train()
    yield folder, [entry for entry in trainer.state.log_history if "loss" in entry]
    shutil.rmtree(folder)


def test_each_checkpoint_has_its_card(run: tuple[Path, Sequence[dict[str, Any]]]) -> None:
    """Listed in its manifest, and valid on the Hub; it tells of the steps that the checkpoint has had."""
    folder, log = run
    for checkpoint in (folder / "checkpoints").glob("checkpoint-*"):
        step = int(checkpoint.name.rpartition("-")[2])
        assert "README.md" in json.loads((checkpoint / "whole.json").read_text())["files"]
        card = ModelCard.load(checkpoint / "README.md")
        assert f"| GRPO | {step} step" in card.text
        assert "| more | digits 1 | 50 % | " in card.text
        # By hand: the means are over a half of the steps, 1 of 2 and 2 of 4.
        first = fmean(entry["reward/more"] for entry in log[: step // 2])
        assert f"| more | {first:.3f} | " in card.text
    assert step <= len(log)


def stored(run: Path) -> list[list[Rollout]]:
    """The rollouts of each step."""
    return [read_rollouts(path) for path in sorted((run / "rollouts").iterdir())]


def test_every_step_has_its_rollouts(run: tuple[Path, Any]) -> None:
    """Four questions with two answers each, whose groups stand together, and their advantages."""
    folder, _ = run
    names = [f"step_{step:06d}.parquet" for step in (1, 2, 3, 4)]
    assert names == sorted(path.name for path in (folder / "rollouts").iterdir())
    for number, step in enumerate(stored(folder), 1):
        assert [(number, group, answer) for group in range(4) for answer in range(2)] == [
            (one.step, one.group, one.number) for one in step
        ]
        for pair in zip(step[::2], step[1::2], strict=True):
            mean, rewards = fmean(one.reward for one in pair), [one.reward for one in pair]
            spread = abs(rewards[0] - rewards[1]) / 2**0.5
            expected = [(reward - mean) / (spread + 1e-4) for reward in rewards]
            assert [one.advantage for one in pair] == pytest.approx(expected, abs=1e-4)


def test_curves_are_those_of_the_rollouts(run: tuple[Path, Any]) -> None:
    """What is logged can be computed again from what is stored."""
    folder, log = run
    assert 4 == len(log)
    for step, entry in zip(stored(folder), log, strict=True):
        for task in ("digits", "more"):
            of_task = [one for one in step if one.task == task]
            assert fmean(one.reward for one in of_task) == pytest.approx(entry[f"reward/{task}"])
            tokens = fmean(len(one.tokens) for one in of_task)
            assert tokens == pytest.approx(entry[f"length/{task}"])
        levels = {f"{one.difficulty:.1f}" for one in step if one.task == "digits"}
        logged = {name.split("/")[2] for name in entry if name.startswith("reward/digits/")}
        assert levels == logged
        assert not any(name.startswith("reward/more/") for name in entry)


def test_a_group_is_rendered_once(
    run: tuple[Path, Any], rendered: Counter[tuple[str, int]]
) -> None:
    """However many answers a question has, and however often TRL asks for its batch."""
    folder, _ = run
    asked = [(one.task, one.index) for step in stored(folder) for one in step if not one.number]
    assert 16 == len(asked)
    assert Counter(asked) == rendered


def test_waiting_for_data_is_measured(run: tuple[Path, Any]) -> None:
    """Seconds, and their share of the step; rendered in line, the first step waits at any rate."""
    _, log = run
    assert log[0]["data_wait_s"] > 0
    assert all(0 <= entry["data_wait"] <= 1 for entry in log)


def test_samples_are_written(run: tuple[Path, Any]) -> None:
    """Of the first step and every second: a picture, and what belongs to it."""
    folder, _ = run
    names = {
        f"step_{step:06d}_{task}.{kind}"
        for step in (1, 2, 4)
        for task in ("digits", "more")
        for kind in ("png", "json")
    }
    assert names == {path.name for path in (folder / "samples").iterdir()}
    facts = json.loads((folder / "samples" / "step_000004_more.json").read_text())
    first = next(one for one in stored(folder)[3] if one.task == "more")
    assert (4, "more", first.index, first.question, "7") == (
        facts["step"],
        facts["task"],
        facts["index"],
        facts["question"],
        facts["answer"],
    )
    assert 2 == len(facts["completions"])
    assert {"text", "reward", "parsed", "advantage"} == facts["completions"][0].keys()
    assert facts["completions"][0]["text"] == first.completion
    assert facts["completions"][0]["reward"] == first.reward
    with Image.open(folder / "samples" / "step_000004_more.png") as picture:
        # By hand: four frames of 32 x 32 in a row, 4 pixels between, 14 for their times.
        assert (4 * 36, 32 + 14 + 4) == picture.size


def test_tensorboard_has_the_curves_and_the_samples(run: tuple[Path, Any]) -> None:
    """Its own reader finds the figures of the log, the pictures and the texts."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
        EventAccumulator,
    )

    folder, log = run
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    for name in ("reward/digits", "length/more", "reward_std/digits", "data_wait", "loss"):
        expected = {entry["step"]: pytest.approx(entry[name], abs=1e-6) for entry in log}
        assert expected == {one.step: one.value for one in events.Scalars(f"train/{name}")}
    level = next(name for name in log[0] if name.startswith("reward/digits/"))
    assert log[0][level] == pytest.approx(events.Scalars(f"train/{level}")[0].value)
    shown = events.Images("samples/digits")
    assert [1, 2, 4] == [one.step for one in shown]
    assert (4 * 36, 50) == (shown[0].width, shown[0].height)
    text = events.Tensors("samples/digits/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "answer: 7" in text


def test_rewards_come_out_the_same_again(
    run: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """`reverify` on what a training has stored, by its folder."""
    with pytest.raises(SystemExit) as stop:
        main(["reverify", str(run[0])])
    assert (0, "32 completions of 4 steps: rewards as stored\n") == (
        stop.value.code,
        capsys.readouterr().out,
    )


def test_a_step_that_is_repeated_stores_the_same_bytes(
    run: tuple[Path, Any], config: Path, tmp_path: Path
) -> None:
    """Resumed from the checkpoint of the second step, the last two are written anew."""
    folder, _ = run
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    before = {path.name: path.read_bytes() for path in (again / "rollouts").iterdir()}
    (again / "rollouts" / "step_000003.parquet").unlink()
    (again / "rollouts" / "step_000004.parquet").write_bytes(b"torn")
    resumed = trainer_of(config, again)
    resumed.train(resume_from_checkpoint=str(again / "checkpoints" / "checkpoint-2"))
    assert before == {path.name: path.read_bytes() for path in (again / "rollouts").iterdir()}


def test_a_loader_of_its_own_changes_nothing(
    run: tuple[Path, Any], config: Path, tmp_path: Path
) -> None:
    """With a process that renders ahead the first two steps ask, answer and earn the same."""
    trainer_of(config, tmp_path / "ahead", "grpo.loader_workers=1", "grpo.max_steps=2").train()
    for name in ("step_000001.parquet", "step_000002.parquet"):
        ahead = (tmp_path / "ahead" / "rollouts" / name).read_bytes()
        assert (run[0] / "rollouts" / name).read_bytes() == ahead
