"""Planning tens of thousands of questions without a look at a video, and splitting by video."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from toy_builds import HALVES, NOWHERE, PICK, VIDEO, configured, planned, row
from toy_plugins import Pick, PickConfig, registry_of, toys

from videossr import Clip, ConfigError, DatasetError, Sample, Unsuitable, hookimpl
from videossr.build import Plan, build, build_to, part_of
from videossr.build.floors import expected_layout
from videossr.build.spread import Spread, Substitutes
from videossr.config import resolve
from videossr.config.schema import BuildConfig
from videossr.dataset import Dataset
from videossr.engine import Local
from videossr.journal import Journal
from videossr.render import Renderer
from videossr.scan import scan

if TYPE_CHECKING:
    import random

    from videossr.video_table import VideoRow


# Without a look


def test_a_plan_needs_no_video() -> None:
    """All of a recipe but what only pixels can tell."""
    dataset = build(planned({**PICK, **HALVES}), [row(i) for i in range(20)], NOWHERE)
    assert 12 == len(dataset.recipes)
    assert {("", "", "")} == {(r.question, r.answer, r.digest) for r in dataset.recipes}
    assert not any(recipe.checked for recipe in dataset.recipes)
    assert 12 == len({recipe.video for recipe in dataset.recipes})
    assert 12 == len({recipe.seed for recipe in dataset.recipes})
    assert {"pick", "halves"} == set(dataset.floors)


def test_a_plan_is_what_a_check_confirms(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """Where every video will do, the recipes are the same but for what they turn out to be."""
    rows = drawn_rows
    checked = build(configured(PICK), rows, drawn_videos)
    plan = build(planned(), rows, drawn_videos)
    blank = tuple(replace(r, question="", answer="", digest="") for r in checked.recipes)
    assert blank == plan.recipes
    assert checked.header.floors == plan.header.floors


def test_a_planned_question_renders(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """To what the check would have found."""
    rows = drawn_rows
    config = planned()
    renderer = Renderer(config, drawn_videos)
    checked = build(configured(PICK), rows, drawn_videos).recipes
    for plan, known in zip(build(config, rows, drawn_videos).recipes, checked, strict=True):
        assert known.digest == renderer.render(plan).digest()


def test_a_planned_question_that_does_not_hold_is_told(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """With what to do about it."""
    recipe = build(planned(), drawn_rows, drawn_videos).recipes[0]
    config = planned({"pick": {"longest_s": 0.1}})
    with pytest.raises(DatasetError, match=r"was planned, .* too long; a build with build.check=t"):
        Renderer(config, drawn_videos).render(recipe)


def test_the_expected_times_are_those_of_the_frames(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """Of videos of an even rate, to the microsecond; the size too."""
    rows, config = drawn_rows, configured(PICK, size=5, spacing=0.125)
    plan, renderer = Plan(config, rows, drawn_videos), Renderer(config, drawn_videos)
    for slot in plan.slots():
        recipe = plan.recipe(slot, plan.video(slot))
        layout = expected_layout(plan.videos[plan.video(slot)], recipe, config.video)
        clip = renderer.clip(recipe.excerpt)
        assert clip.times.tolist() == pytest.approx(layout.times.tolist(), abs=1e-6)
        assert (clip.height, clip.width) == layout.size


def test_a_window_with_too_few_frames_is_left_out_where_the_table_tells() -> None:
    """Eight frames an eighth of a second apart are 0.875 s: of 10 frames a second nine, of 5 five or six."""
    slow = [row(i, frames=50, fps=5.0, last=9.8) for i in range(3)]
    tree = {"video": {**VIDEO, "spacing": 0.125}, "build": {"size": 4, "check": False}}
    config = resolve({**tree, "tasks": PICK}, toys())
    plan = Plan(config, [*slow, row(7), row(8, frames=50, last=9.8, variable=True)], NOWHERE)
    assert {"pick": {"fewer than video.min_frames=8 frames in the window": 3}} == plan.left_out
    assert {"00007.mp4", "00008.mp4"} == {recipe.video for recipe in plan.recipes()}


def test_settings_are_part_of_a_recipe(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """A header that somebody changed by hand no longer fits them."""
    dataset = build(planned(), drawn_rows, drawn_videos)
    dataset.save(tmp_path / "dataset")
    header = json.loads((tmp_path / "dataset" / "dataset.json").read_text())
    header["config"]["tasks"]["pick"]["longest_s"] = 3.0
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(header))
    changed = Dataset.load(tmp_path / "dataset")
    with pytest.raises(DatasetError, match="task 'pick': its questions were made with other sett"):
        Renderer.for_dataset(changed, registry=toys())
    Renderer.for_dataset(dataset, registry=toys())


def test_settings_that_have_their_defaults_do_not_count() -> None:
    """Written out or left out they are the same; and in whatever order perturbations stand."""
    plain = planned({"halves": {"perturbations": {"dim": {}, "upend": {}}}})
    written = planned(
        {"halves": {"weight": 3, "perturbations": {"upend": {"weight": 1}, "dim": {"amount": 40}}}}
    )
    other = planned({"halves": {"perturbations": {"dim": {"amount": 41}, "upend": {}}}})
    hashes = [config.settings_hash("halves") for config in (plain, written, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    rows = [row(i) for i in range(12)]
    seeds = [[r.seed for r in Plan(config, rows, NOWHERE).recipes()] for config in (plain, written)]
    assert seeds[0] == seeds[1]


def test_the_order_of_perturbations_leaves_no_trace(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """The same questions, to the bit."""
    rows = drawn_rows
    one, other = (
        build(configured({"halves": {"perturbations": names}}), rows, drawn_videos).recipes
        for names in ({"dim": {}, "upend": {}}, {"upend": {}, "dim": {}})
    )
    assert one == other


def test_a_task_that_can_ask_nothing_is_told_before_any_work() -> None:
    """With the task's own reason, though no video is there; every such task at once."""
    hopeless = {"longest_s": 0.5}
    tasks = {"short": {"plugin": "pick", **hopeless}, "pick": hopeless, **HALVES}
    for check in (True, False):
        with pytest.raises(ConfigError) as caught:
            build(planned(tasks, check=check), [row(i) for i in range(3)], NOWHERE)
        assert [
            f"tasks.{name}: makes no question of a clip as these videos give: too long; "
            "change its settings, or those of video, such as video.num_frames"
            for name in ("short", "pick")
        ] == str(caught.value).splitlines()


