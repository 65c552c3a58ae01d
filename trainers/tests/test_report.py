"""All runs here are synthetic: numbers and texts made up to have known properties."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import random
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import av
import pytest
import torch

from videossr.clip import Clip
from videossr.intervals import Interval
from videossr.marks import Mark
from videossr.procedural import draw_video
from videossr_trainers.report import (
    Evaluation,
    Run,
    Score,
    ShownSample,
    StepMetrics,
    TaskStep,
    write_report,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>"

# Synthetic: mean rewards before and after, all intervals 0.02 to either side.
RISES = ("grounding", 0.610, 0.780)
STAYS = ("counting", 0.552, 0.561)
FALLS = ("jigsaw", 0.503, 0.401)


def score(mean: float, *, failures: float = 0.0) -> Score:
    return Score(Interval(mean, mean - 0.02, mean + 0.02, 64), failures, 512)


def synthetic_steps(tasks: Mapping[str, tuple[float, float]], count: int) -> list[StepMetrics]:
    rng = random.Random(0)
    return [
        StepMetrics(
            step=step,
            seconds=1.5 * step,
            tasks={
                task: TaskStep(
                    reward=before + (after - before) * step / count + rng.gauss(0, 0.03),
                    zero_variance=min(1.0, 0.05 + 0.3 * step / count + abs(rng.gauss(0, 0.04))),
                    parse_failures=0.01,
                )
                for task, (before, after) in tasks.items()
            },
            loss=rng.gauss(0, 0.02),
            mean_length=9 + rng.gauss(0, 0.4),
            kl=0.002 * math.sqrt(step),
        )
        for step in range(1, count + 1)
    ]


def clip(seed: int, frames: int = 16, size: int = 48) -> Clip:
    video = draw_video(seed, seconds=frames / 4, fps=4.0, height=size, width=size)
    return Clip(video, 0.75 + torch.arange(frames, dtype=torch.float64) / 4)


def synthetic_run(
    *tasks: tuple[str, float, float], samples: int = 1, steps: int = 0, floor: float = 0.39
) -> Run:
    means = {name: (before, after) for name, before, after in tasks}
    return Run(
        title="Synthetic run",
        facts={"seed": "0", "videossr": "0.1.0", "training": "3 min 20 s"},
        floors=dict.fromkeys(means, floor),
        before=Evaluation(
            {
                name: {"sighted": score(before, failures=0.031), "blind": score(0.30)}
                for name, (before, _) in means.items()
            }
        ),
        after=Evaluation(
            {
                name: {
                    "sighted": score(after),
                    "blind": score(0.287),
                    "wrong_video": score(0.264),
                }
                for name, (_, after) in means.items()
            }
        ),
        warm_start_loss=[3.0 * math.exp(-step / 40) + 0.4 for step in range(3 * steps)],
        steps=synthetic_steps(means, steps),
        samples=[
            ShownSample(
                task=name,
                question=f"Between which seconds is the {name} video altered?",
                answer="1.5-2.75",
                completion_before="0.8-1.5",
                completion_after="1.5-3.0",
                reward_before=0.0,
                reward_after=0.83,
                difficulty=0.5,
                clips=[clip(number)],
                marks=[Mark(0, 3, 9, "red and blue swapped")],
            )
            for number in range(samples)
            for name in means
        ],
        config="seed: 0\ntasks:\n  grounding: {weight: 1.0}\n",
        notes=["All numbers here are synthetic."],
    )


def written(run: Run, tmp_path: Path) -> str:
    return write_report(run, tmp_path / "report.html").read_text("utf-8")


class Page(HTMLParser):
    """Text, tags and attributes of a page, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.silent += tag in {"style", "script"}

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_page_refers_to_nothing_outside(tmp_path: Path) -> None:
    """No address but those of XML namespaces is in the file, and every source is a data URI."""
    html = written(synthetic_run(RISES, STAYS, steps=60), tmp_path)
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert namespaces == set(re.findall(r"\w+://[^\s\"'<>)]+", html))
    assert "url(" not in re.sub(r"url\(#", "", html)
    for tag, attributes in Page(html).tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "poster", "srcset"}:
                assert value is not None
                assert value.startswith(("data:video/mp4;base64,", "#"))


