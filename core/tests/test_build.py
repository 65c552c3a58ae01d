"""Building a dataset and rendering it again, with toy tasks on videos drawn by code."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plugins import TOYS, Dim, Pick, distribution, points_of, registry_of, toys

from videossr import Clip, DatasetError, HookCall, PluginError, Sample, Unsuitable, hookimpl
from videossr.build import build, shares
from videossr.config import RunConfig, resolve
from videossr.dataset import Dataset
from videossr.procedural import write_videos
from videossr.registry import Registry
from videossr.render import Renderer
from videossr.scan import scan
from videossr.video import hash_file

if TYPE_CHECKING:
    import random

    from videossr.dataset import Recipe
    from videossr.video_table import VideoRow

VIDEO = {
    "num_frames": 8,
    "min_frames": 8,
    "max_pixels": 2304,
    "min_pixels": 256,
    "size_multiple": 16,
}

PICK: dict[str, Any] = {"pick": {}}
HALVES: dict[str, Any] = {"halves": {"weight": 2, "perturbations": {"dim": {}, "upend": {}}}}


def configured(
    tasks: dict[str, Any] | None = None,
    *,
    size: int = 12,
    seed: int = 1,
    registry: Registry | None = None,
    **video: object,
) -> RunConfig:
    """A configuration for the drawn videos, with both toy tasks unless told otherwise."""
    tree = {
        "seed": seed,
        "video": {**VIDEO, **video},
        "build": {"size": size},
        "tasks": {**PICK, **HALVES} if tasks is None else tasks,
    }
    return resolve(tree, registry or toys())


@pytest.fixture(scope="module")
def rows(drawn_videos: Path) -> list[VideoRow]:
    """The drawn videos as a scan finds them."""
    return scan(drawn_videos)


@pytest.fixture(scope="module")
def built(drawn_videos: Path, rows: list[VideoRow]) -> Dataset:
    """Twelve questions of both tasks, made by one worker."""
    return build(configured(), rows, drawn_videos)


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


class Camera(Pick):
    """Refuses every video, and makes questions of what is drawn up for it."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, rng: random.Random, call: HookCall
    ) -> Sample:
        """A digit, or not."""
        if "video" in call.context:
            raise Unsuitable("too long")
        return super().make_sample(clip, Pick.Config(), 0.5, rng)


# The same again


@pytest.mark.parametrize("workers", [2, 4])
def test_the_number_of_workers_leaves_no_trace(
    drawn_videos: Path, rows: list[VideoRow], built: Dataset, workers: int
) -> None:
    """Equal recipes, pixels included, in the same order."""
    assert built == build(configured(), rows, drawn_videos, workers=workers)


def test_the_order_of_the_table_leaves_no_trace(
    drawn_videos: Path, rows: list[VideoRow], built: Dataset
) -> None:
    """Rows come in any order."""
    assert built == build(configured(), reversed(rows), drawn_videos)