def test_a_task_that_few_videos_can_carry_is_kept() -> None:
    """One in a hundred of the clips is short enough, and it is none of those that stand for all."""
    short = {"last": 3.9, "duration": 4.0, "frames": 40}
    rows = [row(i, **(short if i == 60 else {})) for i in range(100)]
    config = planned({"pick": {"longest_s": 5}}, size=100, check=False)
    made = build(config, rows, NOWHERE)
    assert made.floors == build(planned(size=100, check=False), rows, NOWHERE).floors


def test_a_level_that_no_clip_carries_is_told_soon() -> None:
    """With the level, after thousands of tries; hundreds of layouts by a thousand each take an hour."""
    tries = Counter[float]()

    class Reluctant(Pick):
        """Asks nothing that is easy."""

        @hookimpl
        def make_sample(
            self, clip: Clip, config: PickConfig, difficulty: float, rng: random.Random
        ) -> Sample:
            tries[difficulty] += 1
            if difficulty < 0.5:
                raise Unsuitable("too easy")
            return super().make_sample(clip, config, difficulty, rng)

    tree = {
        "video": VIDEO,
        "build": {"size": 400, "check": False},
        "tasks": {"pick": {"difficulty": {"kind": "stepped", "levels": [0.25, 1], "at": [0.5]}}},
    }
    config = resolve(tree, registry_of(pick=Reluctant()))
    rows = [row(i, frames=90 + i, last=10.0 - 1 / (9 + i / 10)) for i in range(200)]
    told = "task 'pick': the blind floor at difficulty 0.25 cannot be measured: .*too easy"
    with pytest.raises(DatasetError, match=told):
        build(config, rows, NOWHERE)
    assert 1000 < tries[0.25] < 20_000


@pytest.mark.parametrize("seed", range(4))
def test_a_task_that_takes_few_draws_has_its_floor(seed: int) -> None:
    """Three of a hundred, on the longest of the layouts alone: a few tries would mostly find none."""

    class Choosy(Pick):
        """Asks what is easy about long clips alone, and seldom."""

        @hookimpl
        def make_sample(
            self, clip: Clip, config: PickConfig, difficulty: float, rng: random.Random
        ) -> Sample:
            if difficulty < 0.5 and (len(clip.times) < 120 or rng.random() > 0.03):
                raise Unsuitable("not this one")
            return super().make_sample(clip, config, difficulty, rng)

    tree = {
        "seed": seed,
        "video": {**VIDEO, "num_frames": 128},
        "build": {"size": 57, "check": False},
        "tasks": {"pick": {"difficulty": {"kind": "stepped", "levels": [0.25, 1], "at": [0.5]}}},
    }
    config = resolve(tree, registry_of(pick=Choosy()))
    rows = [row(i, frames=8 + 2 * i, fps=1.0 + i / 5) for i in range(57)]
    floors = build(config, rows, NOWHERE).floors  # by so few questions that it may be anything
    assert {"pick"} == {*floors}


