"""The gallery of the real tasks: what they mark is what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from videossr.build import build
from videossr.config import load_config
from videossr.gallery import choose, write_gallery
from videossr.marks import marks_of
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videossr.dataset import Dataset, Recipe
    from videossr.marks import Mark
    from videossr.sample import Sample


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Questions of every task, as the preset `tiny` asks them."""
    root = tmp_path_factory.mktemp("videos")
    write_videos(root, 4, seed=3, seconds=8, fps=8, height=96, width=96)
    return build(load_config("tiny", ["build.size=18"]), scan(root), root)


@pytest.fixture(scope="module")
def renderer(dataset: Dataset) -> Renderer:
    """Of that dataset."""
    return Renderer.for_dataset(dataset)


def marked(
    dataset: Dataset, renderer: Renderer, task: str
) -> Iterator[tuple[Recipe, Sample, tuple[Mark, ...]]]:
    """The questions of a task with their samples and marks."""
    for recipe in dataset.of_task(task):
        sample = renderer.render(recipe)
        yield recipe, sample, marks_of(renderer.task(recipe), sample)


def test_anomaly_marks_the_frames_that_differ(dataset: Dataset, renderer: Renderer) -> None:
    """Those before and after are the source's own; the label is a perturbation in use."""
    for recipe, sample, marks in marked(dataset, renderer, "anomaly"):
        (mark,) = marks
        differs = (sample.clips[0].frames != renderer.clip(recipe.excerpt).frames).flatten(1).any(1)
        altered = differs.nonzero().flatten().tolist()
        assert mark.start <= altered[0] <= altered[-1] < mark.stop
        assert mark.label in renderer.config.plugins
        first, last = (float(sample.clips[0].times[at]) for at in (mark.start, mark.stop - 1))
        stated = [float(end) for end in sample.answer.split("-")]
        assert stated == pytest.approx([first, last], abs=0.051)


def test_counting_boxes_what_was_drawn(dataset: Dataset, renderer: Renderer) -> None:
    """As many boxes of a kind as the answer says, and no pixel is altered outside of them."""
    for recipe, sample, marks in marked(dataset, renderer, "counting"):
        labels = [mark.label for mark in marks]
        kinds = sample.target["kinds"]
        assert sample.answer == ",".join(str(labels.count(kind)) for kind in kinds)
        differs = (sample.clips[0].frames != renderer.clip(recipe.excerpt).frames).any(1)
        for mark in marks:
            assert mark.box is not None
            x, y, width, height = mark.box
            # a smooth edge reaches half a pixel further
            rows, columns = (
                slice(int(y) - 1, int(y + height) + 2),
                slice(int(x) - 1, int(x + width) + 2),
            )
            assert differs[mark.start, rows, columns].any()
            differs[mark.start, rows, columns] = False
        assert not differs.any()


@pytest.mark.parametrize("layout", ["separate", "single"])
def test_jigsaw_marks_say_the_answer(dataset: Dataset, renderer: Renderer, layout: str) -> None:
    """The clip that plays first is the first that the answer names, and so on to the last."""
    config = load_config("tiny", [f"tasks.jigsaw.layout={layout}"])
    task = config.tasks["jigsaw"].task
    for recipe in dataset.of_task("jigsaw"):
        source = renderer.clip(recipe.excerpt)
        sample = Renderer(config, dataset.root).make(recipe)
        marks = marks_of(task, sample)
        assert {0} if layout == "single" else {*range(len(marks))} == {m.clip for m in marks}
        order = sorted(range(len(marks)), key=lambda at: marks[at].label.split()[-1])
        assert sample.answer == "".join(str(at + 1) for at in order)
        assert sorted(mark.tone or 0.0 for mark in marks) == [marks[at].tone for at in order]
        played = torch.cat(
            [sample.clips[m.clip].frames[m.start : m.stop] for m in (marks[at] for at in order)]
        )
        assert torch.equal(played, source.frames[: len(played)])


def test_the_page_shows_every_question(
    dataset: Dataset, renderer: Renderer, tmp_path: Path
) -> None:
    """Nothing fails, and each perturbation can be asked for."""
    path = tmp_path / "gallery.html"
    recipes = choose(dataset, per_group=100)
    written = write_gallery(dataset, recipes, renderer, path, title="tiny", workers=2)
    assert (18, {}) == (written.shown, written.failed)
    page = path.read_text(encoding="utf-8")
    for _, sample, marks in marked(dataset, renderer, "anomaly"):
        assert f'name="label" value="{marks[0].label}"' in page
        assert sample.answer in page
