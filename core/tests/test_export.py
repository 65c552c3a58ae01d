"""Handing questions over: files, splits, kills, refusals. That peers read them is tested across packages."""

from __future__ import annotations

import json
import runpy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from exports import bytes_of, exported, pixels
from toy_plugins import toys

from videossr import Clip
from videossr.engine import Local
from videossr.errors import DatasetError
from videossr.export.clock import file_rate, mean_rate, told
from videossr.export.question import Question
from videossr.export.shown import AsFrames, AsVideo, Shown
from videossr.render import Renderer
from videossr.sample import question_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from command_line import Ran
    from torch import Tensor

    from videossr.dataset import Dataset
    from videossr.export.shown import Writer


# What is written


def test_frames_are_the_pixels_themselves_and_written_once(
    toy_dataset: Dataset, tmp_path: Path
) -> None:
    """As rendered, in verl's schema; questions that show the same frame share its file."""
    done = exported(toy_dataset, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    renderer = Renderer.for_dataset(toy_dataset, registry=toys())
    shown: set[bytes] = set()
    for row, recipe in zip(rows, toy_dataset.recipes, strict=True):
        sample = renderer.render(recipe)
        (clip,) = sample.clips
        (video,) = row["videos"]
        assert torch.equal(clip.frames, torch.cat([pixels(path) for path in video["video"]]))
        assert (48, 48) == (video["resized_height"], video["resized_width"])
        assert video["sample_fps"] == pytest.approx(7 / float(clip.times[-1] - clip.times[0]))
        sentences = "".join(f"{one}\n" for one in told(clip, mean_rate(clip)))
        assert [f"<video>{sentences}{sample.question}"] == [m["content"] for m in row["prompt"]]
        assert row["reward_model"] == {"style": "rule", "ground_truth": sample.answer}
        assert row["data_source"] == f"videossr/{recipe.task}"
        assert (recipe.seed, recipe.video) == (
            row["extra_info"]["seed"],
            row["extra_info"]["video"],
        )
        shown |= {frame.numpy().tobytes() for frame in clip.frames}
    assert [row["extra_info"]["index"] for row in rows] == [*range(12)]
    assert len(shown) == done.files == len(list((tmp_path / "out" / "media").rglob("*.png")))
    assert done.files < 12 * 8
    assert (
        "12 of these clips have sides that are no multiples of 64"
        in (tmp_path / "out" / "README.md").read_text()
    )


def test_the_number_of_workers_leaves_no_trace_in_an_export(
    toy_dataset: Dataset, tmp_path: Path
) -> None:
    """The same bytes, but for the folder's own name in paths."""
    for workers in (1, 4):
        exported(toy_dataset, tmp_path / f"{workers}", engine=Local(workers), place=Path("/there"))
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "4")


@pytest.mark.parametrize("peer", ["ms-swift", "easyr1"])
def test_videos_are_the_pixels_themselves(toy_dataset: Dataset, tmp_path: Path, peer: str) -> None:
    """Lossless RGB, at the clip's own times; every row has its placeholders and files."""
    exported(toy_dataset, tmp_path / "out", peer, AsVideo(even=True))
    lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    renderer = Renderer.for_dataset(toy_dataset, registry=toys())
    assert len(toy_dataset.recipes) == len(lines)
    for line, recipe in zip(lines, toy_dataset.recipes, strict=True):
        row = json.loads(line)
        (clip,) = renderer.render(recipe).clips
        assert torch.equal(clip.frames, pixels(row["videos"][0]))
        text = row["problem"] if peer == "easyr1" else row["messages"][0]["content"]
        assert 1 == text.count("<video>") == len(row["videos"])
    if peer == "easyr1":
        settings = yaml.safe_load((tmp_path / "out" / "easyr1.yaml").read_text())["data"]
        assert 48 * 48 == settings["min_pixels"] == settings["max_pixels"]
        assert 5 == settings["video_fps"]  # 8 frames in 1.375 s and 0.25 s of the last one: 4.92
    else:
        size = {"min_pixels": 48 * 48, "max_pixels": 48 * 48}
        assert {"nframes": 8, **size} == row["chat_template_kwargs"]