def test_videos_that_have_moved_are_missed_at_once(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """And the way to say where they are is told."""
    dataset = build(planned(), drawn_rows, drawn_videos)
    dataset.refuse_moved()
    moved = replace(dataset, header=replace(dataset.header, root=tmp_path))
    with pytest.raises(ConfigError, match="give their folder by --root"):
        moved.refuse_moved()


def test_a_task_whose_share_is_no_question_is_told() -> None:
    """With what may be changed."""
    tasks = {"few": {"plugin": "pick", "weight": 0.01}, "pick": {}}
    with pytest.raises(DatasetError, match=r"task 'few': its share of 12 .* tasks\.few\.weight"):
        Plan(planned(tasks), [row(0)], NOWHERE)


# Evenly


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 60), st.floats(0.1, 1)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_videos_are_taken_evenly(
    videos: int, tasks: list[tuple[int, float]], rng: random.Random
) -> None:
    """A video is never taken while the task could have one that was taken less often."""
    spread = Spread(videos)
    for wanted, share in tasks:
        able = [video for video in range(videos) if rng.random() < share] or [0]
        before = list(spread.loads)
        taken = spread.take(wanted, able)
        assert wanted == len(taken)
        assert set(taken) <= set(able)
        got = Counter(taken)
        assert spread.loads == [before[video] + got[video] for video in range(videos)]
        for video in got:
            assert spread.loads[video] - 1 <= min(spread.loads[other] for other in able)


def test_a_substitute_has_failed_least_and_is_asked_about_least() -> None:
    """By hand: 0 has failed, 1 is asked about twice, 2 once, 3 not at all but is broken."""
    loads = [0, 2, 1, 0]
    substitutes = Substitutes(loads, [0, 1, 2, 3], {0: 1}, {})
    taken = [substitutes.take(tried, {3}) for tried in ([0], [0, 2], [0, 1, 2], [1, 2], [1, 2, 0])]
    assert [2, 1, None, 0, None] == taken
    assert [0, 2, 1, 0] == loads


def test_files_of_one_content_are_one_video() -> None:
    """By the name that comes first, and they are counted."""
    rows = [row(i) for i in range(4)] + [row(9, hash=row(2).hash)]
    plan = Plan(planned(), rows, NOWHERE)
    assert (4, 1) == (len(plan.videos), plan.twins)
    assert "00002.mp4" in {video.path for video in plan.videos}


def test_a_task_with_little_choice_comes_first() -> None:
    """One task can use two of the four videos that the other can: it leaves them to it."""
    tree = {
        "seed": 2,
        # So close together that a video has too few frames where the first is drawn.
        "video": {**VIDEO, "spacing": [0.05, 0.5]},
        "build": {"size": 4, "check": False},
        "tasks": {"first": {"plugin": "pick"}, "second": {"plugin": "pick"}},
    }
    plan = Plan(resolve(tree, toys()), [row(i) for i in range(6)], NOWHERE)
    first, second = set(plan.able("first")), set(plan.able("second"))
    assert (4, 2) == (len(first), len(second))
    assert second < first
    assert second == {plan.video(slot) for slot in plan.slots() if slot.task == "second"}
    assert 4 == len({recipe.video for recipe in plan.recipes()})


def test_each_name_of_a_plugin_is_a_task_of_its_own() -> None:
    """Its own questions, seeds and settings; the plugin is noted."""
    tasks = {"few": {"plugin": "pick", "options": 2}, "many": {"plugin": "pick", "options": 9}}
    dataset = build(planned(tasks), [row(i) for i in range(12)], NOWHERE)
    assert ("few", "many") == dataset.tasks
    assert {"pick"} == {recipe.plugin for recipe in dataset.recipes}
    assert 12 == len({recipe.seed for recipe in dataset.recipes})
    assert 2 == len({recipe.settings for recipe in dataset.recipes})
    assert dataset.floors["many"] < dataset.floors["few"]


# Switched off


