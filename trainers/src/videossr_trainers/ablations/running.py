"""Running ablations: every seed of every one, each in a folder of its own."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError, DatasetError, VideossrError
from videossr.benchmark import refuse_overlap
from videossr.errors import Mistake
from videossr.locks import held
from videossr_trainers.ablations.began import with_content
from videossr_trainers.ablations.differences import differences
from videossr_trainers.ablations.launched import refuse_uneven
from videossr_trainers.ablations.learnt import refuse_learnt
from videossr_trainers.ablations.processes import complete, is_done, seconds_of
from videossr_trainers.ablations.stages import begun_with, noted_model, plan, run_folder
from videossr_trainers.ablations.variants import told
from videossr_trainers.ablations.videos import Videos
from videossr_trainers.pages import write_json
from videossr_trainers.training.attempts import attempts_of
from videossr_trainers.training.provenance import follows_rewards
from videossr_trainers.training.source import source_of
from videossr_trainers.versions import versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr_trainers.ablations.processes import Tell
    from videossr_trainers.ablations.stages import Plan
    from videossr_trainers.ablations.variants import Variant

FORMAT: Final = 2

#: Of a run: what it is, and whether it is done.
RUN: Final = "run.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not come to its end, and why."""

    name: str
    seed: int
    reason: str


def run_all(
    variants: Sequence[Variant],
    seeds: Sequence[int],
    videos: Path,
    output: Path,
    *,
    scale: str,
    launcher: Sequence[str] = (),
    tell: Tell = lambda _: None,
) -> list[Failure]:
    """Run ablations for some seeds, and go on where runs were ended; what is done is not done again.

    All of a seed come before the next seed. One that fails does not keep the others from being run.

    Args:
        variants: those to run.
        seeds: of each.
        videos: a table from `videossr scan`.
        output: the folder of all runs at this scale.
        scale: its name.
        launcher: words that start Python, for the stages that compute.
        tell: told of what is begun.

    Returns:
        Those that failed.

    Raises:
        ConfigError: a folder holds a run of other settings, plugins or videos; with every difference of
            every one, before any is begun. Or the launcher fails, or a step's questions cannot be shared
            out among its processes.
        DatasetError: the table cannot be read, or a run's record is damaged.
    """
    found = Videos.read(videos)
    runs = [
        _Run.of(variant, seed, found, output, scale, launcher)
        for seed in seeds
        for variant in variants
    ]
    mistakes = [mistake for run in runs for mistake in run.differences()]
    if mistakes:
        raise ConfigError(mistakes, "give what they began with, or choose another folder with -o")
    if launcher:
        to_train = [run.variant for run in runs if not is_done(run.plan.grpo)]
        refuse_uneven(to_train, launcher, tell)
    failures = []
    for run in runs:
        try:
            run.complete(launcher, _named(tell, run.name))
        except (VideossrError, OSError) as error:
            failures.append(Failure(run.variant.name, run.seed, str(error)))
            tell(f"{run.name}: failed: {error}")
    return failures


def _named(tell: Tell, name: str) -> Tell:
    return lambda line: tell(f"{name}: {line}")


@dataclass(frozen=True, slots=True)
class _Run:
    """One seed of an ablation: what it is, and where it lies."""

    variant: Variant
    seed: int
    output: Path
    folder: Path
    plan: Plan
    facts: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        variant: Variant,
        seed: int,
        videos: Videos,
        output: Path,
        scale: str,
        launcher: Sequence[str],
    ) -> _Run:
        planned = plan(variant, seed, videos, output, launcher)
        facts = _facts(variant, seed, scale, videos, planned, output, launcher)
        # As the file has it, for comparing.
        plain = json.loads(json.dumps(facts))
        folder = run_folder(output, variant.name, seed)
        return cls(variant, seed, output, folder, planned, plain)

    @property
    def name(self) -> str:
        return f"{self.variant.name}, seed {self.seed}"

    def complete(self, launcher: Sequence[str], tell: Tell) -> None:
        """Do what is left to do.

        Raises:
            ConfigError: another command has begun a run of other settings here meanwhile.
            VideossrError, OSError: a stage failed.
        """
        path = self.folder / RUN
        with held(self.folder / ".lock", lambda: tell("waiting for another that is at it")):
            mistakes = self.differences()
            if mistakes:
                raise ConfigError(mistakes)
            saved = self._saved()
            if saved.get("state") == "done" and all(map(is_done, self.plan.stages)):
                tell("is done")
                return
            attempt = {"commit": source_of(), "since": time.time()}
            facts = {
                **self.facts,
                "commit": attempt["commit"],
                "attempts": [*attempts_of(saved), attempt],
            }
            write_json(path, facts)
            for stage in self.plan.stages:
                complete(stage, launcher, tell)
                if stage.place == self.plan.benchmark:
                    refuse_overlap(self.plan.benchmark, self.plan.learnt_from)
                    refuse_learnt(self.plan.benchmark, self.plan.begins_with)
            seconds = {stage.name: seconds_of(stage) for stage in self.plan.stages}
            write_json(path, {**facts, "state": "done", "seconds": seconds})
            tell("done")

    def differences(self) -> list[Mistake]:
        """How what the folder holds differs from this, each with the run's name."""
        saved = self._saved()
        if not saved:
            return []
        saved = with_content(saved, self.output)
        follows = follows_rewards(self.variant.config)
        return [
            Mistake(f"{self.name}: {one.where}", one.problem, one.right)
            for one in differences(saved, self.facts, follows_rewards=follows)
        ]

    def _saved(self) -> dict[str, Any]:
        """What the folder says of its run; empty where there is none."""
        path = self.folder / RUN
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            right = "remove it, and what is done is found again"
            raise DatasetError(f"{path}: is damaged ({error}); {right}") from error
        return dict(saved)


def _facts(
    variant: Variant,
    seed: int,
    scale: str,
    videos: Videos,
    planned: Plan,
    output: Path,
    launcher: Sequence[str],
) -> dict[str, Any]:
    places = {
        "train_set": planned.train_set,
        "benchmark": planned.benchmark,
        "before": planned.before,
        "after": planned.after,
        "training": planned.training,
    }
    against = variant.counterpart and {
        "name": variant.against,
        "config": _settings(variant.counterpart, variant.counterpart_start),
    }
    concerned = [one for one in (variant.root, variant.start, variant.config) if one]
    return {
        "format": FORMAT,
        "state": "running",
        "name": variant.name,
        "scale": scale,
        "seed": seed,
        "against": against,
        "launcher": shlex.join(launcher),
        "warm_start": planned.starts_here,
        "plugins": {name: facts for one in concerned for name, facts in one.provenance.items()},
        "versions": versions(),
        "places": {name: path.relative_to(output).as_posix() for name, path in places.items()},
        "config": _settings(variant.config, variant.start) | {"seed": seed},
        "exam": planned.exam,
        "videos": videos.content,
    }


def _settings(config: RunConfig, start: RunConfig | None) -> dict[str, Any]:
    """What a configuration says, with what its runs begin with, by its content.

    Where another one says what that is, the model that this one names is not read.
    """
    if start:
        return told(config) | {"start": begun_with(start)}
    return told(config) | {"start": None, "model": noted_model(config)}