def test_datasets_holds_the_videos_itself(toy_dataset: Dataset, tmp_path: Path) -> None:
    """Moved to another place it is whole, with the frames to the bit, their times, and all columns."""
    datasets = pytest.importorskip("datasets")
    for name in ("one", "two"):
        exported(toy_dataset, tmp_path / name / "questions", "datasets", AsVideo())
    one = tmp_path / "one" / "questions"
    assert bytes_of(one) == {
        name: data.replace(str(tmp_path / "two").encode(), str(tmp_path / "one").encode())
        for name, data in bytes_of(tmp_path / "two" / "questions").items()
    }
    moved = one.rename(tmp_path / "moved")
    table = datasets.load_from_disk(moved)["train"]
    assert datasets.List(datasets.Video()) == table.features["videos"]
    raw = table.cast_column("videos", datasets.List(datasets.Video(decode=False)))
    renderer = Renderer.for_dataset(toy_dataset, registry=toys())
    for row, recipe in zip(raw, toy_dataset.recipes, strict=True):
        sample = renderer.render(recipe)
        (clip,), (video,) = sample.clips, row["videos"]
        assert torch.equal(clip.frames, pixels(BytesIO(video["bytes"])))
        assert [clip.times.tolist()] == row["times"]
        assert sample.answer == row["answer"]
        kinds = [part["type"] for part in row["prompt"][0]["content"]]
        assert ["video", "text"] == kinds


def test_jpeg_and_crf_lose_a_little(numbered_frames: Tensor, tmp_path: Path) -> None:
    """Grey frames come back within a level or two, and smaller than without loss; names tell them apart."""
    noise = torch.randint(0, 30, (8, 3, 48, 64), generator=torch.Generator().manual_seed(0))
    clip = Clip(numbered_frames[:8] + noise.byte(), torch.arange(8, dtype=torch.float64))
    ways: list[Writer] = [AsFrames(), AsFrames(80), AsVideo(), AsVideo(30)]
    exact, jpeg, lossless, small = (writer.write(clip, tmp_path) for writer in ways)
    assert sum(jpeg.bytes) < sum(exact.bytes)
    assert sum(small.bytes) < sum(lossless.bytes)
    for shown in (exact, jpeg, lossless, small):
        found = torch.cat([pixels(str(tmp_path / name)) for name in shown.files])
        assert (found.float() - clip.frames.float()).abs().mean() < 10
    assert 18 == len({name for one in (exact, jpeg, lossless, small) for name in one.files})


def test_an_odd_clip_keeps_its_last_frame_for_readers_by_twos(tmp_path: Path) -> None:
    """It is written twice; the times are those of the clip."""
    frames = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 3, 16, 16) * 60
    clip = Clip(frames.contiguous(), torch.tensor([0.0, 0.5, 1.0]).double())
    shown = AsVideo(even=True).write(clip, tmp_path)
    path = tmp_path / shown.files[0]
    assert 4 == shown.frames == len(pixels(str(path)))
    with av.open(str(path)) as file:
        assert shown.rate == file.streams.video[0].average_rate == file_rate(clip) == 2
    assert (0.0, 0.5, 1.0) == shown.times
    assert 3 == AsVideo().write(clip, tmp_path).frames


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([0.0, 0.5, 1.0], ""),
        ([0.0, 0.52, 1.0], ""),
        ([2.0, 2.5, 3.0], "(This video begins at second 2.0.)"),
        ([2.0, 2.1, 3.0], "(The frames of this video are at seconds 2.0, 2.1, 3.0.)"),
        ([0.7], "(This video begins at second 0.7.)"),
    ],
)
def test_times_that_a_reader_would_get_wrong_are_told(times: list[float], sentence: str) -> None:
    """Late starts and uneven frames, where it is more than half of a tenth of a second."""
    frames = torch.zeros((len(times), 3, 2, 2), dtype=torch.uint8)
    clip = Clip(frames, torch.tensor(times).double())
    assert [sentence] * bool(sentence) == told(clip, mean_rate(clip))


