"""What a run is made of: written into its folder before it starts, and compared before it goes on."""

from __future__ import annotations

import json
import platform
import warnings
from typing import TYPE_CHECKING, Any, Final

import xxhash
from omegaconf import OmegaConf

from videossr.atomic import write_text
from videossr.build.overlap import contents_of
from videossr.errors import Mistake
from videossr_trainers.models.identity import commit_in, content_of
from videossr_trainers.processes import on_main
from videossr_trainers.questions.difficulty import follows_progress
from videossr_trainers.sections import GrpoSection, ModelSection
from videossr_trainers.training.attempts import attempts_of, commits_of
from videossr_trainers.training.occupied import CONFIG, PROVENANCE, VIDEOS, has_provenance
from videossr_trainers.training.source import source_of
from videossr_trainers.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset

#: Settings that leave the result as it is, and may be others when a run goes on.
FREE: Final = (
    "plugins",  # where they are found; what they are is compared by version
    "store",
    "grpo.keep_checkpoints",
    "grpo.log_samples_steps",
    "grpo.max_lost_share",
    "grpo.max_nonfinite_steps",
    "grpo.preflight",
    "grpo.report_to",
    "grpo.save_steps",
    "grpo.store_rollouts",
    "warm_start.save_steps",
)

#: Those that leave it up to rounding, and say what fits into a machine. How far questions are drawn up
#: ahead depends on them, which matters where the difficulty follows the rewards.
_FREE_UNLESS_FOLLOWING: Final = ("grpo.loader_workers", "grpo.questions_per_device")

#: And one that leaves it up to rounding in any case.
_ROUNDING: Final = ("model.gradient_checkpointing",)

#: How long a run is. May grow, unless what a step does depends on how many there are.
_LENGTHS: Final = ("grpo.max_steps", "grpo.epochs")


