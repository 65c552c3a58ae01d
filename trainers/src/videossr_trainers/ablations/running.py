"""Running ablations: every seed of every one, each in a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError, VideossrError
from videossr.benchmark import refuse_overlap
from videossr.errors import Mistake
from videossr.video_table import read_table
from videossr_trainers.ablations.processes import complete, held, seconds_of
from videossr_trainers.ablations.stages import plan, run_folder
from videossr_trainers.ablations.variants import told
from videossr_trainers.pages import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from videossr.video_table import VideoRow
    from videossr_trainers.ablations.processes import Tell
    from videossr_trainers.ablations.stages import Plan
    from videossr_trainers.ablations.variants import Variant

FORMAT: Final = 1

#: Of a run: what it is, and whether it is done.
RUN: Final = "run.json"

#: Parts of a configuration that say where things are.
_PLACES: Final = frozenset({"plugins", "store"})

_PACKAGES: Final = ("videossr-core", "videossr-trainers", "torch", "transformers", "trl", "av")


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
    """
    rows, _ = read_table(videos)
    failures = []
    for seed in seeds:
        for variant in variants:
            name = f"{variant.name}, seed {seed}"
            try:
                _run(variant, seed, rows, videos, output, scale, launcher, _named(tell, name))
            except VideossrError as error:
                failures.append(Failure(variant.name, seed, str(error)))
                tell(f"{name}: failed: {error}")
    return failures


def _named(tell: Tell, name: str) -> Tell:
    return lambda line: tell(f"{name}: {line}")


def _run(
    variant: Variant,
    seed: int,
    rows: Sequence[VideoRow],
    videos: Path,
    output: Path,
    scale: str,
    launcher: Sequence[str],
    tell: Tell,
) -> None:
    folder = run_folder(output, variant.name, seed)
    with held(folder / ".lock", lambda: tell("waiting for another that is at it")):
        planned = plan(variant, seed, rows, videos, output)
        facts = _facts(variant, seed, scale, planned, output)
        if _claimed(folder, facts):
            tell("is done")
            return
        for stage in planned.stages:
            complete(stage, launcher, tell)
            if stage.place == planned.benchmark:
                refuse_overlap(planned.benchmark, [planned.train_set])
        seconds = {stage.name: seconds_of(stage) for stage in planned.stages}
        write_json(folder / RUN, {**facts, "state": "done", "seconds": seconds})
        tell("done")


def _facts(variant: Variant, seed: int, scale: str, planned: Plan, output: Path) -> dict[str, Any]:
    places = {
        "train_set": planned.train_set,
        "benchmark": planned.benchmark,
        "before": planned.before,
        "after": planned.after,
        "training": planned.training,
    }
    return {
        "format": FORMAT,
        "state": "running",
        "name": variant.name,
        "scale": scale,
        "seed": seed,
        "against": variant.against,
        "plugins": variant.root.provenance | variant.config.provenance,
        "versions": {name: version(name) for name in _PACKAGES},
        "places": {name: path.relative_to(output).as_posix() for name, path in places.items()},
        "config": told(variant.config) | {"seed": seed},
    }


def _claimed(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Whether the run is done already. Otherwise it is noted what it is.

    Raises:
        ConfigError: the folder holds a run of other settings, plugins or videos; with every difference.
    """
    path = folder / RUN
    if not path.exists():
        write_json(path, facts)
        return False
    saved = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(facts))
    mistakes = list(_differences(saved, now))
    if mistakes:
        right = "give what it began with, or choose another folder with -o"
        raise ConfigError([*mistakes, Mistake(str(folder), "holds a run made otherwise", right)])
    return bool(saved["state"] == "done")


def _differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mistake]:
    if saved["format"] != now["format"]:
        problem = f"{saved['format']} in the folder, {now['format']} here"
        yield Mistake("format of the run", problem)
        return
    for name in sorted({*saved["plugins"], *now["plugins"]}):
        then, here = saved["plugins"].get(name), now["plugins"].get(name)
        if then != here:
            yield Mistake(f"plugin {name}", f"{_origin(here)} here, {_origin(then)} in the run")
    for place in sorted({*saved["config"], *now["config"]} - _PLACES):
        yield from _unlike(saved["config"].get(place), now["config"].get(place), place)
    for place in ("train_set", "benchmark"):
        if saved["places"][place] != now["places"][place]:
            yield Mistake("videos", "the table has others here than in the run")
            return


def _unlike(then: object, here: object, place: str) -> Iterator[Mistake]:
    if isinstance(then, dict) and isinstance(here, dict):
        for name in sorted({*then, *here}):
            yield from _unlike(then.get(name), here.get(name), f"{place}.{name}")
    elif then != here:
        yield Mistake(place, f"{here!r} here, {then!r} in the run")


def _origin(facts: Mapping[str, str] | None) -> str:
    if facts is None:
        return "not in use"
    return f"version {facts['plugin_version']!r} of {facts['distribution']} {facts['version']}"
