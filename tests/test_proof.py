"""The proof that it learns: the page says what the results say, and these are of the settings that are here."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from videossr.config import load_config
from videossr.scan import scan
from videossr.video_table import read_table, write_table
from videossr_trainers.ablations.presets import find_ablations
from videossr_trainers.ablations.variants import Variants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[1]
PROOF = ROOT / "benchmarks" / "proof"


@pytest.fixture(scope="module")
def proof() -> Iterator[ModuleType]:
    """The script that runs the proof and writes the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PROOF))
        yield importlib.import_module("proof")
        for name in ("proof", "page", "twins"):
            sys.modules.pop(name)


@pytest.fixture(scope="module")
def results(proof: ModuleType) -> dict[str, Any]:
    """What was found."""
    if not proof.RESULTS.is_file():
        pytest.skip("the proof has not been run; `tox -e proof -- FOLDER` does")
    found: dict[str, Any] = json.loads(proof.RESULTS.read_text(encoding="utf-8"))
    return found


def test_the_page_says_what_was_found(proof: ModuleType, results: dict[str, Any]) -> None:
    """Every figure comes from the results, and so does what is said of it."""
    assert proof.PAGE.read_text(encoding="utf-8") == proof.page(results)
    assert proof.PICTURE.is_file()


def test_the_results_are_of_these_settings(proof: ModuleType, results: dict[str, Any]) -> None:
    """A setting that is changed afterwards needs another run; and no commit was dirty."""
    assert results["settings"] == proof.settings()
    commits = (*results["commits_of_pretraining"], results["facts"]["commits"])
    assert not any("dirty" in commit for commit in commits)
    assert len(results["seeds"]) >= 3
    assert results["left_out"]
    ran = {one["name"]: one["seeds"] for one in results["ablations"]}
    assert ran == dict.fromkeys(("base", *proof.COMPARED), results["seeds"])


def turned(results: dict[str, Any], mean: float, videos: int = 14) -> dict[str, Any]:
    """The results with every figure at some mean, a tenth from both ends of its interval."""
    found: dict[str, Any] = json.loads(json.dumps(results))
    for one in found["ablations"]:
        for figures in one["figures"].values():
            for ends in filter(None, figures.values()):
                ends |= {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}
                if "videos" in ends:
                    ends["videos"] = videos
    return found


@pytest.mark.parametrize(
    ("mean", "videos", "expected"),
    [
        (
            0.5,
            14,
            {
                "yes, over the three tasks held-out reward changes by +50.0 [+40.0, +60.0]. Of single "
                "tasks it is shown for: anomaly, counting and jigsaw.": 3,
                "rate that falls as much more slowly: better, +50.0": 1,
                "above the floor: anomaly, counting and jigsaw. Better": 2,
                "no fewer groups without variance: 50.0 % against 50.0 %. Strict reward is never": 2,
                "Adaptive difficulty is better.": 1,
                "the mix is not shown to be better": 1,
                "the model's order is better than blind, too.": 1,
            },
        ),
        (
            -0.5,
            14,
            {
                "no, it gets worse, over the three tasks held-out reward changes by \u221250.0": 3,
                "rate that falls as much more slowly: worse, \u221250.0": 1,
                "above the floor: none. Better with its video than with grey frames and than with "
                "another question's video: none.": 2,
                "Strict reward learns less: \u221250.0": 2,
                "Adaptive difficulty is worse.": 1,
                "the mix is better than each task alone": 1,
                "the model's order is worse than blind.": 1,
            },
        ),
        *(
            (
                mean,
                videos,
                {
                    "it is not shown, over the three tasks": 3,
                    "no difference is shown, ": 1,
                    "above the floor: none. Better": 2,
                    "What that does to held-out reward is not shown": 2,
                    "Neither is shown to be better.": 1,
                    "the mix is not shown to be better": 1,
                    "the model's order is not shown to be better than blind.": 1,
                },
            )
            for mean, videos in [(0.05, 14), (0.5, 5)]
        ),
    ],
    ids=["up", "down", "undecided", "too few videos"],
)
def test_what_is_said_follows_the_intervals(
    proof: ModuleType, results: dict[str, Any], mean: float, videos: int, expected: dict[str, int]
) -> None:
    """Whatever they show, section by section; of too few videos nothing is."""
    text = proof.page(turned(results, mean, videos))
    assert expected == {said: text.count(said) for said in expected}


