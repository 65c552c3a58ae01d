"""The whole loop on a machine with nothing: videos drawn by code, a tiny model, a report to look at.

demo/videos/{train,held_out}/   procedural videos, and a table of each
demo/{train,held_out}/          the two datasets; no video is in both
demo/run/                       configuration, metrics and models, as `videossr train` leaves them
demo/report.html                what came out of it
demo/.unfinished                while it is under way; a demo that was ended early is started over
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import torch
from omegaconf import OmegaConf

from videossr import ConfigError
from videossr.benchmark.scores import times_100
from videossr.build import build
from videossr.config import load_config
from videossr.engine import Local
from videossr.errors import Mistake
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr.seeds import derive_seed
from videossr.threads import core_count
from videossr.video_table import write_table
from videossr_trainers.bench.conditions import CONDITIONS
from videossr_trainers.demo.examination import Answered, evaluate
from videossr_trainers.demo.figures import evaluation, gains, shown_samples, step_metrics
from videossr_trainers.model_card.card import write_card
from videossr_trainers.model_card.exam import Exam, ExamRow
from videossr_trainers.questions.selection import chosen_recipes
from videossr_trainers.report import Run, write_report
from videossr_trainers.report.data import BLIND, SIGHTED, WRONG_VIDEO
from videossr_trainers.sections import GrpoSection
from videossr_trainers.training.arguments import check_batches, leave_cores_to_loaders
from videossr_trainers.training.provenance import write_provenance
from videossr_trainers.training.train import make_trainer, start_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset
    from videossr_trainers.console import StageConsole

_PRESET: Final = "tiny"
_FPS: Final = 8.0
_SECONDS: Final = 8.0
_SIDE: Final = 96

_UNFINISHED: Final = ".unfinished"

#: All that a demo's folder may hold.
_MADE: Final = frozenset(
    {_UNFINISHED, "videos", "train", "held_out", "run", "answers.json", "report.html"}
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    train_videos: int
    held_out_videos: int
    questions: int
    held_out_questions: int
    warm_start_steps: int
    grpo_steps: int


FULL: Final = Size(192, 48, 4608, 480, 600, 150)
QUICK: Final = Size(8, 4, 64, 24, 3, 2)


@dataclass(slots=True)
class _Stopwatch:
    """Wall-clock seconds of the stages, in order."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def lap(self, stage: str) -> None:
        now = time.monotonic()
        self.seconds[stage] = now - self._since
        self._since = now


@dataclass(slots=True)
class _StepLog:
    """What the trainers report, with the time since GRPO began, passed on to the terminal."""

    console: StageConsole
    steps: list[dict[str, float]] = field(default_factory=list)
    started: float = 0.0

    def __call__(self, stage: str, step: int, steps: int, logs: Mapping[str, float]) -> None:
        self.console.report(stage, step, steps, logs)
        if stage == "grpo":
            self.steps.append({**logs, "step": step, "seconds": time.monotonic() - self.started})


def run_demo(folder: Path, *, quick: bool, seed: int, console: StageConsole) -> Path:
    """Run the loop and return the path of its report.

    Raises:
        ConfigError: the folder is in use.
    """
    _make_room(folder)
    size = QUICK if quick else FULL
    clock = _Stopwatch()
    training = _draw(
        folder / "videos" / "train", size.train_videos, seed, console, "drawing videos"
    )
    held_out = _draw(
        folder / "videos" / "held_out",
        size.held_out_videos,
        derive_seed(seed, "held-out videos"),
        console,
        "held-out videos",
    )
    clock.lap("drawing")
    config = _config(size, seed, size.questions)
    train_set = _build(config, training, folder / "train", console, "building questions")
    test_set = _build(
        _config(size, seed, size.held_out_questions),
        held_out,
        folder / "held_out",
        console,
        "held-out questions",
    )
    clock.lap("scanning and building")

    recipes = chosen_recipes(config, train_set)
    check_batches(config.section(GrpoSection), len(recipes))
    leave_cores_to_loaders(config.section(GrpoSection))
    renderer = Renderer.for_dataset(train_set, run=config)
    run = folder / "run"
    write_provenance(config, train_set, run)
    log = _StepLog(console)
    started = start_model(config, train_set, recipes, renderer, run, log)
    clock.lap("warm start")

    examiner = _Examiner(test_set, config, console)
    before = examiner.examine(started.model, started.processor, "exam before")
    clock.lap("exam before")
    trainer = make_trainer(config, train_set, recipes, renderer, started, run, log)
    log.started = time.monotonic()
    trainer.train()
    trainer.save_model(str(run / "model"))
    clock.lap("GRPO")
    after = examiner.examine(trainer.model, started.processor, "exam after")
    clock.lap("exam after")

    write_card(run / "model", run, exams=[_exam(size, seed, test_set, before, after)])
    (folder / "answers.json").write_text(json.dumps(_answers(before, after), indent=1) + "\n")
    page = Run(
        title="videossr demo",
        facts=_facts(size, seed, clock, train_set, test_set),
        floors=test_set.floors,
        before=evaluation(before, test_set.tasks),
        after=evaluation(after, test_set.tasks),
        gains=gains(before["sighted"], after["sighted"], test_set.tasks),
        warm_start_loss=[entry["loss"] for entry in started.log],
        steps=step_metrics(log.steps, test_set.tasks),
        samples=shown_samples(before["sighted"], after["sighted"], examiner.renderer),
        config=OmegaConf.to_yaml(OmegaConf.create(config.tree())),
        notes=_NOTES,
    )
    report = write_report(page, folder / "report.html")
    (folder / _UNFINISHED).unlink()
    return report