def test_another_process_makes_the_same_bytes(
    drawn_videos: Path, built: Dataset, tmp_path: Path
) -> None:
    """With another hash seed of Python, and more workers."""
    code = (
        "import sys, pathlib, test_build as t\n"
        "folder, output = map(pathlib.Path, sys.argv[1:])\n"
        "t.build(t.configured(), t.scan(folder), folder, workers=3).save(output)"
    )
    known = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(known), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, str(drawn_videos), str(tmp_path / "theirs")]
    subprocess.run(command, check=True, env=env)
    built.save(tmp_path / "ours")
    ours, theirs = (tmp_path / name / "recipes.parquet" for name in ("ours", "theirs"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert built == Dataset.load(tmp_path / "theirs")


def test_another_root_seed_makes_other_questions(
    drawn_videos: Path, rows: list[VideoRow], built: Dataset
) -> None:
    """No seed in common."""
    other = build(configured(seed=2), rows, drawn_videos)
    assert set() == seeds(built.recipes) & seeds(other.recipes)
    assert 12 == len(seeds(built.recipes))


def seeds(recipes: tuple[Recipe, ...]) -> set[int]:
    """The seeds of recipes."""
    return {recipe.seed for recipe in recipes}


def test_a_video_that_comes_back_gets_another_seed(
    drawn_videos: Path, rows: list[VideoRow]
) -> None:
    """Twelve questions of one difficulty on five videos."""
    recipes = build(configured(PICK), rows, drawn_videos).recipes
    assert (5, 12) == (len({recipe.video for recipe in recipes}), len(seeds(recipes)))


# What is in it


def test_a_dataset_says_where_it_comes_from(drawn_videos: Path, built: Dataset) -> None:
    """Configuration, plugins with the perturbations that tasks draw from, floors, root."""
    assert drawn_videos == built.root
    assert configured().tree() == built.config
    assert {"pick": "1", "halves": "7", "dim": "1", "upend": "1"} == {
        name: plugin["plugin_version"] for name, plugin in built.plugins.items()
    }
    assert {"pick", "halves"} == set(built.floors)
    assert ({}, {}) == (built.header.left_out, built.header.broken)


def test_videos_are_asked_about_evenly(rows: list[VideoRow], built: Dataset) -> None:
    """12 questions on 5 videos: two or three each, over both tasks, and of a task one or two."""
    asked = Counter(recipe.video for recipe in built.recipes)
    assert [2, 2, 2, 3, 3] == sorted(asked.values())
    assert {row.path for row in rows} == set(asked)
    assert {1, 2} == set(Counter(recipe.video for recipe in built.of_task("halves")).values())
    hashes = {row.path: row.hash for row in rows}
    assert [] == [r for r in built.recipes if hashes[r.video] != r.video_hash]


def test_each_video_is_asked_about_once_where_there_are_enough(
    drawn_videos: Path, rows: list[VideoRow]
) -> None:
    """Five questions of two tasks on five videos."""
    recipes = build(configured(size=5), rows, drawn_videos).recipes
    assert 5 == len({recipe.video for recipe in recipes})


def test_the_schedule_sets_the_difficulty(built: Dataset) -> None:
    """The eight questions of the task that asks for its progress, and the constant of the other."""
    assert [i / 8 for i in range(8)] == [r.difficulty for r in built.of_task("halves")]
    assert {0.5} == {recipe.difficulty for recipe in built.of_task("pick")}


def test_windows_lie_where_the_recipe_says(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """Eight frames, an eighth of a second apart, rendered at those times."""
    config = configured(PICK, size=3, spacing=0.125)
    dataset = build(config, rows, drawn_videos)
    renderer = Renderer(config, drawn_videos)
    for recipe in dataset.recipes:
        assert 7 * 0.125 == pytest.approx(recipe.stop - recipe.start)
        (clip,) = renderer.render(recipe).clips
        # the frame on screen is at most an eighth of a second old, at 8 frames a second
        assert 0 <= recipe.start - float(clip.times[0]) + 1e-6 < 0.125 + 2e-6
        assert 8 == len(clip)


def test_progress_counts_the_questions(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """One call for each, in order, whatever the number of workers."""
    calls: list[tuple[int, int]] = []
    config = configured(PICK, size=3)
    build(config, rows, drawn_videos, workers=2, progress=lambda *call: calls.append(call))
    assert [(1, 3), (2, 3), (3, 3)] == calls


def test_sources_are_left_as_they_are(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """Bytes and times of writing, and no file beside them."""

    def state() -> dict[str, tuple[str, int]]:
        files = sorted(drawn_videos.iterdir())
        return {file.name: (hash_file(file), file.stat().st_mtime_ns) for file in files}

    before = state()
    config = configured()
    renderer = Renderer(config, drawn_videos)
    for recipe in build(config, rows, drawn_videos).recipes:
        renderer.render(recipe)
    assert before == state()
    assert 5 == len(before)


# Shares


def shared(size: int, **weights: float) -> dict[str, int]:
    """How many questions each task gets."""
    registry = registry_of(**{name: Pick() for name in weights})
    tasks = {name: {"weight": weight} for name, weight in weights.items()}
    return shares(configured(tasks, size=size, registry=registry))


@pytest.mark.parametrize(
    ("size", "weights", "expected"),
    [
        # 10/3 each: three whole ones each, the one that is left goes by name
        (10, {"c": 1, "b": 1, "a": 1}, {"c": 3, "b": 3, "a": 4}),
        # 3.2, 1.6 and 3.2: the largest remainder is b's
        (8, {"a": 0.4, "b": 0.2, "c": 0.4}, {"a": 3, "b": 2, "c": 3}),
        # 1.75 and 5.25
        (7, {"a": 1, "b": 3}, {"a": 2, "b": 5}),
        # 0.001 and 0.999 of one question
        (1, {"a": 1, "b": 999}, {"a": 0, "b": 1}),
        (30_000, {"a": 0.4, "b": 0.2, "c": 0.4}, {"a": 12_000, "b": 6_000, "c": 12_000}),
        (3, {"a": 1e308, "b": 1e308}, {"a": 2, "b": 1}),
    ],
)
def test_questions_are_shared_by_largest_remainder(
    size: int, weights: dict[str, float], expected: dict[str, int]
) -> None:
    """Worked out by hand."""
    assert expected == shared(size, **weights)


@given(st.integers(1, 1000), st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5))
def test_shares_add_up(size: int, weights: list[float]) -> None:
    """To the size, and each is its exact share rounded up or down."""
    found = shared(size, **{f"t{i}": weight for i, weight in enumerate(weights)})
    assert size == sum(found.values())
    for i, weight in enumerate(weights):
        exact = size * weight / math.fsum(weights)
        assert exact - 1 - 1e-6 < found[f"t{i}"] < exact + 1 + 1e-6


# Videos that will not do


def test_another_video_is_taken_for_one_that_will_not_do(
    drawn_videos: Path, tmp_path: Path
) -> None:
    """One short video among four that are too long carries all five questions.

    Each video is tried for one question; then the four that failed go to the one that has not.
    """
    for file in sorted(drawn_videos.iterdir())[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (short,) = write_videos(tmp_path / "short", 1, seed=9, seconds=1, fps=8, height=48, width=48)
    config = configured({"pick": {"longest_s": 1.0}}, size=5)
    dataset = build(config, scan(tmp_path), tmp_path)
    expected = short.relative_to(tmp_path).as_posix()
    assert [expected] * 5 == [recipe.video for recipe in dataset.recipes]
    assert {"pick": {"too long": 4}} == dataset.header.left_out


def test_what_befalls_one_task_is_not_seen_in_another(drawn_videos: Path, tmp_path: Path) -> None:
    """Its failures, and the broken videos that it comes upon, leave the substitutes of the others alone."""
    for file in sorted(drawn_videos.iterdir())[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_videos(tmp_path / "short", 3, seed=9, seconds=1, fps=8, height=48, width=48)
    found = scan(tmp_path)
    (tmp_path / found[2].path).write_bytes(b"")
    picky = {"plugin": "pick", "longest_s": 1.0}
    outcomes = []
    for other in ({"longest_s": 1.0}, {"longest_s": 9.0}, {"longest_s": 9.0, "enabled": False}):
        config = configured({"picky": picky, "pick": other}, size=14)
        recipes = build(config, found, tmp_path).recipes
        outcomes.append([recipe for recipe in recipes if recipe.task == "picky"])
    assert 7 == len(outcomes[0])
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_video_that_breaks_after_the_scan_is_told(drawn_videos: Path, tmp_path: Path) -> None:
    """It is passed over with the decoder's reason, and the others carry its questions."""
    for file in sorted(drawn_videos.iterdir())[:3]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = scan(tmp_path)
    victim = tmp_path / found[1].path
    victim.write_bytes(victim.read_bytes()[:100])
    dataset = build(configured(), found, tmp_path)
    assert 12 == len(dataset.recipes)
    assert victim.name not in {recipe.video for recipe in dataset.recipes}
    broken = dataset.header.broken
    assert [victim.name] == list(broken)
    assert broken[victim.name]
    assert str(tmp_path) not in broken[victim.name]


def test_without_a_usable_video_there_is_no_dataset(tmp_path: Path) -> None:
    """Quarantined videos are no videos."""
    (tmp_path / "a.mp4").write_bytes(b"")
    for found in (scan(tmp_path), []):
        with pytest.raises(DatasetError) as caught:
            build(configured(), found, tmp_path)
        expected = f"{tmp_path}: no usable video; `videossr scan` says why each was quarantined"
        assert re.fullmatch(expected, str(caught.value))


def test_a_question_that_no_video_carries_is_told(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """With the task's own reasons, counted."""
    with pytest.raises(DatasetError) as caught:
        build(configured(PICK, registry=registry_of(pick=Camera())), rows, drawn_videos)
    expected = (
        r"task 'pick': none of 5 videos that were tried, of 5, can carry question \d+: 5 x too long"
    )
    assert re.fullmatch(expected, str(caught.value))


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        ({"spacing": 9}, "shorter than a window of 63 s"),
        ({"num_frames": 64, "min_frames": 20}, "fewer than 20 frames in the window"),
    ],
)
def test_what_the_table_tells_ends_a_build_before_it_starts(
    rows: list[VideoRow], tmp_path: Path, video: dict[str, Any], reason: str
) -> None:
    """No video is opened: there is none where they are said to be."""
    with pytest.raises(DatasetError) as caught:
        build(configured(PICK, **video), rows, tmp_path)
    expected = f"task 'pick': none of the 5 videos can carry its questions: 5 x {reason}"
    assert expected == str(caught.value)


def test_all_reasons_are_counted(drawn_videos: Path, tmp_path: Path) -> None:
    """Unsuitable and broken videos side by side."""
    for file in sorted(drawn_videos.iterdir())[:3]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = scan(tmp_path)
    (tmp_path / found[0].path).write_bytes(b"")
    with pytest.raises(DatasetError, match=r": 2 x too long(; 1 x \S+|; 1 more cannot be decoded)"):
        build(configured(PICK, registry=registry_of(pick=Camera())), found, tmp_path)


# Failures


def test_a_hook_that_raises_ends_the_build(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """With the video and the seed, by which it can be repeated."""

    class Raising(Pick):
        @hookimpl
        def make_sample(self) -> Sample:  # type: ignore[override] # hooks take what they need
            raise IndexError("out of range")

    registry = registry_of(pick=Raising())
    with pytest.raises(PluginError) as caught:
        build(configured(PICK, registry=registry), rows, drawn_videos, workers=2)
    promised = build(configured(PICK), rows, drawn_videos).recipes
    culprits = [
        "plugin 'pick' (unknown), hook 'make_sample', "
        f"video {recipe.video}, seed {recipe.seed}: raised IndexError: out of range"
        for recipe in promised
    ]
    assert str(caught.value) in culprits


def test_an_interruption_lets_the_rest_go(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """Ctrl-C while progress is shown does not wait for the questions not yet begun."""
    made = []

    class Counting(Pick):
        @hookimpl
        def make_sample(  # type: ignore[override] # hooks take what they need
            self, clip: Clip, rng: random.Random
        ) -> Sample:
            made.append(clip)
            return super().make_sample(clip, Pick.Config(), 0.5, rng)

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt(done, total)

    config = configured(PICK, size=500, registry=registry_of(pick=Counting()))
    with pytest.raises(KeyboardInterrupt):
        build(config, rows, drawn_videos, progress=interrupted)
    assert 1 <= len(made) < 250


# Rendering


def test_recipes_render_to_what_they_promise(
    drawn_videos: Path, built: Dataset, tmp_path: Path
) -> None:
    """After a round trip over the disk, to the bit."""
    built.save(tmp_path / "dataset")
    loaded = Dataset.load(tmp_path / "dataset")
    renderer = Renderer.for_dataset(loaded, registry=toys())
    assert drawn_videos == renderer.root
    for recipe in reversed(loaded.recipes):
        sample = renderer.render(recipe, exact=True)
        assert (recipe.question, recipe.answer) == (sample.question, sample.answer)
        assert recipe.digest == sample.digest()
        assert 1.0 == renderer.task(recipe).score(recipe.answer, recipe.answer, {}).value


def test_other_pixels_are_caught_where_asked(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """Another decoder's last bit is forgiven unless the caller wants it exact."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    dataset = build(config, rows, drawn_videos)
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


def test_another_answer_is_refused(drawn_videos: Path, rows: list[VideoRow]) -> None:
    """Both answers are told."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    recipe = build(config, rows, drawn_videos).recipes[1]
    moody.answer = "none"
    with pytest.raises(DatasetError) as caught:
        Renderer(config, drawn_videos).render(recipe)
    assert (
        f"pick 1 (video {recipe.video}, seed {recipe.seed}): renders to the answer 'none', "
        f"the dataset has {recipe.answer!r}; the video or a plugin has changed since the build"
    ) == str(caught.value)


def test_a_question_that_is_no_longer_made_is_told(
    drawn_videos: Path, rows: list[VideoRow]
) -> None:
    """With the plugin's reason."""
    moody = Moody()
    config = configured(PICK, size=2, registry=registry_of(pick=moody))
    recipe = build(config, rows, drawn_videos).recipes[0]
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
    rows: list[VideoRow],
    tmp_path: Path,
    name: str,
    plugin: type[Any],
    built_with: str,
) -> None:
    """Of a task, or of a perturbation that a task draws from; whoever brings it to render."""
    dataset = build(configured(registry=versioned(tmp_path / "old", "1.2")), rows, drawn_videos)
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
    drawn_videos: Path, rows: list[VideoRow], tmp_path: Path
) -> None:
    """From another folder it renders the same; if its file has changed there is a word of warning."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "loose.py").write_text(LOOSE)
    tree = {"build": {"size": 2}, "video": VIDEO, "tasks": {"loose": {}}}
    config = resolve(tree, Registry((), folders=[old]))
    dataset = build(config, rows, drawn_videos)
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
    built: Dataset, tmp_path: Path
) -> None:
    """A header that somebody changed by hand."""
    built.save(tmp_path / "dataset")
    header = json.loads((tmp_path / "dataset" / "dataset.json").read_text())
    del header["config"]["tasks"]["halves"]
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(header))
    with pytest.raises(DatasetError, match="it has questions of halves, and its configuration"):
        Renderer.for_dataset(Dataset.load(tmp_path / "dataset"), registry=toys())
