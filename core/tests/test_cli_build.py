"""`videossr store` and `videossr build`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from command_line import Ran
from toy_plugins import Pick

from videossr import Sample, hookimpl
from videossr.build import Summary
from videossr.build.building import TaskSummary
from videossr.cli.build import describe
from videossr.clip_store import ClipStore
from videossr.clips import fill
from videossr.config import VideoConfig, load_config
from videossr.dataset import Dataset
from videossr.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# What is told


def test_what_every_task_passed_over_is_told_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A reason that one task has alone, or for another number of videos, stands with that task."""

    def summary(*left_out: dict[str, int]) -> Summary:
        tasks = {
            name: TaskSummary(1, 1, 0.5, {}, reasons)
            for name, reasons in zip("ab", left_out, strict=False)
        }
        return Summary(tasks, 1, 1, (1, 1), 0, {}, checked=True, broken={})

    def told(*left_out: dict[str, int]) -> list[str]:
        describe(tmp_path, summary(*left_out))
        return [line for line in capsys.readouterr().out.splitlines() if "passed over" in line]

    assert told({"short": 4, "still": 1}, {"short": 4, "still": 2}) == [
        "    passed over once: still",
        "    passed over 2 times: still",
        "  passed over by every task, 4 videos: short",
    ]
    assert told({"short": 4}, {}) == told({"short": 4}) == ["    passed over 4 times: short"]


# Store


@pytest.mark.usefixtures("installed")
def test_store_keeps_every_clip_once(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """Six questions about five videos: five clips. A second time nothing is left to do."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for video in drawn_videos.iterdir():
        (videos / video.name).write_bytes(video.read_bytes())
    dataset, kept = tmp_path / "dataset", tmp_path / "clips"
    assert 0 == run("build", config, "--videos", videos, "-o", dataset, "-q").code
    ran = run("store", dataset, "-o", kept)
    assert 0 == ran.code
    assert ran.out.startswith(f"{kept}: 5 clips, 0.00 GiB; of the dataset's 5, 0 were there and 5 ")
    damaged = next(kept.glob("*/*.clip"))
    damaged.write_bytes(b"scratched")
    ran = run("store", dataset, "-o", kept, "--check", "--json")
    told = json.loads(ran.out)
    assert (5, 4, 1, 0, 1) == tuple(
        told[name] for name in ("wanted", "present", "decoded", "missing", "removed")
    )
    for video in videos.iterdir():
        video.unlink()
    loaded = Dataset.load(dataset)
    with_store = load_config(str(config), [f"store.folder={kept}"])
    for recipe in loaded.recipes:
        Renderer.for_dataset(loaded, run=with_store).render(recipe, exact=True)


@pytest.mark.usefixtures("installed")
def test_a_store_that_is_full_says_so(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """With what to do about it; and a video that is gone is named."""
    dataset = tmp_path / "dataset"
    run("build", config, "--videos", drawn_videos, "-o", dataset, "-q")
    ran = run("store", dataset, "-o", tmp_path / "clips", "--max-gib", "0.001", "--workers", "1")
    assert 0 == ran.code
    assert 5 == len(list((tmp_path / "clips").glob("*/*.clip")))
    small = ClipStore(tmp_path / "small", max_bytes=100_000)
    loaded = Dataset.load(dataset)
    excerpts = [recipe.excerpt for recipe in loaded.recipes]
    settings = VideoConfig.model_validate(loaded.config["video"])
    filled = fill(small, excerpts, settings, loaded.root)
    assert (5, 0, 1, 4) == (filled.wanted, filled.present, filled.decoded, filled.missing)
    elsewhere = fill(ClipStore(tmp_path / "n", max_bytes=2**30), excerpts, settings, tmp_path)
    assert 5 == len(elsewhere.broken) == elsewhere.missing


# Build


@pytest.mark.usefixtures("installed")
def test_build_makes_a_dataset(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """From a folder; overrides apply; counts by task and the blind floor are told."""
    output = tmp_path / "dataset"
    ran = run("build", config, "--videos", drawn_videos, "-o", output, "build.size=3")
    assert 0 == ran.code
    dataset = Dataset.load(output)
    assert (3, ("toy_pick",)) == (len(dataset.recipes), dataset.tasks)
    floor = dataset.floors["toy_pick"]
    assert [
        f"{output}: 3 questions about 3 videos, each of them asked about once",
        f"  toy_pick: 3 about 3 videos, blind floor {floor:.3f}",
    ] == ran.out.splitlines()


@pytest.mark.usefixtures("installed")
def test_build_takes_a_table(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """The table knows the folder, and both ways give the same recipes; JSON is JSON alone."""
    table = tmp_path / "t.parquet"
    run("scan", drawn_videos, "-o", table, "-q")
    first = run("build", config, "--videos", table, "-o", tmp_path / "a", "--json")
    assert (0, "") == (first.code, first.err)
    told = json.loads(first.out)
    (tmp_path / "table").write_bytes(table.read_bytes())
    assert 0 == run("build", config, "--videos", tmp_path / "table", "-o", tmp_path / "c").code
    counts = {"videos", "used", "asked", "twins", "off", "checked"}
    assert {"tasks", "broken", "measurements", *counts} == set(told)
    assert 6 == told["tasks"]["toy_pick"]["questions"]
    assert (5, [1, 2]) == (told["used"], told["asked"])
    assert Ran(0, "", "") == run(
        "build", config, "--videos", drawn_videos, "-o", tmp_path / "b", "-q"
    )
    a, b = ((tmp_path / name / "recipes.parquet").read_bytes() for name in "ab")
    assert a == b


@pytest.mark.usefixtures("installed")
def test_every_mistake_of_a_config_is_told_and_nothing_is_done(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """An unknown task, a misspelt field, a value out of range: three lines, and exit code 2."""
    output = tmp_path / "out" / "dataset"
    wrong = ["tasks.toy_pikc={}", "tasks.toy_pick.longest=3", "build.size=0"]
    ran = run("build", config, "--videos", drawn_videos, "-o", output, *wrong)
    assert (2, "") == (ran.code, ran.out)
    lines = ran.err.splitlines()
    assert [
        "3 mistakes:",
        (
            "  build.size: 0: input should be greater than 0; "
            "size is questions in all, shared by task weight"
        ),
    ] == lines[:2]
    assert lines[2].startswith("  tasks.toy_pikc: no installed plugin has the name 'toy_pikc'; did")
    assert lines[3].startswith("  tasks.toy_pick.longest: is no field; did you mean 'longest_s'? ")
    assert 4 == len(lines)
    assert not output.parent.exists()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("videos", "code", "expected"),
    [
        ("missing", 2, "no such file or folder"),
        ("missing.parquet", 2, "no such file or folder"),
        ("empty", 2, "no video file in this folder or below it"),
        ("config.yaml", 1, "no usable video"),
        ("foreign.parquet", 1, "not a readable Parquet file"),
    ],
)
def test_videos_that_are_none_are_told(
    run: Callable[..., Ran], config: Path, tmp_path: Path, videos: str, code: int, expected: str
) -> None:
    """With the path, and nothing is written."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign.parquet").write_text("")
    output = tmp_path / "out" / "dataset"
    ran = run("build", config, "--videos", tmp_path / videos, "-o", output, "-q")
    assert (code, "") == (ran.code, ran.out)
    assert ran.err.startswith("error: ")
    assert str(tmp_path) in ran.err
    assert expected in ran.err
    assert not output.parent.exists()


