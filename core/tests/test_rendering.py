"""Recipes, rendered again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from toy_builds import PICK, VIDEO, configured
from toy_plugins import TOYS, Dim, Pick, distribution, points_of, registry_of, toys

from videossr import Clip, DatasetError, Sample, Unsuitable, hookimpl
from videossr.build import build
from videossr.config import resolve
from videossr.dataset import Dataset
from videossr.registry import Registry
from videossr.render import Renderer

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from videossr.video_table import VideoRow


class Moody(Pick):
    """Its pixels, its answers or its willingness can be changed from outside, as no plugin's should."""

    def __init__(self) -> None:
        self.pixels, self.answer, self.refuses = 0, "", ""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, rng: random.Random
    ) -> Sample:
        """Brighter pixels, another answer, or none."""
        if self.refuses:
            raise Unsuitable(self.refuses)
        sample = super().make_sample(clip, Pick.Config(), 0.5, rng)
        brighter = clip.with_frames(clip.frames + self.pixels)
        return Sample(sample.prompt, (brighter,), self.answer or sample.answer)


def test_recipes_render_to_what_they_promise(
    drawn_videos: Path, toy_dataset: Dataset, tmp_path: Path
) -> None:
    """After a round trip over the disk, to the bit."""
    toy_dataset.save(tmp_path / "dataset")
    loaded = Dataset.load(tmp_path / "dataset")
    renderer = Renderer.for_dataset(loaded, registry=toys())
    assert drawn_videos == renderer.root
    for recipe in reversed(loaded.recipes):
        sample = renderer.render(recipe, exact=True)
        assert (recipe.question, recipe.answer) == (sample.question, sample.answer)
        assert recipe.digest == sample.digest()
        assert 1.0 == renderer.task(recipe).score(recipe.answer, recipe.answer, {}).value


def test_other_pixels_are_caught_where_asked(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """Another decoder's last bit is forgiven unless the caller wants it exact."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    dataset = build(config, drawn_rows, drawn_videos)
    recipe = dataset.recipes[0]
    moody.pixels = 1
    renderer = Renderer(config, drawn_videos)
    assert recipe.answer == renderer.render(recipe).answer
    with pytest.raises(DatasetError) as caught:
        renderer.render(recipe, exact=True)
    assert (
        f"pick 0 (video {recipe.video}, seed {recipe.seed}): same question and answer, other "
        "pixels; the video, the decoder or a plugin has changed since the build"
    ) == str(caught.value)


def test_another_answer_is_refused(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """Both answers are told."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    recipe = build(config, drawn_rows, drawn_videos).recipes[1]
    moody.answer = "none"
    with pytest.raises(DatasetError) as caught:
        Renderer(config, drawn_videos).render(recipe)
    assert (
        f"pick 1 (video {recipe.video}, seed {recipe.seed}): renders to the answer 'none', "
        f"the dataset has {recipe.answer!r}; the video or a plugin has changed since the build"
    ) == str(caught.value)


def test_a_question_that_is_no_longer_made_is_told(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """With the plugin's reason."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    recipe = build(config, drawn_rows, drawn_videos).recipes[0]
    moody.refuses = "too dark"
    with pytest.raises(DatasetError, match="no longer makes a question: too dark; the video or"):
        Renderer(config, drawn_videos).render(recipe)


def versioned(folder: Path, version: str, **plugins: object) -> Registry:
    """The toys out of one distribution."""
    found = points_of(**{**TOYS, **plugins})
    values = {point.name: point.value for point in found}
    return Registry(distribution(folder, "toy-tasks", version, values))


@pytest.mark.parametrize(("name", "plugin", "built_with"), [("pick", Pick, "1"), ("dim", Dim, "1")])
def test_another_version_of_a_plugin_is_refused(
    drawn_videos: Path,
    drawn_rows: list[VideoRow],
    tmp_path: Path,
    name: str,
    plugin: type[Any],
    built_with: str,
) -> None:
    """Of a task, or of a perturbation that a task draws from; whoever brings it to render."""
    dataset = build(
        configured(registry=versioned(tmp_path / "old", "1.2")), drawn_rows, drawn_videos
    )
    newer = type("Newer", (plugin,), {"version": "2"})()
    registry = versioned(tmp_path / "new", "1.3", **{name: newer})
    for run in (None, configured(registry=registry)):
        with pytest.raises(DatasetError) as caught:
            Renderer.for_dataset(dataset, run=run, registry=registry)
        assert (
            f"plugin {name!r}: the dataset was built with its version {built_with!r}, of toy-tasks "
            "1.2; here is version '2', of toy-tasks 1.3; use the one that the dataset was built with, "
            "or build the dataset again"
        ) == str(caught.value)


LOOSE = """
from toy_plugins import Pick
class Loose(Pick):
    version = "1"
plugin = Loose()
"""


def test_a_loose_plugin_may_move_and_is_watched(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """From another folder it renders the same; if its file has changed there is a word of warning."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "loose.py").write_text(LOOSE)
    tree = {"build": {"size": 2}, "video": VIDEO, "tasks": {"loose": {}}}
    config = resolve(tree, Registry((), folders=[old]))
    dataset = build(config, drawn_rows, drawn_videos)
    old.rename(new)
    run = resolve(tree, Registry((), folders=[new]))
    renderer = Renderer.for_dataset(dataset, run=run)
    for recipe in dataset.recipes:
        renderer.render(recipe, exact=True)
    (new / "loose.py").write_text(LOOSE + "# another thought")
    run = resolve(tree, Registry((), folders=[new]))
    with pytest.warns(UserWarning, match=r"'loose': .*loose\.py has changed since .* version '1'"):
        Renderer.for_dataset(dataset, run=run)


def test_questions_of_a_task_that_is_not_configured_are_told(
    toy_dataset: Dataset, tmp_path: Path
) -> None:
    """A header that somebody changed by hand."""
    toy_dataset.save(tmp_path / "dataset")
    header = json.loads((tmp_path / "dataset" / "dataset.json").read_text())
    del header["config"]["tasks"]["halves"]
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(header))
    with pytest.raises(DatasetError, match="it has questions of halves, and its configuration"):
        Renderer.for_dataset(Dataset.load(tmp_path / "dataset"), registry=toys())