def test_every_attempt_counts(
    proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, one that is killed and notes nothing at its end, and the last."""
    monkeypatch.setattr(proof, "_SECONDS", 0.01)
    with pytest.raises(KeyboardInterrupt), proof.timed(tmp_path, "pretraining"):
        raise KeyboardInterrupt
    with proof.timed(tmp_path, "pretraining"):
        deadline = time.monotonic() + 60
        while len(proof.times_of(tmp_path)["pretraining"]) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        during = proof.times_of(tmp_path)
    with proof.timed(tmp_path, "runs"):
        pass
    assert 2 == len(during["pretraining"])
    times = proof.times_of(tmp_path)
    assert {"pretraining": 2, "runs": 1} == {part: len(took) for part, took in times.items()}


def test_the_settings_stand(proof: ModuleType) -> None:
    """All that is run resolves: its own start, its own counterpart."""
    ablations = find_ablations([PROOF / "ablations"])
    names = ["base", *proof.COMPARED]
    found = {
        one.name: one for one in Variants(ablations, str(PROOF / "proof.yaml"), []).variants(names)
    }
    assert list(found) == names
    assert not [one.name for one in found.values() if one.same_as]
    assert [one.name for one in found.values() if one.start] == ["weak", "weak_strict"]
    assert [one.name for one in found.values() if not one.against] == ["base", "own_light"]
    assert load_config(PROOF / "start.yaml").build.part == "train"


def drawn(path: Path, seed: int, **settings: Any) -> None:  # noqa: ANN401 - PyAV's
    """Noise of a seed that pans, five seconds, written as a video; `settings` of how."""
    rng = np.random.default_rng(seed)
    wide = np.kron(rng.integers(0, 256, (8, 40)), np.ones((8, 8))).astype(np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(settings.get("codec", "mpeg4"), rate=settings.get("rate", 20))
        turns, scale = settings.get("turns", 0), settings.get("scale", 1)
        contrast = settings.get("contrast", 1)
        stream.width = stream.height = 64 * scale
        stream.pix_fmt = "yuv420p"
        for number in range(0, settings.get("frames", 100), 20 // settings.get("rate", 20)):
            grey = np.rot90(wide[:, int(settings.get("pace", 2) * number) :][:, :64], turns)
            grey = np.rint(128 + contrast * (grey - 128.0)).astype(np.uint8)
            grey = grey[:, :: settings.get("step", 1)]
            grey = np.kron(grey, np.ones((scale, scale), np.uint8))
            frame = av.VideoFrame.from_ndarray(np.stack([grey] * 3, axis=-1), "rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def test_of_copies_one_is_kept(proof: ModuleType, tmp_path: Path) -> None:
    """In another codec, at half the rate, twice the size, on its side, mirrored, paler; other footage stays.

    Also a part: of more frames than the whole has at a lower rate, when the whole is what is left out.
    """
    folder = tmp_path / "videos"
    folder.mkdir()
    drawn(folder / "first.mp4", 1)
    drawn(folder / "half.mp4", 1, rate=10)
    drawn(folder / "large.mkv", 1, codec="ffv1", scale=2, rate=10)
    drawn(folder / "turned.mp4", 1, turns=2, rate=10)
    drawn(folder / "mirrored.mp4", 1, turns=1, step=-1, rate=10)
    drawn(folder / "pale.mp4", 1, contrast=0.15, rate=10)
    drawn(folder / "other.mp4", 2)
    drawn(folder / "whole.mp4", 3, rate=5, frames=400, pace=0.25)
    drawn(folder / "part.mp4", 3, rate=20, frames=120, pace=0.25)
    table, distinct = tmp_path / "all.parquet", tmp_path / "distinct.parquet"
    write_table(scan(folder), table, folder)
    twins = proof.without_twins(table, distinct)
    assert (
        dict.fromkeys(
            ("half.mp4", "large.mkv", "mirrored.mp4", "pale.mp4", "turned.mp4"), "first.mp4"
        )
        | {"whole.mp4": "part.mp4"}
        == twins
    )
    rows, root = read_table(distinct)
    assert (["first.mp4", "other.mp4", "part.mp4"], folder) == ([row.path for row in rows], root)


def test_what_was_made_of_other_videos_is_not_gone_on_with(
    proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another choice of copies could ask about what was learnt; the same videos by other names may."""
    folder, output = tmp_path / "videos", tmp_path / "output"
    folder.mkdir()
    drawn(folder / "first.mp4", 1)

    def scanned(*words: str) -> None:
        write_table(scan(folder), Path(words[-1]), folder)

    monkeypatch.setattr(proof, "videossr", scanned)
    output.mkdir()
    before = proof.distinct(folder, output)
    (folder / "first.mp4").rename(folder / "same.mp4")
    assert before == proof.distinct(folder, output)
    drawn(folder / "longer.mp4", 1, frames=120)
    with pytest.raises(SystemExit, match="was made of other videos than"):
        proof.distinct(folder, output)
    assert ["same.mp4"] == [row.path for row in read_table(output / "videos.parquet")[0]]