@pytest.mark.parametrize("gone", ["few", "many", "long"])
def test_a_task_that_is_switched_off_takes_its_own_questions_along(gone: str) -> None:
    """And leaves all others as they are, though videos are shared evenly among them."""
    rows = [row(i, last=100.0 if i < 3 else 9.9) for i in range(9)]
    tasks: dict[str, Any] = {
        "few": {"plugin": "pick", "weight": 0.5},
        "many": {"plugin": "pick", "weight": 2},
        "long": {"plugin": "pick"},
    }
    whole = list(Plan(planned(tasks, size=20), rows, NOWHERE).recipes())
    config = planned({**tasks, gone: {**tasks[gone], "enabled": False}}, size=20)
    plan = Plan(config, rows, NOWHERE)
    left = [recipe for recipe in whole if recipe.task != gone]
    assert left == list(plan.recipes())
    assert {gone: len(whole) - len(left)} == plan.off
    # As it is written down, it says the same.
    again = resolve(config.tree(), toys())
    assert left == list(Plan(again, rows, NOWHERE).recipes())


def test_a_task_that_is_switched_off_may_leave_its_share_to_the_others() -> None:
    """By hand: 12 questions, of which 4 were its own."""
    tasks: dict[str, Any] = {
        "few": {"plugin": "pick", "enabled": False},
        "many": {"plugin": "pick"},
    }
    weighted = {**tasks, "many": {"plugin": "pick", "weight": 2}}
    rows = [row(i) for i in range(3)]
    assert {"many": 8} == Plan(planned(weighted), rows, NOWHERE).sizes
    plan = Plan(planned(weighted, refill=True), rows, NOWHERE)
    assert ({"many": 12}, {}) == (plan.sizes, plan.off)


def test_a_task_that_is_switched_on_again_has_its_share_back() -> None:
    """Laid over what a build has written of a configuration in which it was off."""
    tasks: dict[str, Any] = {
        "few": {"plugin": "pick", "enabled": False},
        "many": {"plugin": "pick"},
    }
    tree = planned(tasks).tree()
    assert {"few": 1.0} == tree["build"]["off"]
    config = resolve({**tree, "tasks": {**tree["tasks"], "few": {"plugin": "pick"}}}, toys())
    assert {} == config.build.off
    assert {"few": 6, "many": 6} == Plan(config, [row(0)], NOWHERE).sizes


# Split


@given(st.text(max_size=40), st.integers(0, 9))
def test_a_video_is_on_one_side(content: str, seed: int) -> None:
    """Whatever else is in the table; and the larger the share, the more are held out."""
    small, large = (BuildConfig(held_out=share, split_seed=seed) for share in (0.1, 0.6))
    assert part_of(content, small) == part_of(content, small)
    if part_of(content, small) == "held_out":
        assert "held_out" == part_of(content, large)


def test_the_sides_have_no_video_in_common_and_all_of_them_together() -> None:
    """2,000 videos: a tenth is 200, within four deviations of 13."""
    rows = [row(i) for i in range(2000)]
    sides = {
        part: {v.hash for v in Plan(planned(part=part), rows, NOWHERE).videos}
        for part in ("train", "held_out")
    }
    assert set() == sides["train"] & sides["held_out"]
    assert {video.hash for video in rows} == sides["train"] | sides["held_out"]
    assert 146 < len(sides["held_out"]) < 254


def test_a_side_without_a_video_is_told() -> None:
    """With what may be changed."""
    with pytest.raises(DatasetError, match=r"none of the 1 videos is on the side 'held_out' of"):
        Plan(planned(part="held_out", held_out=1e-6), [row(0)], NOWHERE)


# In a folder


def test_a_folder_is_what_is_built(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """Whichever way; with a card, and nothing beside it."""
    rows = drawn_rows
    summary = build_to(tmp_path / "d", configured(), rows, drawn_videos)
    dataset = build(configured(), rows, drawn_videos)
    assert dataset == Dataset.load(tmp_path / "d")
    assert [tmp_path / "d"] == list(tmp_path.iterdir())
    assert (12, (2, 3), True) == (summary.questions, summary.asked, summary.checked)
    assert dataset.floors == {name: task.floor for name, task in summary.tasks.items()}


def test_the_card_says_what_a_reader_wants_to_know(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """Its front matter is YAML, and its configuration builds the dataset again."""
    rows = drawn_rows
    build_to(tmp_path / "d", configured(), rows, drawn_videos)
    card = (tmp_path / "d" / "README.md").read_text()
    _, front, body = card.split("---\n", 2)
    assert "d" == yaml.safe_load(front)["pretty_name"]
    assert "# d\n\n12 verifiable questions about 5 videos" in body
    assert "| pick | pick | 4 | 4 | 0.5 |" in body
    tree = yaml.safe_load(body.split("```yaml\n")[1].split("```")[0])
    again = build(resolve(tree, toys()), rows, drawn_videos)
    assert again == Dataset.load(tmp_path / "d")


def test_two_builds_of_one_folder_are_refused(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """The second is told."""
    with Journal(tmp_path / "d", [], "busy"), pytest.raises(ConfigError, match="another build is"):
        build_to(tmp_path / "d", configured(), drawn_rows, drawn_videos)


class Fussy(Pick):
    """Refuses some questions, and counts how often it is asked for one."""

    asked = 0

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, rng: random.Random
    ) -> Sample:
        """A digit, or not."""
        type(self).asked += 1
        if rng.random() < 0.15:
            raise Unsuitable("not today")
        return super().make_sample(clip, Pick.Config(), 0.5, rng)


def test_a_build_goes_on_where_it_stopped(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """What was rendered before is not rendered again, and the bytes are the same."""
    rows = drawn_rows
    config = configured(PICK, size=40, registry=registry_of(pick=Fussy()))
    build_to(tmp_path / "whole", config, rows, drawn_videos)
    whole = Fussy.asked
    Fussy.asked = 0

    def stop(done: int, total: int) -> None:
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_to(tmp_path / "d", config, rows, drawn_videos, progress=stop)
    assert not (tmp_path / "d").exists()
    build_to(tmp_path / "d", config, rows, drawn_videos, engine=Local(2))
    # Twice the draws of the floors, and no more than a few questions that were begun and not noted.
    assert Fussy.asked < whole + 8
    for file in ("recipes.parquet", "dataset.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "d" / file).read_bytes()


def test_a_video_that_was_away_for_a_while_is_tried_again(
    drawn_videos: Path, tmp_path: Path
) -> None:
    """A failure of the moment is not kept: the dataset is that of a build that never failed."""
    for file in drawn_videos.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    rows = scan(tmp_path)
    away, home = tmp_path / "away", tmp_path / rows[0].path
    home.rename(away)

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_to(tmp_path / "d", configured(PICK), rows, tmp_path, progress=stop)
    away.rename(home)
    build_to(tmp_path / "d", configured(PICK), rows, tmp_path)
    assert build(configured(PICK), rows, tmp_path) == Dataset.load(tmp_path / "d")


def test_what_a_build_trains_on_later_is_no_reason_to_begin_again(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """Where clips are stored does not change what a question is; the seed does."""
    rows = drawn_rows

    def stop(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    def resumed(**changes: Any) -> int:  # noqa: ANN401 - sections
        tree = {"seed": 1, "video": VIDEO, "build": {"size": 12}, "tasks": PICK}
        with pytest.raises(KeyboardInterrupt):
            build_to(tmp_path / "d", resolve(tree, toys()), rows, drawn_videos, progress=stop)
        before = len((tmp_path / ".d.journal").read_text().splitlines())
        config = resolve({**tree, **changes}, toys())
        with pytest.raises(KeyboardInterrupt):
            build_to(tmp_path / "d", config, rows, drawn_videos, progress=stop)
        return len((tmp_path / ".d.journal").read_text().splitlines()) - before

    assert 0 <= resumed(store={"max_gib": 1.0}) <= 1
    head = (tmp_path / ".d.journal").read_text().splitlines()[0]
    resumed(seed=2)
    assert head != (tmp_path / ".d.journal").read_text().splitlines()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_build_that_is_killed_goes_on(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """Killed at any moment, again and again, it writes the same bytes in the end."""
    code = (
        "import sys, time, pathlib\n"
        "from toy_builds import PICK, configured\n"
        "from videossr.build import build_to\n"
        "from videossr.render import Renderer\n"
        "from videossr.scan import scan\n"
        "make = Renderer.make\n"
        "Renderer.make = lambda self, recipe: (time.sleep(0.05), make(self, recipe))[1]\n"
        "folder, output = map(pathlib.Path, sys.argv[1:])\n"
        "build_to(output, configured(PICK, size=40), scan(folder), folder)"
    )
    known = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(known)}
    output, journal = tmp_path / "d", tmp_path / ".d.journal"
    for target in (5, 20, 35, 1000):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(drawn_videos), str(output)], env=env
        )
        while process.poll() is None:
            lines = len(journal.read_bytes().splitlines()) if journal.exists() else 0
            if lines > target:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.01)
    assert 0 == process.returncode
    build_to(tmp_path / "whole", configured(PICK, size=40), drawn_rows, drawn_videos)
    for file in ("recipes.parquet", "dataset.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (output / file).read_bytes()
