"""What a run is made of: written into its folder before it starts, and compared before it goes on."""

from __future__ import annotations

import json
import platform
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import xxhash
from omegaconf import OmegaConf

from videossr.atomic import write_text
from videossr.errors import Mistake
from videossr_trainers.questions.difficulty import follows_progress
from videossr_trainers.sections import GrpoSection
from videossr_trainers.training.occupied import CONFIG, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset

#: Settings that leave the result as it is, and may be others when a run goes on.
_FREE: Final = (
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
    write_text(folder / PROVENANCE, json.dumps(_facts(config, dataset), indent=2) + "\n")


def write_config(config: RunConfig, folder: Path) -> None:
    """Write the configuration, with every default."""
    write_text(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(config.tree())))


def differences(config: RunConfig, dataset: Dataset, folder: Path) -> list[Mistake]:
    """What differs from the run in a folder, of all that its result depends on.

    Warns of libraries that are of another version: they may differ in the last bits.
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
    here = _flat(json.loads(json.dumps(config.tree())))
    there = _flat(OmegaConf.to_container(OmegaConf.load(folder / CONFIG)))
    settings = [*_other_settings(config, here, there), *_other_length(config, dataset, there)]
    return [*sorted(settings, key=lambda one: one.where), *_other_facts(saved, now)]


def _other_settings(
    config: RunConfig, here: Mapping[str, Any], there: Mapping[str, Any]
) -> Iterator[Mistake]:
    free: tuple[str, ...] = _FREE + _ROUNDING + _LENGTHS
    if not any(weighted.task.follows_rewards for weighted in config.tasks.values()):
        free += _FREE_UNLESS_FOLLOWING
    # A setting that only one side has belongs to a release that knows more; its default was in force
    # before. Only what a run names itself, its tasks and modifiers, counts as a difference.
    named = {n for n in {*here} ^ {*there} if n.startswith(("tasks.", "modifiers."))}
    for name in sorted(({*here} & {*there}) | named):
        then, now = there.get(name), here.get(name)
        if then == now or any(_below(name, one) for one in free):
            continue
        yield Mistake(name, f"{now!r} here, {then!r} in the run")


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


def _other_facts(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in sorted({*saved["plugins"], *now["plugins"]}):
        then, here = (one["plugins"].get(name) for one in (saved, now))
        if then != here:
            yield Mistake(f"plugin {name}", f"{_origin(here)} here, {_origin(then)} in the run")
    if saved["dataset"] != now["dataset"]:
        then, here = saved["dataset"], now["dataset"]
        yield Mistake(
            "dataset",
            f"{here['questions']} questions with the hash {here['digest']} here, "
            f"{then['questions']} with {then['digest']} in the run",
        )


def _origin(facts: Mapping[str, str] | None) -> str:
    if facts is None:
        return "not in use"
    return f"version {facts['plugin_version']!r} of {facts['distribution']} {facts['version']}"


def _facts(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    digests = xxhash.xxh3_128(
        "\n".join(f"{recipe.seed} {recipe.digest}" for recipe in dataset.recipes).encode()
    ).hexdigest()
    packages = ("videossr-core", "videossr-trainers", "torch", "transformers", "trl", "av")
    return {
        "seed": config.seed,
        "versions": {name: version(name) for name in packages},
        "python": platform.python_version(),
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


def _below(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")
