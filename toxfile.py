"""Environments of tox for the ablations: one for each, and one for a set of them, at each scale.

    tox -e ablation-no_fast_forward -- --seeds 0
    tox -p -e ablation-base,ablation-strict_reward
    tox -e ablation-only_counting-paper
    tox -e ablations-paper

tox runs where videossr is not installed, so the names are those of the files.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from tox.config.loader.memory import MemoryLoader
from tox.config.types import Command
from tox.plugin import impl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tox.config.sets import ConfigSet
    from tox.session.state import State

ROOT = Path(__file__).parent

#: Those that come along, and a user's own.
FOLDERS = (ROOT / "trainers/src/videossr_trainers/ablations/presets", ROOT / "ablations")

#: The first is that of an environment whose name says none.
SCALES = ("tiny", "paper")

#: What `ablations` runs, one after the other, before it reports.
SET = (
    "base",
    "strict_reward",
    "only_anomaly",
    "only_counting",
    "only_jigsaw",
    "difficulty_adaptive",
    "no_fast_forward",
    "all_perturbations",
)


def environments() -> dict[str, tuple[str, str]]:
    """The ablation and the scale of each environment, by its name; of the set the ablation is empty."""
    names = sorted({path.stem for folder in FOLDERS for path in folder.glob("*.yaml")})
    found = {}
    for environment, name in [("ablations", ""), *((f"ablation-{name}", name) for name in names)]:
        found[environment] = name, SCALES[0]
        found |= {f"{environment}-{scale}": (name, scale) for scale in SCALES}
    return found


def commands(name: str, scale: str, more: Sequence[str]) -> list[list[str]]:
    """What an environment runs.

    Args:
        name: of the ablation; empty for the set and its report.
        scale: of the environment.
        more: what follows `--`, which may name another scale or folder.
    """
    ablate = ["videossr", "ablate"]
    run = [*ablate, "run", *([name] if name else SET), "--scale", scale, *more]
    if name:
        return [run]
    options = ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--output", "-o", default="ablation_runs")
    options.add_argument("--scale", default=scale)
    given, _ = options.parse_known_args(more)
    return [run, [*ablate, "report", str(Path(given.output) / Path(given.scale).stem)]]


@impl
def tox_extend_envs() -> Iterable[str]:
    """Name them to tox."""
    return environments()


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Say what they run; all else is in tox.ini, under the factors `ablation` and `ablations`."""
    del core_conf
    more = state.conf.pos_args(None) or ()
    for environment, (name, scale) in environments().items():
        what = f"the ablation {name}" if name else "a set of ablations and its report"
        loader = MemoryLoader(
            description=f"{what}, at the scale {scale}",
            commands=[Command(words) for words in commands(name, scale, more)],
        )
        state.conf.memory_seed_loaders[environment].append(loader)
