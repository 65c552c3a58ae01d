"""Rows of a training: rendered when they are asked for, and replaced where a plan does not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from videossr import DatasetError, VideoError
from videossr.build import build
from videossr.config import load_config
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr_trainers.questions.data import Questions, texts_of
from videossr_trainers.questions.order import Key

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset

_PLAN = ["build.check=false", "build.size=8", "build.refill=true", "tasks.counting.enabled=false"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos drawn by code."""
    folder = tmp_path_factory.mktemp("videos")
    write_videos(folder, 4, seed=1, seconds=5, fps=8, height=64, width=64)
    return folder


@pytest.fixture(scope="module")
def config() -> RunConfig:
    """Questions of two tasks, planned."""
    return load_config("tiny", _PLAN)


@pytest.fixture(scope="module")
def planned(videos: Path, config: RunConfig) -> Dataset:
    """The plan."""
    return build(config, scan(videos), videos)


def test_a_question_that_does_not_hold_gives_way_to_the_next_of_its_task(
    planned: Dataset, config: RunConfig
) -> None:
    """It is told, and noted in the row; a question that holds is asked itself."""
    too_short = replace(planned.recipes[0], stop=planned.recipes[0].start + 0.1)
    recipes = (too_short, *planned.recipes[1:])
    questions = Questions(recipes, Renderer(config, planned.root))
    with pytest.warns(UserWarning, match=rf"{too_short.task} 0 .*min_frames=10 frames .* instead"):
        (row,) = questions.__getitems__([Key(0)])
    following = next(r for r in recipes[1:] if r.task == too_short.task)
    assert (True, following.context) == (row["substituted"], row["recipe"].context)
    assert not questions[Key(1)]["substituted"]


def test_what_stands_in_is_asked_at_the_difficulty_that_is_wanted(
    planned: Dataset, config: RunConfig
) -> None:
    """A task that follows the rewards asks for one."""
    too_short = replace(planned.recipes[0], stop=planned.recipes[0].start + 0.1)
    questions = Questions((too_short, *planned.recipes[1:]), Renderer(config, planned.root))
    for difficulty in (0.5, 0.25):
        with pytest.warns(UserWarning, match="is asked instead"):
            row = questions[Key(0, difficulty)]
        assert (True, difficulty) == (row["substituted"], row["recipe"].difficulty)


def test_where_nothing_holds_that_is_an_error(planned: Dataset, config: RunConfig) -> None:
    """With what to do about it."""
    recipes = [replace(recipe, stop=recipe.start + 0.1) for recipe in planned.recipes]
    questions = Questions(recipes, Renderer(config, planned.root))
    with (
        pytest.warns(UserWarning, match="asked instead"),
        pytest.raises(DatasetError, match=r"neither it nor the \d after it .* build.check=true"),
    ):
        questions[Key(0)]


def test_a_video_that_cannot_be_read_is_lost(planned: Dataset, config: RunConfig) -> None:
    """The next of the task is asked, and the row names what was lost and why."""
    gone = replace(planned.recipes[0], video="gone.mp4")
    questions = Questions((gone, *planned.recipes[1:]), Renderer(config, planned.root))
    with pytest.warns(UserWarning, match=r"gone.mp4.*No such file.*; the next is asked instead"):
        row = questions[Key(0)]
    assert (True, gone.name) == (row["substituted"], row["lost"])
    assert "No such file" in row["lost_reason"]
    assert "" == questions[Key(1)]["lost"]


def test_a_video_that_is_another_file_is_no_matter_of_chance(
    planned: Dataset, config: RunConfig
) -> None:
    """The folder is wrong, not the question: nothing stands in."""
    recipes = (replace(planned.recipes[0], video_hash="0" * 32), *planned.recipes[1:])
    with pytest.raises(VideoError, match="is another file than when it was scanned"):
        Questions(recipes, Renderer(config, planned.root))[Key(0)]


def test_what_was_only_planned_is_read_before_a_tokenizer_is_made(
    planned: Dataset, config: RunConfig
) -> None:
    """Some of each task, those that make no question left out; what was checked is known."""
    too_short = replace(planned.recipes[0], stop=planned.recipes[0].start + 0.1)
    known = replace(planned.recipes[1], question="What is it?", answer="It", digest="0")
    recipes = (too_short, known, *planned.recipes[2:])
    texts = [*texts_of(recipes, Renderer(config, planned.root))]
    assert "What is it?" == texts[0]
    assert len(recipes) - 1 == len(texts)
    assert {"shuffled", "altered"} <= {
        word for text in texts for word in ("shuffled", "altered") if word in text
    }