# What is refused


def test_a_text_that_has_a_placeholder_is_refused() -> None:
    """By the question's name; verl would look for a second video."""
    shown = Shown(("a",), (1,), 1, 2, 2, 1.0, (0.0,), ())
    messages = question_prompt(None, "What does <video> mean?")
    question = Question("t/3", "t", 3, "p", "1", "v", 0.5, 1, 0.0, messages, (shown,), "a", "{}")
    with pytest.raises(DatasetError, match="t/3: its text has '<video>'"):
        question.chat()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "verll"], "--to: no peer has the name 'verll'; did you mean 'verl'?"),
        (["--to", "verl", "--show", "gif"], "--show: 'gif' is no way to show a clip"),
        (["--to", "ms-swift", "--show", "frames"], "--show: frames cannot be handed to ms-swift: "),
        (["--to", "verl", "--jpeg-quality", "0"], "--jpeg-quality: 0; must be from 1 to 100"),
        (["--to", "verl", "--video-crf", "9"], "--video-crf: 9, and clips are shown as frames"),
        (["--to", "easyr1", "--video-crf", "52"], "--video-crf: 52; must be from 0 to 51"),
        (
            ["--to", "verl", "--push-to-hub", "me/it"],
            "--push-to-hub: goes with --to datasets alone",
        ),
        (["--to", "datasets", "--public"], "--public: nothing is sent to the Hub"),
        (["--to", "verl"], "is the folder of another; choose another folder"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    run: Callable[..., Ran], tmp_path: Path, words: list[str], told: str
) -> None:
    """By the option's name; and a folder that is there stays as it is."""
    out = tmp_path / "out"
    if told.startswith("is the folder"):
        out.mkdir()
        (out / "mine.txt").write_text("mine")
        told = f"error: {out}: exists already; choose another folder, or remove this one"
    ran = run("export", tmp_path / "dataset", "-o", out, *words)
    assert 2 == ran.code
    assert told in ran.err
    assert {"mine.txt"} >= {path.name for path in tmp_path.rglob("*.*")}


# The command, and the reward


@pytest.mark.usefixtures("installed")
def test_the_command_writes_a_folder_that_grades(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """Its reward function gives 1 to the answer and 0 to another; other plugins are refused by name."""
    assert 0 == run("build", config, "--videos", drawn_videos, "-o", tmp_path / "set", "-q").code
    out = tmp_path / "out"
    words = ["--to", "verl", "--split", "all", "--questions", "4", "--place", "/there"]
    ran = run("export", tmp_path / "set", "-o", out, *words, "--json")
    assert {"train": 4} == json.loads(ran.out)["questions"]
    rows = pq.read_table(out / "train.parquet").to_pylist()
    assert all(row["videos"][0]["video"][0].startswith("/there/media/") for row in rows)
    compute = runpy.run_path(str(out / "reward.py"))["compute_score"]
    for row in rows:
        truth, extra = row["reward_model"]["ground_truth"], row["extra_info"]
        asked = (row["data_source"], f"<think>well</think>{truth}", truth, extra)
        assert 1.0 == compute(*asked)
        assert {"score": 1.0, "readable": 1.0} == compute(*asked, detailed=True)
        assert {"score": 0.0, "readable": 0.0} == compute(
            row["data_source"], "none", truth, extra, detailed=True
        )
    front = next(yaml.safe_load_all((out / "README.md").read_text()))
    assert ["video-text-to-text"] == front["task_categories"]
    tree = json.loads((out / "config.json").read_text())
    tree["plugins"]["toy_pick"]["plugin_version"] = "0"
    (out / "config.json").write_text(json.dumps(tree))
    compute = runpy.run_path(str(out / "reward.py"))["compute_score"]
    with pytest.raises(DatasetError, match="'toy_pick': the questions are of its version '0'"):
        compute(*asked)