def test_hostile_text_is_shown_and_not_run(tmp_path: Path) -> None:
    """Markup in a completion, a task's name or any other text of the run stays text."""
    run = synthetic_run((HOSTILE, 0.5, 0.6), STAYS, steps=5)
    attribute = '"><img src=x onerror=alert(1)>'
    sample = dataclasses.replace(
        run.samples[0],
        question=HOSTILE,
        answer=attribute,
        completion_before=HOSTILE,
        completion_after=attribute,
        marks=[Mark(0, 1, 2, attribute)],
    )
    run = dataclasses.replace(
        run,
        title=HOSTILE,
        facts={HOSTILE: attribute},
        samples=[sample, *run.samples[1:]],
        config=f"name: {HOSTILE}</pre></details>",
        notes=[HOSTILE],
    )
    html = written(run, tmp_path)
    page = Page(html)
    assert HOSTILE not in html
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.text.count(HOSTILE) >= 7
    assert page.text.count(attribute) == 4


def test_text_that_no_file_can_hold(tmp_path: Path) -> None:
    """Half a character in a completion, or glyphs that no font has, don't keep a report back."""
    run = synthetic_run(("計数 $x_", 0.5, 0.6), steps=5)
    sample = dataclasses.replace(run.samples[0], completion_after="\ud83d 猫")
    text = Page(written(dataclasses.replace(run, samples=[sample]), tmp_path)).text
    assert "計数 $x_" in text
    assert "? 猫" in text


def test_all_values_appear(tmp_path: Path) -> None:
    """Per task and overall: floor, before, after, normalised, controls, failures, in numbers."""
    text = Page(written(synthetic_run(RISES, STAYS, FALLS), tmp_path)).text
    for task in ("grounding", "counting", "jigsaw", "Mean over tasks"):
        assert task in text
    # By hand: (0.610 - 0.39) / 0.61 = 0.361, (0.780 - 0.39) / 0.61 = 0.639.
    for value in ("0.390", "0.610 [0.590, 0.630]", "0.780 [0.760, 0.800]", "0.36 → 0.64"):
        assert value in text
    # By hand: the mean over the three, (0.610 + 0.552 + 0.503) / 3 and (0.780 + 0.561 + 0.401) / 3.
    for value in ("0.555 [0.535, 0.575]", "0.581 [0.561, 0.601]"):
        assert value in text
    for value in ("0.287 [", "0.264 [", "3.1 % → 0 %", "512 questions", "1536 questions"):
        assert value in text
    for value in ("1.5-2.75", "0.8-1.5", "1.5-3.0", "reward 0.00", "reward 0.83"):
        assert value in text
    for value in ("red and blue swapped: 1.50 s to 2.75 s", "3 min 20 s", "weight: 1.0"):
        assert value in text
    assert "All numbers here are synthetic." in text


def test_headline_says_what_rose_fell_and_stayed(tmp_path: Path) -> None:
    """The sentence follows the intervals of the gain, and hides neither losses nor doubts."""
    text = Page(written(synthetic_run(RISES, STAYS, FALLS), tmp_path)).text
    minus = "\N{MINUS SIGN}"
    assert (
        "The reward rose on 1 of 3 tasks, with a 95 % interval above zero: "
        f"grounding (+0.170 [+0.130, +0.210]); it fell on jigsaw ({minus}0.102 [{minus}0.142, {minus}0.062]); "
        f"no change is shown for counting (+0.009 [{minus}0.031, +0.049])."
    ) in text
    for words in ("Improved. Better with its video", "No change shown. Better", "Fell. Better"):
        assert words in text


def test_headline_without_any_gain(tmp_path: Path) -> None:
    """A run in which nothing rose says so first."""
    text = Page(written(synthetic_run(STAYS), tmp_path)).text
    assert (
        "On none of 1 task is the reward shown to have risen; no change is shown for counting"
        in text
    )
    assert "Mean over tasks" not in text


def test_paired_gain_decides(tmp_path: Path) -> None:
    """A paired interval takes the place of the wider one, and the page says which it is."""
    run = synthetic_run(STAYS)
    assert "bounded by the two separate intervals" in Page(written(run, tmp_path)).text
    paired = dataclasses.replace(run, gains={"counting": Interval(0.009, 0.002, 0.016, 64)})
    text = Page(written(paired, tmp_path)).text
    assert "rose on 1 of 1 task," in text
    assert "The gain is paired by question." in text