def write_provenance(config: RunConfig, dataset: Dataset, folder: Path) -> None:
    """Write what the run is made of, before it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config(config, folder)
    write_text(folder / VIDEOS, json.dumps(contents_of(dataset.recipes), indent=0) + "\n")
    _write(folder, {**_facts(config, dataset), "attempts": []})


def note_attempt(folder: Path, stage: str, step: int) -> None:
    """Note which code takes the steps of a stage from now on; nothing where a folder holds no run.

    Args:
        folder: the run's.
        stage: that begins or goes on.
        step: the first that is taken.
    """

    def note() -> None:
        if has_provenance(folder):
            facts = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
            attempt = {"stage": stage, "step": step, "commit": source_of()}
            _write(folder, {**facts, "attempts": [*attempts_of(facts), attempt]})

    on_main(note)


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    write_text(folder / PROVENANCE, json.dumps(facts, indent=2) + "\n")


def write_config(config: RunConfig, folder: Path) -> None:
    """Write the configuration, with every default."""
    write_text(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(config.tree())))


def differences(config: RunConfig, dataset: Dataset, folder: Path) -> list[Mistake]:
    """What differs from the run in a folder, of all that its result depends on.

    Warns of libraries that are of another version, which may differ in the last bits, and of another commit
    of our own code.
    """
    saved = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    now = json.loads(json.dumps(_facts(config, dataset)))
    for name, number in now["versions"].items():
        if saved["versions"].get(name) != number:
            warnings.warn(
                f"{name} is {number}, and was {saved['versions'].get(name)} when the run began: it may go "
                "on otherwise in the last bits",
                stacklevel=2,
            )
    before = [commit for commit in commits_of(saved) if commit != now["commit"]]
    if before:
        warnings.warn(
            f"the code is of commit {now['commit']}, and was of {', '.join(before)} in the run before: it "
            "may go on otherwise",
            stacklevel=2,
        )
    here = json.loads(json.dumps(config.tree()))
    there: Any = OmegaConf.to_container(OmegaConf.load(folder / CONFIG))
    free: tuple[str, ...] = _LENGTHS
    if 0 == config.section(GrpoSection).max_steps == there["grpo"]["max_steps"]:
        free = ("grpo",)  # the run ends with its warm start, which depends on none of it
    if saved.get("model") == now["model"] is not None:
        free += ("model.revision",)  # another word for the same commit
    settings = [
        *other_settings(there, here, free, follows_rewards=follows_rewards(config)),
        *_other_length(config, dataset, _flat(there)),
    ]
    return [
        *sorted(settings, key=lambda one: one.where),
        *other_plugins(saved, now),
        *_other_dataset(saved, now),
        *([] if _has_own_start(folder) else _other_model(config, saved, now)),
    ]


def follows_rewards(config: RunConfig) -> bool:
    """Whether the difficulty of any task follows the rewards."""
    return any(weighted.task.follows_rewards for weighted in config.tasks.values())


def other_settings(
    saved: Mapping[str, Any],
    now: Mapping[str, Any],
    free: Sequence[str] = (),
    *,
    follows_rewards: bool,
) -> Iterator[Mistake]:
    """What differs between the configuration of a run and the one that it is to go on with.

    Args:
        saved, now: trees of plain values.
        free: places that do not matter, besides those that never do.
        follows_rewards: whether the difficulty of any task does.
    """
    free = (*FREE, *_ROUNDING, *free)
    if not follows_rewards:
        free += _FREE_UNLESS_FOLLOWING
    there, here = _flat(saved), _flat(now)
    # A setting that only one side has belongs to a release that knows more; its default was in force
    # before. Only what a run names itself, its tasks and modifiers, counts as a difference, and what has
    # come in the place of one value, such as the settings of an adapter in the place of null.
    leaves = {*here} & {*there}
    leaves |= {
        name
        for name in {*here} ^ {*there}
        if name.startswith(("tasks.", "modifiers."))
        or any(above in here or above in there for above in _above(name))
    }
    for name in sorted(leaves):
        then, one = there.get(name), here.get(name)
        if then != one and not any(_below(name, place) for place in free):
            yield Mistake(name, f"{one!r} here, {then!r} in the run")


def _other_length(
    config: RunConfig, dataset: Dataset, there: Mapping[str, Any]
) -> Iterator[Mistake]:
    """What keeps the run from having as many steps as it is now asked for."""
    grpo = config.section(GrpoSection)
    names = [name.removeprefix("grpo.") for name in _LENGTHS if name in there]
    begun = grpo.model_copy(update={name: there[f"grpo.{name}"] for name in names})
    questions = sum(recipe.task in config.tasks for recipe in dataset.recipes)
    then, now = begun.steps(questions), grpo.steps(questions)
    if now == then or not then:  # no step has been taken yet
        return
    if now < then:
        right = "may only grow"
    elif grpo.lr_scheduler != "constant":
        # A step that was taken had its rate from the old number of steps.
        right = f"may not grow, since grpo.lr_scheduler={grpo.lr_scheduler} is laid over all steps"
    else:
        laid = [name for name, one in config.tasks.items() if follows_progress(one.task)]
        if not laid:
            return
        right = f"may not grow, since the difficulty of {', '.join(laid)} is laid over all steps"
    steps = f"{now} steps here, {then} in the run"
    for name in names:
        one, other = getattr(grpo, name), getattr(begun, name)
        if one != other:
            raw = f"{one!r} here, {other!r} in the run"
            yield Mistake(
                f"grpo.{name}", raw if {one, other} == {now, then} else f"{raw}: {steps}", right
            )


def other_plugins(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mistake]:
    """The plugins that differ between the facts of a run and those of the one that goes on."""
    for name in sorted({*saved["plugins"], *now["plugins"]}):
        then, here = (one["plugins"].get(name) for one in (saved, now))
        if then != here:
            yield Mistake(f"plugin {name}", f"{_origin(here)} here, {_origin(then)} in the run")


def _other_dataset(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mistake]:
    if saved["dataset"] != now["dataset"]:
        then, here = saved["dataset"], now["dataset"]
        yield Mistake(
            "dataset",
            f"{here['questions']} questions with the hash {here['digest']} here, "
            f"{then['questions']} with {then['digest']} in the run",
        )


def _has_own_start(folder: Path) -> bool:
    """Whether a run has a copy of what it goes on from, so that the model it names is not read again."""
    return any((folder / name).exists() for name in ("start", "warm_start"))


def _other_model(
    config: RunConfig, saved: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Mistake]:
    """Another model under the name of the one that the run began with; older runs do not say which it was."""
    then, here = (one.get("model") for one in (saved, now))
    if then and here and then != here:
        name = config.section(ModelSection).name
        problem = f"{name!r} has another model now than when the run began: {here} here, {then} in the run"
        back = (
            f"give model.revision={commit}"
            if (commit := commit_in(then))
            else "bring that one back"
        )
        yield Mistake("model.name", problem, f"{back}, or start a new run")


def _origin(facts: Mapping[str, str] | None) -> str:
    if facts is None:
        return "not in use"
    return f"version {facts['plugin_version']!r} of {facts['distribution']} {facts['version']}"


def _facts(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    digests = xxhash.xxh3_128(
        "\n".join(f"{recipe.seed} {recipe.digest}" for recipe in dataset.recipes).encode()
    ).hexdigest()
    model = config.section(ModelSection)
    return {
        "seed": config.seed,
        "model": content_of(model.name, model.revision),
        "versions": versions(),
        "python": platform.python_version(),
        "commit": source_of(),
        "plugins": config.provenance,
        "dataset": {"questions": len(dataset.recipes), "digest": digests},
        "floors": dataset.floors,
    }


def _flat(tree: Any, place: str = "") -> dict[str, Any]:  # noqa: ANN401 - plain values
    """The leaves of a tree by their dotted names."""
    if not isinstance(tree, dict) or not tree:
        return {place: tree}
    return {
        name: leaf
        for key, branch in tree.items()
        for name, leaf in _flat(branch, f"{place}.{key}" if place else str(key)).items()
    }


def _above(name: str) -> list[str]:
    """The places that a dotted name lies below."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _below(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")
