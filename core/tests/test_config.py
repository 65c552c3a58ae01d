"""What comes out of a configuration: checked, bound, and the same again when it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from configurations import SMALL, OvenSection, write
from toy_plugins import (
    TOYS,
    Dim,
    Halves,
    registry_of,
    toys,
)

from videossr.config import load_config, resolve
from videossr.config.describe import ENTRIES
from videossr.origin import RESERVED
from videossr.schedules import Constant

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("kitchen")


# What comes out

FULL = {
    "seed": 3,
    "video": {"num_frames": 8, "min_frames": 8, "spacing": 0.5},
    "build": {"size": 10},
    "oven": {"degrees": 90},
    "tasks": {
        "pick": {"weight": 2, "difficulty": "hard", "options": {"easy": 2, "hard": 5}},
        "halves": {
            "perturbations": {
                "dim": {"amount": 9, "weight": 3},
                "upend": {},
            }
        },
    },
}


def test_what_another_entry_uses_is_not_switched_off() -> None:
    """A perturbation that one task leaves out and the other draws from is in use."""
    off = {"enabled": False}
    tasks = {
        "halves": {"perturbations": {"dim": {}, "upend": off}},
        "also": {"perturbations": {"dim": off, "upend": off, "another": {}}},
    }
    registry = registry_of(**TOYS, also=Halves(), another=Dim())
    assert {"upend"} == resolve({"tasks": tasks}, registry).switched_off


def test_a_configuration_comes_out_checked_and_bound() -> None:
    """Levels and ramps as numbers, weights, plugins ready to call, defaults for the rest."""
    config = resolve(FULL, toys())
    assert (3, 10, (0.5,), 65536) == (
        config.seed,
        config.build.size,
        config.video.spacing,
        config.video.max_pixels,
    )
    assert {"pick": 2.0, "halves": 1.0} == {name: w.weight for name, w in config.tasks.items()}
    assert (Constant(at=1.0), Constant()) == tuple(
        config.tasks[name].task.difficulty for name in ("pick", "halves")
    )
    assert 90 == config.section(OvenSection).degrees
    assert {"pick": "1", "halves": "7", "dim": "1", "upend": "1"} == {
        name: origin.plugin_version for name, origin in config.plugins.items()
    }


@pytest.mark.parametrize("tree", [SMALL, FULL], ids=["small", "full"])
def test_the_tree_of_a_configuration_gives_it_again(tree: dict[str, Any]) -> None:
    """Whether its values were given or are defaults."""
    whole = resolve(tree, toys()).tree()
    assert whole == resolve(whole, toys()).tree()


def test_the_tree_of_a_configuration_has_every_default() -> None:
    """And so another version's defaults don't change it."""
    tree = resolve(FULL, toys()).tree()
    assert tree["tasks"] == {
        "pick": {
            "weight": 2.0,
            "difficulty": 1.0,
            "options": {"easy": 2.0, "train": 3.5, "hard": 5.0},
            "longest_s": 1e9,
        },
        "halves": {
            "weight": 1.0,
            "difficulty": 0.5,
            "perturbations": {"dim": {"weight": 3.0, "amount": 9}, "upend": {"weight": 1.0}},
        },
    }


def test_a_configuration_is_loaded_from_a_file(tmp_path: Path) -> None:
    """Files, overrides and plugins come together."""
    path = write(tmp_path, a="extends: warm\ntasks: {pick: {options: 3}}")
    config = load_config(path, ["tasks.pick.weight=4"], registry=toys())
    assert (1, 4.0, 100) == (
        config.seed,
        config.tasks["pick"].weight,
        config.section(OvenSection).degrees,
    )


def test_what_is_reserved_is_what_the_core_reads() -> None:
    """The registry, which has no time to import the schemas, lists their fields."""
    assert {kind: set(entry.model_fields) for kind, entry in ENTRIES.items()} == RESERVED


# One plugin several times


def test_a_plugin_may_stand_under_several_names() -> None:
    """Each entry has settings of its own; errors and provenance name the plugin."""
    tree = {
        "few": {"plugin": "pick", "options": 2},
        "many": {"plugin": "pick", "options": 9, "difficulty": "hard"},
    }
    config = resolve({"tasks": tree}, toys())
    assert ["few", "many"] == list(config.tasks)
    assert {"pick"} == {weighted.task.name for weighted in config.tasks.values()}
    assert ["pick"] == list(config.plugins)
    options = [config.tasks[name].task.config.model_dump()["options"]["hard"] for name in tree]
    assert [2, 9] == options
    assert config.tree() == resolve(config.tree(), toys()).tree()
    assert "pick" == config.tree()["tasks"]["many"]["plugin"]


def test_a_name_of_its_own_keeps_a_plugin_off_that_is_switched_off() -> None:
    """The plugin behind an entry is what is disabled, and not imported."""
    tree = {"few": {"plugin": "pick", "enabled": False}, "pick": {"enabled": False}}
    registry = toys()
    config = resolve({"tasks": {**tree, "halves": {"perturbations": {"dim": {}}}}}, registry)
    assert frozenset({"pick"}) == config.switched_off