@pytest.mark.usefixtures("installed")
def test_an_output_that_is_there_is_left_alone(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """Wrong use, told before any work."""
    output = tmp_path / "dataset"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    ran = run("build", config, "--videos", drawn_videos, "-o", output)
    right = "choose another folder, or remove this one"
    assert Ran(2, "", f"error: {output}: exists already; {right}\n") == ran
    assert ["mine.txt"] == [path.name for path in output.iterdir()]


@pytest.mark.usefixtures("installed")
def test_a_config_that_is_none_is_told(run: Callable[..., Ran], tmp_path: Path) -> None:
    """Neither a preset nor a file."""
    ran = run("build", "tiyn", "--videos", tmp_path, "-o", tmp_path / "d")
    right = "give a YAML file, or one of the presets: none installed"
    assert Ran(2, "", f"error: tiyn: is neither a preset nor a file; {right}\n") == ran


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_fails_ends_the_build(
    run: Callable[..., Ran],
    drawn_videos: Path,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1, and a line that names plugin, distribution, version, hook, video and seed."""

    class Failing(Pick):
        @hookimpl
        def make_sample(self) -> Sample:  # type: ignore[override] # hooks take what they need
            raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("toy_plugins.PICK", Failing())
    output = tmp_path / "out" / "dataset"
    ran = run("build", config, "--videos", drawn_videos, "-o", output, "-q")
    assert (1, "") == (ran.code, ran.out)
    expected = (
        r"error: plugin 'toy_pick' \(toy-tasks 1\.2\), hook 'make_sample', "
        r"video procedural_000\d\.mp4, seed \d+: raised ZeroDivisionError: division by zero\n"
    )
    assert re.fullmatch(expected, ran.err)
    assert [] == list(output.parent.iterdir())
