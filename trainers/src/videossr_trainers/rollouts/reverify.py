"""Stored rollouts graded again, by the plugins that are installed now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videossr.errors import ConfigError, Mistake
from videossr_trainers.rollouts.stored import FOLDER, read_rollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.facades import Task
    from videossr_trainers.rollouts.stored import Rollout


@dataclass(frozen=True, slots=True)
class Difference:
    """A completion that is worth something else now, or has the form of an answer as it had not.

    Attributes:
        stored, now: its rewards.
        stored_parsed, now_parsed: whether it had the form of an answer.
        version_stored, version_now: the plugin's own.
    """

    step: int
    task: str
    index: int
    group: int
    number: int
    completion: str
    stored: float
    now: float
    stored_parsed: bool
    now_parsed: bool
    plugin: str
    version_stored: str
    version_now: str

    def __str__(self) -> str:
        then, now = f"{self.stored:.6g}", f"{self.now:.6g}"
        if then == now:  # no figure of six digits shows it
            then, now = repr(self.stored), repr(self.now)
        if self.stored_parsed != self.now_parsed:
            then += "" if self.stored_parsed else " (no answer)"
            now += "" if self.now_parsed else " (no answer)"
        versions = f"version {self.version_stored!r}"
        if self.version_stored != self.version_now:
            versions += f" then, {self.version_now!r} now"
        return (
            f"step {self.step}, {self.task} {self.index}, completion {self.number} "
            f"{self.completion[:80]!r}: {then} stored, {now} now; plugin {self.plugin}, {versions}"
        )


@dataclass(slots=True)
class Tally:
    """What has been graded again so far.

    Attributes:
        checked: completions.
        files: of rollouts.
        versions: of each plugin that has another version now, the stored ones and the present one.
    """

    checked: int = 0
    files: int = 0
    different: int = 0
    versions: dict[str, tuple[set[str], str]] = field(default_factory=dict)


def config_of(path: Path) -> Path:
    """The configuration of the run that a path of rollouts belongs to.

    Args:
        path: a run's folder, its folder of rollouts, or one file of these.

    Raises:
        ConfigError: it lies in no run's folder.
    """
    path = path.resolve()
    folder = path.parent if path.is_file() else path
    run = folder.parent if folder.name == FOLDER else folder
    if (run / "config.yaml").is_file():
        return run / "config.yaml"
    right = "give it by --config: rewards depend on the settings of tasks and modifiers"
    raise ConfigError(
        Mistake(str(run / "config.yaml"), "the run's configuration is not here", right)
    )


def reverify(
    files: Sequence[Path],
    config: RunConfig,
    tally: Tally,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Difference]:
    """Grade every completion again, and give those whose reward is another.

    Rewards are compared to the bit. One file is in memory at a time.

    Args:
        config: whose tasks grade, with the modifiers around them.
        tally: counts along.
        progress: called with files done and files in all.

    Raises:
        ConfigError: the configuration has not the task of a rollout.
        DatasetError: a file is damaged, or none of rollouts.
        PluginError: a reward raised.
    """
    for path in files:
        for rollout in read_rollouts(path):
            if rollout.task not in config.tasks:
                right = f"it has {', '.join(config.tasks)}; give the run's own by --config"
                raise ConfigError(
                    Mistake(f"tasks.{rollout.task}", f"{path} has rollouts of it", right)
                )
            difference = _graded_again(rollout, config.tasks[rollout.task].task, tally)
            tally.checked += 1
            if difference:
                tally.different += 1
                yield difference
        tally.files += 1
        if progress:
            progress(tally.files, len(files))


def _graded_again(rollout: Rollout, task: Task, tally: Tally) -> Difference | None:
    if rollout.plugin_version != task.version:
        tally.versions.setdefault(rollout.plugin, (set(), task.version))[0].add(
            rollout.plugin_version
        )
    score = task.score(rollout.completion, rollout.answer, rollout.truth, rollout.context)
    if (score.value, score.parsed) == (rollout.reward, rollout.parsed):
        return None
    return Difference(
        step=rollout.step,
        task=rollout.task,
        index=rollout.index,
        group=rollout.group,
        number=rollout.number,
        completion=rollout.completion,
        stored=rollout.reward,
        now=score.value,
        stored_parsed=rollout.parsed,
        now_parsed=score.parsed,
        plugin=rollout.plugin,
        version_stored=rollout.plugin_version,
        version_now=task.version,
    )