def test_one_video_shows_no_change(tmp_path: Path) -> None:
    """However great the gain: of one video there is no interval, and the page says why."""
    run = dataclasses.replace(
        synthetic_run(RISES, STAYS), gains={"grounding": Interval(0.17, None, None, 1)}
    )
    text = Page(written(run, tmp_path)).text
    assert "On none of 2 tasks is the reward shown to have risen" in text
    assert "there are too few videos to show a change on grounding (+0.170)." in text
    assert "Too few videos to show a change. Better with its video" in text
    assert "+0.170 too few videos" in text


@pytest.mark.parametrize(("videos", "shown"), [(7, False), (8, True)])
def test_few_videos_show_no_change(tmp_path: Path, videos: int, *, shown: bool) -> None:
    """However far the interval is from zero, and from that of the wrong video: `bench` has the same rule."""
    run = synthetic_run(RISES, FALLS)
    few = dataclasses.replace(
        run,
        gains={
            "grounding": Interval(0.17, 0.13, 0.21, videos),
            "jigsaw": Interval(-0.1, -0.14, -0.06, videos),
        },
        after=Evaluation(
            {
                task: {which: with_videos(one, videos) for which, one in scores.items()}
                for task, scores in run.after.scores.items()
            }
        ),
    )
    text = Page(written(few, tmp_path)).text
    assert shown == ("The reward rose on 1 of 2 tasks" in text)
    assert shown == ("it fell on jigsaw" in text)
    assert shown != ("there are too few videos to show a change on grounding (+0.170 [" in text)
    assert ("Better with its video" in text, "Not shown to do better" in text) == (shown, not shown)
    assert "drawn from 8 videos or more" in text


def with_videos(one: Score, videos: int) -> Score:
    """A score as if it were about so many videos."""
    return dataclasses.replace(one, reward=one.reward._replace(videos=videos))


def test_reward_without_the_video_is_named(tmp_path: Path) -> None:
    """Where the wrong video earns as much as the right one, the row says so."""
    run = synthetic_run(RISES)
    scores = {"sighted": score(0.78), "wrong_video": score(0.77)}
    text = Page(
        written(dataclasses.replace(run, after=Evaluation({"grounding": scores})), tmp_path)
    ).text
    assert "Improved. Not shown to do better with its video than with the wrong one." in text


def test_no_room_above_the_floor(tmp_path: Path) -> None:
    """A floor of one has no normalised reward, and the report comes out all the same."""
    text = Page(written(synthetic_run(("trivial", 1.0, 1.0), floor=1.0, steps=5), tmp_path)).text
    assert "nan" not in text.lower()
    assert "0.000 [\u22120.040, +0.040] \u2013 0.287" in text  # gain, normalised, blind


def test_curves(tmp_path: Path) -> None:
    """One reward curve a task, and normalised, zero variance, warm start, loss, length and KL."""
    page = Page(written(synthetic_run(RISES, STAYS, steps=60), tmp_path))
    assert page.count("svg") == 2 + 6
    for label in ("raw reward", "normalised", "Groups with zero variance", "Warm start"):
        assert label in page.text


def test_parts_of_pictures_have_names_of_their_own(tmp_path: Path) -> None:
    """No name is used twice on the page, and every reference leads somewhere."""
    html = written(synthetic_run(RISES, STAYS, steps=60), tmp_path)
    names = [str(attributes["id"]) for _, attributes in Page(html).tags if "id" in attributes]
    assert len(names) == len(set(names))
    used = re.findall(r'(?:url\(|xlink:href=")#([\w-]+)', html)
    assert used
    assert set(used) <= set(names)


def test_run_without_training(tmp_path: Path) -> None:
    """A run without steps, warm start or samples has a table and no empty headings."""
    page = Page(written(synthetic_run(RISES, samples=0), tmp_path))
    assert page.count("svg") == page.count("video") == 0
    assert "0.780" in page.text
    for heading in ("Reward while training", "Learning signal", "Questions to watch"):
        assert heading not in page.text


def test_missing_figures_are_left_out(tmp_path: Path) -> None:
    """A task that a step has no questions of, no KL, and a loss that is not a number are no fault."""
    run = synthetic_run(RISES, STAYS, steps=60)
    steps = [
        dataclasses.replace(
            step,
            kl=None,
            loss=math.nan if step.step == 3 else step.loss,
            tasks={
                name: own for name, own in step.tasks.items() if step.step % 2 or name != "counting"
            },
        )
        for step in run.steps
    ]
    page = Page(written(dataclasses.replace(run, steps=steps), tmp_path))
    assert page.count("svg") == 2 + 5
    assert "KL" not in page.text


