"""Footage: frames at any time, for every perturbation that asks, and nothing decoded for the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import BaseModel, ConfigDict
from toy_plugins import Settings, registry_of, toys

from videossr import Clip, Footage, Perturbations, PluginError, Unsuitable, VideoError, hookimpl
from videossr.build import build
from videossr.clips import Clips
from videossr.config import resolve
from videossr.dataset import Dataset
from videossr.footage import ClipSource
from videossr.render import Renderer
from videossr.sample import Sample, question_prompt
from videossr.scan import scan
from videossr.seeds import rng_for
from videossr.testing.clips import CLIPS, footage, textured
from videossr.video import timeline_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from videossr.facades import Perturbation
    from videossr.registry import Registry
    from videossr.video_table import VideoRow


def numbered(frames: int) -> Clip:
    """A clip of 2 x 2 pixels whose frames tell their number, one a second."""
    levels = torch.arange(frames, dtype=torch.uint8)[:, None, None, None]
    return Clip(levels.expand(-1, 3, 2, 2).contiguous(), torch.arange(frames).double())


class Showing:
    """A perturbation that shows the first frame of a source, by default of the segment's own video."""

    Config = Settings
    summary = "Show another frame"
    version = "1"
    hook_api = 2

    @hookimpl
    def perturb(self, clip: Clip, footage: Footage) -> Tensor:
        source = footage.other or footage.own
        shown = source.take(source.first, source.first, 1).frames[:, :, : clip.height, : clip.width]
        return shown.expand_as(clip.frames).clone()


class DrawingConfig(BaseModel):
    """What is drawn from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    perturbations: Perturbations


class Drawing:
    """A task that knows nothing of footage: it applies a perturbation to the end of a clip."""

    Config = DrawingConfig
    summary = "Apply a perturbation"
    version = "1"

    @hookimpl
    def make_sample(self, clip: Clip, config: DrawingConfig, rng: Any) -> Sample:  # noqa: ANN401
        (perturbation,) = config.perturbations
        end = Clip(clip.frames[-2:], clip.times[-2:])
        shown = end.with_frames(perturbation.apply(end, rng=rng))
        level = int(shown.frames[0, 0, 0, 0])
        return Sample(question_prompt(None, "Which level?"), (shown,), str(level))

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        return float(completion == answer)


class Unsuited(Showing):
    """Suits nothing."""

    @hookimpl
    def perturb(self) -> Tensor:  # type: ignore[override]
        raise Unsuitable("not so")


@pytest.fixture
def registry() -> Registry:
    """The toys of this file."""
    return registry_of(showing=Showing(), drawing=Drawing(), unsuited=Unsuited())


def showing(registry: Registry, name: str = "showing") -> Perturbation:
    """The toy perturbation, bound."""
    return registry.perturbation(name, Settings())


def answer(registry: Registry, given: Footage | None) -> str:
    """What the toy task shows, of a clip of nine frames."""
    config = DrawingConfig(perturbations=Perturbations({"showing": (showing(registry), 1.0)}))
    task = registry.task("drawing", config)
    sample = task.make_sample(numbered(9), difficulty=0.5, rng=rng_for(0), footage=given)
    return sample.answer


@pytest.mark.parametrize(
    ("start", "stop", "frames", "shown"),
    [
        (2, 6, 3, [2, 4, 6]),
        (2.5, 2.5, 1, [2]),  # the one on screen
        (2, 4, 9, [2, 3, 4]),  # each once
        (-5, 0.5, 2, [0]),  # before the first frame the first
        (7, 30, 2, [7, 8]),  # after the last the last
    ],
)
def test_a_clip_is_a_source(start: float, stop: float, frames: int, shown: list[int]) -> None:
    """Frames on screen at even times, with their own times."""
    source = ClipSource(numbered(9))
    taken = source.take(start, stop, frames)
    assert (shown, shown) == (taken.frames[:, 0, 0, 0].tolist(), taken.times.tolist())
    assert (0.0, 8.0) == (source.first, source.last)


def test_no_time_goes_backwards() -> None:
    """A stop before the start, and no frame at all, are refused."""
    source = ClipSource(numbered(9))
    with pytest.raises(ValueError, match="stop: 1"):
        source.take(2, 1, 3)
    with pytest.raises(ValueError, match="count: 0"):
        source.take(1, 2, 0)


def test_a_task_need_not_know_of_footage(registry: Registry) -> None:
    """What the sample is made with reaches the perturbation through it; by default the clip's own."""
    other = Clip(numbered(99).frames[50:], numbered(49).times)
    assert "50" == answer(registry, Footage(ClipSource(numbered(9)), ClipSource(other)))
    assert "0" == answer(registry, None)


