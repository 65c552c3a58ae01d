"""Environments of tox for the ablations: one for each preset, at each scale.

    tox -e ablation-no_fast_forward -- --seeds 0
    tox -p -e ablation-base,ablation-strict_reward
    tox -e ablation-only_counting-paper

tox runs where videossr is not installed, so the names are those of the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tox.config.loader.memory import MemoryLoader
from tox.config.types import Command
from tox.plugin import impl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tox.config.sets import ConfigSet
    from tox.session.state import State

PRESETS = Path(__file__).parent / "trainers/src/videossr_trainers/ablations/presets"

#: The first is that of an environment whose name says none.
SCALES = ("tiny", "paper")


def environments() -> dict[str, tuple[str, str]]:
    """The ablation and the scale of each environment, by its name."""
    found = {}
    for name in sorted(path.stem for path in PRESETS.glob("*.yaml")):
        found[f"ablation-{name}"] = name, SCALES[0]
        found |= {f"ablation-{name}-{scale}": (name, scale) for scale in SCALES}
    return found


@impl
def tox_extend_envs() -> Iterable[str]:
    """Name them to tox."""
    return environments()


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Say what they run; all else is in tox.ini, under the factor `ablation`."""
    del core_conf
    more = state.conf.pos_args(None) or ()
    for environment, (name, scale) in environments().items():
        words = ["videossr", "ablate", "run", name, "--scale", scale, *more]
        loader = MemoryLoader(
            description=f"the ablation {name} at the scale {scale}", commands=[Command(words)]
        )
        state.conf.memory_seed_loaders[environment].append(loader)