def test_same_run_same_bytes(tmp_path: Path) -> None:
    """The report depends on the run alone."""
    first = write_report(synthetic_run(RISES, STAYS, steps=5), tmp_path / "first.html").read_bytes()
    second = write_report(
        synthetic_run(RISES, STAYS, steps=5), tmp_path / "other" / "second.html"
    ).read_bytes()
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.html", "other"]


@pytest.mark.parametrize(
    ("frames", "height", "width"), [(16, 48, 48), (1, 64, 64), (7, 33, 46), (5, 300, 402)]
)
def test_videos_play_what_was_shown(tmp_path: Path, frames: int, height: int, width: int) -> None:
    """Each video has the clip's frames, each pixel a square, at the clip's times from its first."""
    video = draw_video(1, seconds=frames / 4, fps=4.0, height=height, width=width)
    times = torch.arange(1, frames + 1, dtype=torch.float64) ** 1.25
    run = synthetic_run(RISES)
    sample = dataclasses.replace(run.samples[0], clips=[Clip(video, times)], marks=[])
    page = Page(written(dataclasses.replace(run, samples=[sample]), tmp_path))
    ((_, attributes),) = [tag for tag in page.tags if tag[0] == "video"]
    assert {"controls", "loop", "muted"} <= attributes.keys()
    source = str(attributes["src"]).removeprefix("data:video/mp4;base64,")
    with av.open(io.BytesIO(base64.b64decode(source, validate=True)), "r") as container:
        assert container.streams.video[0].codec_context.name == "h264"
        shown = list(container.decode(video=0))
    assert [frame.time for frame in shown] == pytest.approx((times - times[0]).tolist(), abs=1e-4)
    pictures = torch.stack(
        [torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1) for frame in shown]
    )
    # By hand: 240 over the longer side, rounded, and at least 1.
    factor = {48: 5, 64: 4, 46: 5, 402: 1}[width]
    # H.264 needs even sides: the encoder repeats a last row.
    assert pictures.shape[2:] == (factor * height + factor * height % 2, factor * width)
    small = torch.nn.functional.avg_pool2d(pictures[:, :, : factor * height].float(), factor)
    assert (small - video).abs().mean() < 12


def test_strip_has_a_field_a_frame(tmp_path: Path) -> None:
    """Under a video are as many fields as frames, with their times, and the marked span over them."""
    html = written(synthetic_run(RISES), tmp_path)
    titles = re.findall(r'<span title="([\d.]+) s"></span>', html)
    assert [f"{0.75 + 0.25 * frame:.2f}" for frame in range(16)] == titles
    # By hand: frames 3 to before 9 of 16.
    assert "left: 18.750%; width: 37.500%" in html


def test_marks_must_lie_in_a_clip() -> None:
    """A mark beyond the frames of its clip is refused, by name."""
    with pytest.raises(ValueError, match="clip 0, which has 16 frames"):
        dataclasses.replace(synthetic_run(RISES).samples[0], marks=[Mark(0, 10, 17, "altered")])
    with pytest.raises(ValueError, match="clip 1, which has 0 frames"):
        dataclasses.replace(synthetic_run(RISES).samples[0], marks=[Mark(1, 0, 1, "altered")])


def test_tasks_must_agree() -> None:
    """A task without a floor, or without a sighted score, is refused before anything is written."""
    run = synthetic_run(RISES, STAYS, samples=0)
    with pytest.raises(ValueError, match=r"floors \['grounding'\]"):
        dataclasses.replace(run, floors={"grounding": 0.39})
    blind = Evaluation({name: {"blind": score(0.3)} for name in run.tasks})
    with pytest.raises(ValueError, match="before, grounding: no 'sighted' score"):
        dataclasses.replace(run, before=blind)


def test_run_without_samples_is_plain_json() -> None:
    """All but the samples' frames can be stored as JSON."""
    run = synthetic_run(RISES, samples=0)
    stored = json.loads(json.dumps(dataclasses.asdict(run), allow_nan=False))
    assert stored["after"]["scores"]["grounding"]["sighted"]["reward"][0] == 0.78


def test_failure_leaves_the_older_report(tmp_path: Path) -> None:
    """If a report cannot be made, the one that was there stays, and nothing else is left."""
    path = write_report(synthetic_run(RISES, samples=0), tmp_path / "report.html")
    before = path.read_bytes()
    broken = dataclasses.replace(synthetic_run(RISES, samples=0), samples=[None])  # type: ignore[list-item]
    with pytest.raises(AttributeError):
        write_report(broken, path)
    assert before == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