def test_footage_ends_with_its_sample(registry: Registry) -> None:
    """Afterwards a perturbation finds the segment's own frames alone again."""
    other = Clip(numbered(99).frames[50:], numbered(49).times)
    answer(registry, Footage(ClipSource(numbered(9)), ClipSource(other)))
    shown = showing(registry).apply(numbered(4), rng=rng_for(0))
    assert {0} == set(shown.flatten().tolist())


def test_footage_that_is_given_goes_before_that_of_the_sample(registry: Registry) -> None:
    """A task may choose other footage for one of its perturbations."""
    given = Footage(ClipSource(Clip(numbered(9).frames[7:], numbered(2).times)))
    shown = showing(registry).apply(numbered(4), rng=rng_for(0), footage=given)
    assert {7} == set(shown.flatten().tolist())


def test_what_does_not_suit_passes_as_it_is(registry: Registry) -> None:
    """`Unsuitable` is an outcome of `perturb`, no fault."""
    with pytest.raises(Unsuitable, match=r"^not so$"):
        showing(registry, "unsuited").apply(numbered(4), rng=rng_for(0))


def test_a_broken_video_is_not_the_plugins_fault(registry: Registry) -> None:
    """A `VideoError` of a source passes as it is, through the perturbation and the task."""

    class Broken(ClipSource):
        def take(self, start: float, stop: float, frames: int) -> Clip:
            raise VideoError("b.mp4", "truncated", f"ends before {stop:g} s, {start:g}, {frames}")

    with pytest.raises(VideoError, match=r"b\.mp4: ends before"):
        answer(registry, Footage(ClipSource(numbered(9)), Broken(numbered(9))))


@pytest.mark.parametrize("number", range(CLIPS))
def test_the_kits_footage_goes_with_its_clips(number: int) -> None:
    """At the times of a clip's frames its own video shows these frames, to the bit, and more between."""
    clip, own = textured(number), footage(number).own
    for frame, time in zip(clip.frames, clip.times.tolist(), strict=True):
        taken = own.take(time, time, 1)
        assert [time] == taken.times.tolist()
        assert torch.equal(frame, taken.frames[0])
    start, stop = float(clip.times[3]), float(clip.times[8])
    assert 20 == len(own.take(start, stop, 20))
    assert own.last - own.first > 4 * (clip.times[-1] - clip.times[0])


def test_generated_noise_depends_on_its_time_alone() -> None:
    """A frame is the same in whichever stretch it is asked for; the other video shows others."""
    noise = Footage.noise(numbered(4).times, (8, 6), 1)
    stretch, alone = noise.own.take(0, 2, 3), noise.own.take(1, 1, 1)
    assert (3, 3, 8, 6) == tuple(stretch.frames.shape)
    assert torch.equal(stretch.frames[1], alone.frames[0])
    assert noise.other
    assert not torch.equal(alone.frames, noise.other.take(1, 1, 1).frames)
    again = Footage.noise(numbered(4).times, (8, 6), 1).own.take(1, 1, 1)
    assert torch.equal(again.frames, alone.frames)


@pytest.fixture
def dataset(drawn_videos: Path, drawn_rows: list[VideoRow], registry: Registry) -> Dataset:
    """Five questions about five videos, each of which shows the first frame of another."""
    tree = {
        "video": {"num_frames": 8, "min_frames": 4, "max_pixels": 2304, "min_pixels": 1024},
        "build": {"size": 5},
        "tasks": {"drawing": {"perturbations": {"showing": {}}}},
    }
    return build(resolve(tree, registry), drawn_rows, drawn_videos)


def test_a_recipe_names_another_video(dataset: Dataset) -> None:
    """One of the others, with its hash."""
    videos = {recipe.video: recipe for recipe in dataset.recipes}
    assert [] == [r for r in dataset.recipes if r.donor == r.video]
    assert all(r.donor_hash == videos[r.donor].video_hash for r in dataset.recipes)


