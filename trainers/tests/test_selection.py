"""How a run weighs the tasks of its dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_recipes import plain_recipe

from videossr.config import RunConfig, load_config
from videossr.dataset import Dataset, Header
from videossr.floors import Floors
from videossr_trainers.questions import selection
from videossr_trainers.questions.selection import mixture


def dataset_for(config: RunConfig) -> Dataset:
    """A dataset as a build with this configuration would make it, with one question a task."""
    recipes = tuple(plain_recipe(task, 0) for task in config.tasks)
    floors = Floors({task: {0.5: 0.5} for task in config.tasks})
    return Dataset(recipes, Header(Path("videos"), config.tree(), {}, floors))


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["tasks.jigsaw.enabled=false"],
        ["tasks.anomaly.weight=50", "tasks.counting.weight=35", "tasks.jigsaw.weight=15"],
    ],
    ids=["same", "one less", "multiples"],
)
def test_the_datasets_own_weights_need_no_mixing(overrides: list[str]) -> None:
    """The preset has 0.5, 0.35 and 0.15: all of them, some of them, or their multiples."""
    assert mixture(load_config("tiny", overrides), dataset_for(load_config("tiny"))) is None


def test_other_weights_are_the_runs_own() -> None:
    """One that differs makes a mix of all, by the run's weights."""
    found = mixture(
        load_config("tiny", ["tasks.jigsaw.weight=1"]), dataset_for(load_config("tiny"))
    )
    assert {"anomaly": 0.5, "counting": 0.35, "jigsaw": 1.0} == found


AROUND_TWO = "modifiers.strict_reward.tasks=[counting,jigsaw]"


@pytest.mark.parametrize(
    ("built", "run", "kept"),
    [
        ([], [], True),
        ([], ["modifiers.strict_reward={}"], False),
        ([AROUND_TWO], ["modifiers.strict_reward={}"], False),
        ([AROUND_TWO], [AROUND_TWO, "tasks.jigsaw.enabled=false"], True),
        ([AROUND_TWO], ["tasks.counting.enabled=false", "tasks.jigsaw.enabled=false"], True),
        (["modifiers.strict_reward={}"], [AROUND_TWO, "tasks.anomaly.enabled=false"], True),
    ],
)
def test_floors_are_kept_where_the_same_lies_around_each_task(
    built: list[str], run: list[str], monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    """Those of the dataset; where anything else does, they are measured."""
    measured = Floors({})
    monkeypatch.setattr(selection, "floors_of", lambda *_: measured)
    dataset = dataset_for(load_config("tiny", built))
    found = selection.current_floors(load_config("tiny", run), dataset, (), None)  # type: ignore[arg-type] # not rendered
    assert (dataset.header.floors if kept else measured) is found