def _make_room(folder: Path) -> None:
    """Make the demo's folder, in the place of one that was ended early.

    Raises:
        ConfigError: there is something else, which is never removed.
    """
    there = {path.name for path in folder.iterdir()} if folder.exists() else {_UNFINISHED}
    if _UNFINISHED not in there or there - _MADE:
        right = "remove it, or choose another folder with -o"
        raise ConfigError(Mistake(str(folder), "exists already", right))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _UNFINISHED).touch()


_NOTES: Final = (
    (
        "The videos are drawn by code and the model has about half a million random weights, so the "
        "figures show that the loop works and what this model learns in these minutes; they say "
        "nothing about a large model on real videos."
    ),
    (
        "The floor is what the best answer earns that never sees the picture, given all that the "
        "prompt shows. Blind means grey frames; wrong video means the frames of another question of "
        "the same task."
    ),
    "Intervals are 95 % bootstrap intervals, resampled by video. The gain is paired by question.",
)


class _Examiner:
    """Puts the held-out questions to a model under every condition."""

    def __init__(self, dataset: Dataset, config: RunConfig, console: StageConsole) -> None:
        self.dataset = dataset
        self.renderer = Renderer.for_dataset(dataset)
        self.max_new_tokens = config.section(GrpoSection).max_completion_length
        self.console = console

    def examine(self, model: Any, processor: Any, stage: str) -> dict[str, list[Answered]]:  # noqa: ANN401
        total = len(CONDITIONS) * len(self.dataset.recipes)
        answers = {}
        for number, condition in enumerate(CONDITIONS):
            begun = number * len(self.dataset.recipes)
            answers[str(condition)] = evaluate(
                model,
                processor,
                self.dataset.recipes,
                self.renderer,
                condition,
                max_new_tokens=self.max_new_tokens,
                progress=partial(self._advance, stage, begun, total),
            )
        return answers

    def _advance(self, stage: str, begun: int, total: int, done: int, of_condition: int) -> None:
        del of_condition
        self.console.advance(stage, begun + done, total)


def _draw(folder: Path, count: int, seed: int, console: StageConsole, stage: str) -> Path:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        console.advance(stage, done, count)

    write_videos(
        folder,
        count,
        seed=seed,
        seconds=_SECONDS,
        fps=_FPS,
        height=_SIDE,
        width=_SIDE,
        workers=core_count(),
        progress=advance,
    )
    return folder


def _config(size: Size, seed: int, questions: int) -> RunConfig:
    return load_config(
        _PRESET,
        [
            f"seed={seed}",
            f"build.size={questions}",
            f"warm_start.steps={size.warm_start_steps}",
            f"grpo.max_steps={size.grpo_steps}",
            # It takes minutes, and is started over rather than resumed.
            "warm_start.save_steps=0",
            "grpo.save_steps=0",
        ],
    )


def _build(
    config: RunConfig, videos: Path, folder: Path, console: StageConsole, stage: str
) -> Dataset:
    rows = scan(videos, engine=Local(core_count()))
    write_table(rows, videos.with_suffix(".parquet"), videos.resolve())
    dataset = build(
        config, rows, videos.resolve(), engine=Local(core_count()), progress=console.stage(stage)
    )
    dataset.save(folder)
    return dataset


def _answers(
    before: Mapping[str, Sequence[Answered]], after: Mapping[str, Sequence[Answered]]
) -> list[dict[str, object]]:
    """Every answer that was given, so that the table can be computed again."""
    return [
        {
            "when": when,
            "condition": condition,
            "task": answered.recipe.task,
            "index": answered.recipe.index,
            "video": answered.recipe.video,
            "answer": answered.recipe.answer,
            "completion": answered.completion,
            "reward": answered.score.value,
            "parsed": answered.score.parsed,
        }
        for when, conditions in (("before", before), ("after", after))
        for condition, answers in conditions.items()
        for answered in answers
    ]


def _exam(
    size: Size,
    seed: int,
    dataset: Dataset,
    before: Mapping[str, Sequence[Answered]],
    after: Mapping[str, Sequence[Answered]],
) -> Exam:
    """The held-out scores, as a card tells them."""
    first, last = evaluation(before, dataset.tasks), evaluation(after, dataset.tasks)

    def row(task: str) -> ExamRow:
        scores = last.scores[task]
        sighted = scores[SIGHTED]
        return ExamRow(
            name=task,
            questions=sighted.questions,
            floor=100 * dataset.floors[task],
            score=times_100(sighted.reward),
            before=times_100(first.scores[task][SIGHTED].reward),
            blind=100 * scores[BLIND].reward.mean,
            wrong_video=100 * scores[WRONG_VIDEO].reward.mean,
            unreadable=round(sighted.parse_failures * sighted.questions),
        )

    how = f"About {size.held_out_videos} videos drawn by code, seed {seed}; the most likely answer"
    return Exam("held-out questions of the demo", "", how, tuple(map(row, dataset.tasks)))


def _facts(
    size: Size, seed: int, clock: _Stopwatch, train_set: Dataset, test_set: Dataset
) -> dict[str, str]:
    stages = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in clock.seconds.items())
    packages = ("videossr-core", "torch", "transformers", "trl", "av")
    return {
        "seed": str(seed),
        "videos": f"{size.train_videos} to train on, {size.held_out_videos} others held out; "
        f"{_SECONDS:g} s at {_FPS:g} frames a second, {_SIDE} x {_SIDE} pixels",
        "questions": f"{len(train_set.recipes)} to train on, {len(test_set.recipes)} held out",
        "steps": f"{size.warm_start_steps} of warm start, {size.grpo_steps} of GRPO",
        "time": f"{sum(clock.seconds.values()):.0f} s in all: {stages}",
        "machine": f"{core_count()} cores, {'a GPU' if torch.cuda.is_available() else 'no GPU'}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }
