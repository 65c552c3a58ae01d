"""The gallery of a dataset: which questions it shows, what the page holds, and what it does not do."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
import torch
from command_line import Ran
from hypothesis import given
from hypothesis import strategies as st
from plain_recipes import RECIPE
from toy_plugins import TOYS, Halves, Pick, distribution, registry_of

from videossr import Clip, ConfigError, Sample, hookimpl
from videossr.build import build
from videossr.config import resolve
from videossr.dataset import Dataset, Header, Recipe
from videossr.floors import Floors
from videossr.gallery import Written, choose, is_gallery, write_gallery
from videossr.gallery.choice import level_of
from videossr.gallery.player import player_of
from videossr.gallery.sheet import frames_shown
from videossr.marks import Box, Mark
from videossr.render import Renderer
from videossr.sample import question_prompt
from videossr.scan import scan

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from videossr.video_table import VideoRow


HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"


class Flagged(Halves):
    """Marks the half that was altered, under the name of one of its perturbations."""

    @hookimpl
    def make_sample(self, clip: Clip, config: Any, rng: random.Random) -> Sample:  # noqa: ANN401
        """As ever, with what the mark needs."""
        sample = super().make_sample(clip, config, rng)
        names = [one.name for one in config.perturbations]
        return replace(sample, target={"altered": names[int(sample.answer) - 1]})

    def marks(self, sample: Sample) -> list[Mark]:
        """Frames 0 to 3 or 4 to 7."""
        start = 4 * (int(sample.answer) - 1)
        return [Mark(0, start, start + 4, sample.target["altered"])]


class Paired(Pick):
    """Asks hostile words about two clips, and draws a box on one."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip
    ) -> Sample:
        """The clip twice."""
        prompt = question_prompt("Clip 1:", None, "Clip 2:", None, HOSTILE)
        return Sample(prompt, (clip, clip), HOSTILE, {"why": HOSTILE})

    def marks(self, _sample: Sample) -> list[Mark]:
        """A corner of one frame, and all of the other clip."""
        return [Mark(0, 5, 6, "corner", Box(1, 2, 8, 8)), Mark(1, 0, 8, HOSTILE, tone=0.5)]


class Stumbling(Pick):
    """Cannot say where there is something to see."""

    def marks(self, sample: Sample) -> list[Mark]:
        """Nowhere."""
        raise LookupError(sample.answer[:0] + "no idea")


PLUGINS: dict[str, Any] = {
    **TOYS,
    "flagged": Flagged(),
    "paired": Paired(),
    "stumbling": Stumbling(),
}
ALL: dict[str, Any] = {
    "flagged": {"perturbations": {"dim": {}, "upend": {}}},
    "paired": {"difficulty": "hard"},
    "pick": {"difficulty": {"kind": "linear", "start": "easy", "stop": "hard"}},
}


def built(root: Path, tasks: dict[str, Any] | None = None, *, size: int = 12) -> Dataset:
    """A dataset of 8 frames a clip, 48 x 48."""
    video = {"num_frames": 8, "min_frames": 8, "max_pixels": 2304, "min_pixels": 256}
    tree = {
        "seed": 1,
        "video": {**video, "size_multiple": 16},
        "build": {"size": size},
        "tasks": ALL if tasks is None else tasks,
    }
    return build(resolve(tree, registry_of(**PLUGINS)), scan(root), root)


@pytest.fixture(scope="module")
def dataset(drawn_videos: Path) -> Dataset:
    """Four questions of each of three tasks."""
    return built(drawn_videos)


def written(dataset: Dataset, path: Path, *, workers: int = 2) -> Written:
    """The gallery of all questions."""
    renderer = Renderer.for_dataset(dataset, registry=registry_of(**PLUGINS))
    recipes = choose(dataset, per_group=100)
    return write_gallery(dataset, recipes, renderer, path, title=HOSTILE, workers=workers)


class Page(HTMLParser):
    """A page as a browser takes it apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def cards(self) -> dict[str, Page]:
        """What is inside of each question, by its address."""
        found: dict[str, Page] = {}
        for tag, attributes in self.tags:
            if tag == "article":
                found[attributes["id"]] = Page("")
            if found:
                [*found.values()][-1].tags.append((tag, attributes))
        return found


@pytest.fixture(scope="module")
def page(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The gallery of the dataset."""
    path = tmp_path_factory.mktemp("gallery") / "gallery.html"
    assert {} == written(dataset, path).failed
    return Page(path.read_text(encoding="utf-8"))


# What is shown


def recipe(task: str, index: int, difficulty: float = 0.5, video: str = "a.mp4") -> Recipe:
    """A recipe of which nothing else matters."""
    facts = {"video": video, "difficulty": difficulty, "seed": 1000 * index}
    return replace(RECIPE, task=task, index=index, **facts)


def chosen_from(recipes: list[Recipe], **options: Any) -> tuple[Recipe, ...]:  # noqa: ANN401
    """What is chosen of these recipes."""
    return choose(Dataset(tuple(recipes), Header(Path(), {}, {}, Floors())), **options)


def test_every_task_and_level_is_shown() -> None:
    """So many of each, where there are so many, and those between two levels are one group."""
    recipes = [
        *(recipe("many", i, difficulty) for i, difficulty in enumerate([0.0, 0.5, 1.0] * 50)),
        *(recipe("sliding", i, i / 200) for i in range(200)),
        recipe("few", 0),
    ]
    shown = Counter((r.task, level_of(r.difficulty)) for r in chosen_from(recipes, per_group=3))
    assert shown == {
        **{("many", level): 3 for level in ("easy", "train", "hard")},
        ("sliding", "easy"): 1,
        ("sliding", "easy to train"): 3,
        ("sliding", "train"): 1,
        ("sliding", "train to hard"): 3,
        ("few", "train"): 1,
    }


def test_the_choice_is_spread() -> None:
    """One from each quarter of the indices, each of another video, and not just the first ones."""
    recipes = [recipe("one", i, video=f"{i % 7}.mp4") for i in range(400)]
    shown = chosen_from(recipes, per_group=4)
    assert [0, 1, 2, 3] == [one.index // 100 for one in shown]
    assert 4 == len({one.video for one in shown})
    assert any(one.index % 100 for one in shown)


def test_the_choice_follows_from_the_recipes() -> None:
    """Their order does not matter, and neither do other tasks."""
    recipes = [recipe(task, i, video=f"{i % 3}.mp4") for task in "ab" for i in range(50)]
    both = chosen_from(recipes, per_group=5)
    assert both[:5] == chosen_from(recipes[:50][::-1], per_group=5)
    assert both[5:] == chosen_from(recipes, tasks=["b"], per_group=5)


def test_a_limit_is_shared_fairly() -> None:
    """Seven of three groups are three, two and two."""
    recipes = [recipe(task, i) for task in "abc" for i in range(9)]
    shown = Counter(one.task for one in chosen_from(recipes, limit=7))
    assert {"a": 3, "b": 2, "c": 2} == shown


def test_an_unknown_task_is_refused() -> None:
    """With the one that was meant."""
    with pytest.raises(ConfigError, match=r"task 'pikc': .* did you mean 'pick'"):
        chosen_from([recipe("pick", 0)], tasks=["pikc"])


@pytest.mark.parametrize(
    ("difficulty", "level"),
    [(0.0, "easy"), (0.3, "easy to train"), (0.5, "train"), (0.9, "train to hard"), (1.0, "hard")],
)
def test_levels_have_names(difficulty: float, level: str) -> None:
    """Those of the levels themselves, and of the stretches between."""
    assert level == level_of(difficulty)


@given(
    frames=st.integers(1, 200), marked=st.sets(st.integers(0, 199), max_size=40), wanted=st.just(16)
)
def test_the_sheet_shows_marked_frames_and_even_ones(
    frames: int, marked: set[int], wanted: int
) -> None:
    """The marked ones and the ends are there, as many as wanted, none twice, in order."""
    marked = {number for number in marked if number < frames}
    shown = frames_shown(frames, marked, wanted)
    assert marked | {0, frames - 1} <= set(shown)
    assert sorted(set(shown)) == shown
    assert len(shown) == max(min(wanted, frames), len(marked | {0, frames - 1}))


def test_the_sheet_of_a_long_clip_has_an_end() -> None:
    """Where every frame is marked, some of them do."""
    assert 50 >= len(frames_shown(4096, range(4096), 16))


# The page


def test_the_page_asks_nothing_of_the_network(page: Page) -> None:
    """Every address is one of data or of the page itself, and nothing else may be fetched."""
    for _, attributes in page.tags:
        for name in ("src", "href", "poster", "srcset", "action"):
            address = attributes.get(name, "data:")
            assert address.startswith(("data:", "#")), address[:80]
    (policy,) = [one["content"] for one in page.of("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert [] == page.of("link")
    assert not any("src" in one for one in page.of("script"))


def test_hostile_text_is_shown_and_not_run(page: Page) -> None:
    """Of a question, an answer, a label, a target and the title."""
    assert 1 == len(page.of("script"))
    assert not [one for one in page.of("img") if "onerror" in one or one["src"] == "x"]
    assert 5 <= sum(HOSTILE in text for text in page.texts)


def test_every_clip_plays(page: Page, dataset: Dataset) -> None:
    """As H.264, 8 frames at the times of the clip, begun only when asked for."""
    videos = page.of("video")
    assert 4 + 2 * 4 + 4 == len(videos)
    assert {"none"} == {one["preload"] for one in videos}
    renderer = Renderer.for_dataset(dataset, registry=registry_of(**PLUGINS))
    (first,) = renderer.render(dataset.of_task("flagged")[0]).clips
    address = page.cards["flagged-0"].of("video")[0]["src"]
    kind, _, content = address.partition(",")
    assert "data:video/mp4;base64" == kind
    with av.open(io.BytesIO(base64.b64decode(content))) as container:
        assert "h264" == container.streams.video[0].codec_context.name
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx((first.times - first.times[0]).tolist(), abs=1e-4)


def test_a_marked_span_is_on_the_strip_and_on_the_sheet(page: Page, dataset: Dataset) -> None:
    """One stretch of the strip, and the frames of that half."""
    asked = dataset.of_task("flagged")[0]
    half, label = int(asked.answer) - 1, ("dim", "upend")[int(asked.answer) - 1]
    card = page.cards["flagged-0"]
    (span,) = [one for one in card.of("i") if "title" in one]
    stills = [one for one in card.of("li") if "data-at" in one]
    marked = [number for number, one in enumerate(stills) if one.get("class") == "marked"]
    assert [*range(4 * half, 4 * half + 4)] == marked
    assert stills[marked[0]]["title"].endswith(f" s, {label}")
    assert span["title"].startswith(f"{label}: ")


def test_a_span_lies_on_the_strip_as_it_does_in_time() -> None:
    """Of 6 s in all, frames 1 and 2 are on screen from 1 s to 4 s; the last frame lasts 2 s, as that before it."""
    clip = Clip(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.tensor([5, 6, 7, 9.0]).double())
    player = player_of(clip, [Mark(0, 1, 3, "x")], {"x": "red"}, several=False)
    (span,) = player.spans
    assert (100 / 6, 300 / 6) == pytest.approx((span.left, span.width))
    assert (5.0, 9.0) == (player.first, player.last)
    assert ["6.00\N{EN DASH}7.00\N{NO-BREAK SPACE}s"] == [key.when for key in player.keys]
    assert ["", "red", "red", ""] == [still.framed for still in player.stills]
    assert [0.0, 1.0, 2.0, 4.0] == [still.at for still in player.stills]


def test_a_box_is_drawn_where_it_is(page: Page) -> None:
    """In pixels of the clip, on the one frame, which the sheet has for it."""
    card = page.cards["paired-0"]
    (box,) = card.of("rect")
    assert ["1.0", "2.0", "8.0", "8.0"] == [box[name] for name in ("x", "y", "width", "height")]
    (drawing,) = card.of("svg")
    assert "0 0 48 48" == drawing["viewbox"]
    (still,) = [one for one in card.of("li") if one.get("title", "").endswith(", corner")]
    assert still["title"].startswith("frame 5, ")


def test_a_task_without_marks_is_shown_all_the_same(page: Page) -> None:
    """Its clip, its frames, its question."""
    card = page.cards["pick-0"]
    assert 1 == len(card.of("video"))
    assert 8 == len([one for one in card.of("li") if "data-at" in one])
    assert [] == [one for one in card.of("i") if "title" in one]
    assert "Which digit?" in "".join(page.texts)


def test_cards_say_what_filters_ask_for(page: Page) -> None:
    """Task, level and the one label of its marks; each filter offers all that there are."""
    cards = page.of("article")
    offered: dict[str, set[str]] = {}
    for button in page.of("input"):
        offered.setdefault(button["name"], set()).add(button["value"])
    assert offered == {
        "task": {"", "flagged", "paired", "pick"},
        "level": {"", *(card["data-level"] for card in cards)},
        "label": {"", *(card["data-label"] for card in cards)},
    }
    assert {"dim", "upend"} == {
        card["data-label"] for card in cards if card["data-task"] == "flagged"
    }
    assert ["easy", "easy to train", "train", "train to hard"] == [
        card["data-level"] for card in cards if card["data-task"] == "pick"
    ]
    assert "Perturbation" in page.texts


def test_a_filter_without_a_choice_is_left_out(drawn_videos: Path, tmp_path: Path) -> None:
    """One task at one level."""
    path = tmp_path / "gallery.html"
    written(built(drawn_videos, {"pick": {}}, size=2), path)
    assert [] == Page(path.read_text()).of("input")


def test_a_clip_of_one_frame_has_a_strip() -> None:
    """It lasts a second."""
    clip = Clip(torch.zeros(1, 3, 16, 16, dtype=torch.uint8), torch.tensor([2.0]).double())
    player = player_of(clip, [Mark(0, 0, 1, "x", Box(0, 0, 1, 1))], {"x": "red"}, several=False)
    assert [(0.0, 100.0)] == [(span.left, span.width) for span in player.spans]
    assert ["2.00\N{NO-BREAK SPACE}s"] == [key.when for key in player.keys]
    assert 1 == len(player.stills)


def test_the_same_dataset_makes_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    """Whatever the number of workers."""
    paths = [tmp_path / f"{workers}.html" for workers in (1, 3)]
    for workers, path in zip((1, 3), paths, strict=True):
        written(dataset, path, workers=workers)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_failure_leaves_the_older_page(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing beside it."""
    path = tmp_path / "gallery.html"
    path.write_text("older")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        written(dataset, path)
    assert [path] == [*tmp_path.iterdir()]
    assert "older" == path.read_text()


# What cannot be shown


@pytest.fixture
def copied(drawn_videos: Path, tmp_path: Path) -> Path:
    """Videos that may be damaged."""
    return Path(shutil.copytree(drawn_videos, tmp_path / "videos"))


def test_a_broken_video_is_a_card_that_says_so(copied: Path, tmp_path: Path) -> None:
    """One that is gone and one that is another by now; the others are shown."""
    dataset = built(copied, {"pick": {}}, size=5)
    gone, changed = (one.video for one in dataset.recipes[:2])
    (copied / gone).unlink()
    (copied / changed).write_bytes(b"no video")
    path = tmp_path / "gallery.html"
    result = written(dataset, path)
    assert [dataset.recipes[0].name, dataset.recipes[1].name] == [*result.failed]
    page = Page(path.read_text())
    assert 5 == len(page.of("article"))
    assert 3 == len(page.of("video"))
    text = "".join(page.texts)
    assert f"{gone}: No such file or directory" in text
    assert f"{changed}: is another file than when it was scanned" in text
    assert "2 could not be shown as they should." in text


def test_marks_that_fail_leave_the_rest_of_the_card(drawn_videos: Path, tmp_path: Path) -> None:
    """The clip is there, and the plugin is named."""
    path = tmp_path / "gallery.html"
    result = written(built(drawn_videos, {"stumbling": {}}, size=1), path)
    (problem,) = result.failed.values()
    assert "plugin 'stumbling' (" in problem
    assert "hook 'marks'" in problem
    assert "raised LookupError: no idea" in problem
    page = Page(path.read_text())
    assert 1 == len(page.of("video"))
    assert problem in "".join(page.texts)


# The command


@pytest.fixture
def saved(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A dataset on disk of a task that is installed as `toy_pick`."""
    site = tmp_path / "site"
    distribution(site, "toy-tasks", "1.2", {"toy_pick": "toy_plugins:PICK"})
    monkeypatch.syspath_prepend(site)
    tree = {
        "video": {"num_frames": 8, "min_frames": 8, "max_pixels": 2304, "min_pixels": 256},
        "build": {"size": 9},
        "tasks": {"toy_pick": {}},
    }
    build(resolve(tree), drawn_rows, drawn_videos).save(tmp_path / "dataset")
    return tmp_path / "dataset"


def test_tasks_that_are_not_shown_are_listed(dataset: Dataset, tmp_path: Path) -> None:
    """With their floors: a page of one task says what else there is."""
    renderer = Renderer.for_dataset(dataset, registry=registry_of(**PLUGINS))
    path = tmp_path / "gallery.html"
    write_gallery(dataset, choose(dataset, tasks=["pick"]), renderer, path, title="x")
    text = path.read_text()
    assert 4 == len(Page(text).of("article"))
    for task, floor in dataset.floors.items():
        assert task in text
        assert task == "pick" or f"{floor:.3f}" in text


def test_command_writes_the_page(run: Callable[..., Ran], saved: Path, tmp_path: Path) -> None:
    """And says how many it shows, of how many; a second time in place of the first."""
    output = tmp_path / "new" / "gallery.html"
    for _ in range(2):
        ran = run("gallery", saved, "-o", output, "--per-group", "2")
        assert (0, True) == (ran.code, is_gallery(output))
        assert ran.out.startswith(f"{output}: 2 of 9 questions, ")
    assert 2 == len(Page(output.read_text()).of("article"))


def test_command_prints_json(run: Callable[..., Ran], saved: Path, tmp_path: Path) -> None:
    """One object, and nothing on stderr."""
    output = tmp_path / "gallery.html"
    ran = run("gallery", saved, "-o", output, "--limit", "1", "--task", "toy_pick", "--json")
    assert (0, "") == (ran.code, ran.err)
    assert json.loads(ran.out) == {
        "output": str(output),
        "shown": 1,
        "questions": 9,
        "failed": {},
        "bytes": output.stat().st_size,
    }


def test_command_is_quiet(run: Callable[..., Ran], saved: Path, tmp_path: Path) -> None:
    """Where it is told to be."""
    ran = run("gallery", saved, "-o", tmp_path / "gallery.html", "-q")
    assert (0, "", "") == ran


def test_command_fails_where_a_question_does(
    run: Callable[..., Ran], saved: Path, tmp_path: Path
) -> None:
    """Exit code 1, each question named, and the page is there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for video in Dataset.load(saved).root.iterdir():
        (elsewhere / video.name).write_bytes(video.read_bytes() + b" ")
    output = tmp_path / "gallery.html"
    ran = run("gallery", saved, "-o", output, "-q", "--limit", "2", "--root", elsewhere)
    assert (1, "") == (ran.code, ran.out)
    assert 2 == len(re.findall(r"^error: toy_pick \d .*: is another file", ran.err, re.MULTILINE))
    assert is_gallery(output)


def test_command_says_where_videos_are_missed(
    run: Callable[..., Ran], saved: Path, tmp_path: Path
) -> None:
    """Once, and not for each question."""
    ran = run("gallery", saved, "-o", tmp_path / "gallery.html", "--root", tmp_path)
    problem = "none of the dataset's videos is here, as it was when it was built"
    right = "give their folder by --root"
    assert Ran(2, "", f"error: {tmp_path}: {problem}; {right}\n") == ran


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["nowhere", "-o", "gallery.html"], 2, "no dataset, dataset.json is missing"),
        (["dataset", "-o", "notes.html"], 2, "exists already, and is no gallery; choose another"),
        (["dataset", "-o", "dataset"], 2, "exists already, and is no gallery; choose another"),
        (["dataset", "-o", "gallery.html", "--task", "nope"], 2, "has no question of it"),
        (["dataset", "-o", "gallery.html", "--plugins-dir", "nowhere"], 2, "nowhere"),
        (["dataset", "-o", "gallery.html", "--allow", "others"], 2, "toy_pick"),
    ],
)
def test_command_says_what_is_wrong(
    run: Callable[..., Ran],
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    problem: str,
) -> None:
    """And writes nothing."""
    monkeypatch.chdir(saved.parent)
    Path("notes.html").write_text("<p>mine</p>")
    ran = run("gallery", *words)
    assert (code, "") == (ran.code, ran.out)
    assert problem in ran.err
    assert not Path("gallery.html").exists()
    assert "<p>mine</p>" == Path("notes.html").read_text()


def test_command_names_a_decoder_that_is_missing(
    run: Callable[..., Ran], saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset made by another decoder than there is here."""
    monkeypatch.setattr("videossr.clips.available_backends", lambda: ("torchcodec",))
    ran = run("gallery", saved, "-o", tmp_path / "gallery.html")
    assert 2 == ran.code
    assert "video.decoder: 'pyav' does not work here" in ran.err