def test_no_other_video_is_named_where_nobody_asks_for_footage(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """A video that a question does not need should not stand in its recipe."""
    tree = {
        "video": {"num_frames": 8, "min_frames": 4},
        "build": {"size": 5},
        "tasks": {"pick": {}},
    }
    dataset = build(resolve(tree, toys()), drawn_rows, drawn_videos)
    assert {("", "")} == {(recipe.donor, recipe.donor_hash) for recipe in dataset.recipes}


def test_another_video_that_cannot_be_decoded_is_told_apart(
    drawn_videos: Path, registry: Registry, tmp_path: Path
) -> None:
    """It is the one that is broken, and what it was to lend frames to is asked about elsewhere."""
    for file in drawn_videos.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    rows = list(scan(tmp_path))
    (tmp_path / rows[2].path).write_bytes(b"")
    tree = {
        "video": {"num_frames": 8, "min_frames": 4, "max_pixels": 2304, "min_pixels": 1024},
        "build": {"size": 8},
        "tasks": {"drawing": {"perturbations": {"showing": {}}}},
    }
    dataset = build(resolve(tree, registry), rows, tmp_path)
    assert [rows[2].path] == list(dataset.header.broken)
    assert 8 == len(dataset.recipes)
    used = {name for recipe in dataset.recipes for name in (recipe.video, recipe.donor)}
    assert rows[2].path not in used


def test_the_other_video_is_rendered_again(
    dataset: Dataset, registry: Registry, tmp_path: Path
) -> None:
    """From the recipes on disk, to the bit, by a renderer that knows nothing else."""
    dataset.save(tmp_path / "dataset")
    loaded = Dataset.load(tmp_path / "dataset")
    renderer = Renderer.for_dataset(loaded, registry=registry)
    for recipe in loaded.recipes:
        sample = renderer.render(recipe, exact=True)
        other = renderer.footage(recipe.donor, recipe.donor_hash, "", "").own
        first = other.take(other.first, other.first, 1).frames
        assert torch.equal(first[0], sample.clips[0].frames[0])


def test_another_video_that_has_changed_is_refused(dataset: Dataset, registry: Registry) -> None:
    """Its hash is in the recipe."""
    renderer = Renderer.for_dataset(dataset, registry=registry)
    recipe = replace(dataset.recipes[0], donor_hash="0" * 32)
    with pytest.raises(VideoError, match="is another file than when it was scanned"):
        renderer.render(recipe)


def test_nothing_is_decoded_until_it_is_asked_for(
    dataset: Dataset, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making footage reads no file; its first and last time come from the file's own timeline."""
    renderer = Renderer.for_dataset(dataset, registry=registry)
    asked = []
    decoded = Clips.decoded
    monkeypatch.setattr(Clips, "decoded", lambda s, e: asked.append(e) or decoded(s, e))
    recipe = dataset.recipes[0]
    own = renderer.footage(recipe.video, recipe.video_hash, "missing.mp4", "0" * 32).own
    times = timeline_of(dataset.root / recipe.video).times
    assert (float(times[0]), float(times[-1])) == (own.first, own.last)
    assert [] == asked
    assert 3 == len(own.take(own.first, own.last, 3))
    own.take(own.first, own.last, 3)
    assert 1 == len(asked)


def seen_by(answer: object) -> Showing:
    """A perturbation that says so of whether it shows."""

    class Saying(Showing):
        @hookimpl
        def visible(self) -> Any:  # noqa: ANN401 - of any type
            return answer

    return Saying()


def test_a_perturbation_says_whether_it_shows() -> None:
    """True or False as it is; None leaves it to ten grey levels of 255, as does having no such hook."""
    clip = numbered(4)
    for said in (True, False):
        registry = registry_of(saying=seen_by(said))
        assert said is showing(registry, "saying").visible(clip, clip.frames)
    for registry in (registry_of(saying=seen_by(None)), registry_of(saying=Showing())):
        bound = showing(registry, "saying")
        assert [False, True] == [bound.visible(clip, clip.frames + more) for more in (9, 10)]


def test_anything_else_that_visible_returns_is_a_fault() -> None:
    """With the name of the culprit."""
    registry = registry_of(saying=seen_by(1))
    with pytest.raises(
        PluginError, match=r"'saying' .*, hook 'visible': returned 1; must return True"
    ):
        showing(registry, "saying").visible(numbered(4), numbered(4).frames)


class Level(Settings):
    """A setting that facts follow."""

    level: int = 0


def test_facts_may_follow_the_settings() -> None:
    """An attribute, or a method that is given the configuration; without any, the summary and False."""

    class Following(Showing):
        Config = Level

        def phrase(self, config: Level) -> str:
            return f"at level {config.level}"

        def involution(self, config: Level) -> bool:
            return config.level == 0

    registry = registry_of(following=Following(), showing=Showing())
    bound = [registry.perturbation("following", Level(level=level)) for level in (0, 3)]
    assert [("at level 0", True), ("at level 3", False)] == [
        (b.phrase, b.involution) for b in bound
    ]
    plain = showing(registry)
    assert ("Show another frame", False) == (plain.phrase, plain.involution)


@pytest.mark.parametrize(
    ("fact", "stated", "problem"),
    [
        ("phrase", 3, "phrase is 3; must be a text, or a method"),
        ("involution", 1, "involution is 1; must be True or False, or a method"),
        ("involution", lambda _: 1 / 0, "involution raised ZeroDivisionError"),
    ],
)
def test_a_fact_of_another_type_is_a_fault(fact: str, stated: object, problem: str) -> None:
    """It is told when the perturbation is bound, before anything is made."""
    plugin = Showing()
    setattr(plugin, fact, stated)
    with pytest.raises(PluginError, match=problem):
        showing(registry_of(odd=plugin), "odd")
