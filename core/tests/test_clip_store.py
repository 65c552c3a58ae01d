"""Clips on disk: what comes back, what a kill or a scratch does, and who may write when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest
import torch

from videossr import Clip, ConfigError, VideoError
from videossr.clip_store import ClipStore, as_shown
from videossr.clips import Clips, Excerpt
from videossr.config import StoreConfig, VideoConfig
from videossr.scan import scan
from videossr.video import decode, hash_file

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30

SETTINGS = {"num_frames": 8, "min_frames": 8, "max_pixels": 48 * 48, "min_pixels": 1}


@pytest.fixture
def clip(moving_frames: torch.Tensor) -> Clip:
    """Eight frames of 72 x 96."""
    return Clip(moving_frames[:8], torch.arange(8).double() / 4)


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    """An empty store."""
    return ClipStore(tmp_path / "store", max_bytes=GIB)


@pytest.fixture
def video(drawn_videos: Path, tmp_path: Path) -> Path:
    """A video alone in its folder."""
    path = tmp_path / "videos" / "a.mp4"
    path.parent.mkdir()
    path.write_bytes(min(drawn_videos.iterdir()).read_bytes())
    return path


def config(**settings: object) -> VideoConfig:
    """Eight small frames."""
    return VideoConfig.model_validate({**SETTINGS, **settings})


def excerpt_of(video: Path, stop: float = 1.0) -> Excerpt:
    """Eight frames of its first second."""
    return Excerpt(video.name, hash_file(video), 0.0, stop, 8)


def names(store: ClipStore) -> list[str]:
    """The files in a store, the books aside."""
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.name not in {".lock", ".size"})


def test_what_is_exact_comes_back_to_the_bit(store: ClipStore, clip: Clip) -> None:
    """Frames and times."""
    assert store.get("aa") is None
    assert clip == store.put("aa", clip, "exact") == store.get("aa")
    assert 1 == len(store)
    assert "aa" in store


def test_jpeg_comes_back_as_it_was_shown(store: ClipStore, clip: Clip) -> None:
    """Near the clip, the same with a store and without one, and a fraction of the space."""
    shown = store.put("aa", clip, "jpeg")
    assert as_shown(clip, "jpeg") == shown == store.get("aa")
    assert torch.equal(clip.times, shown.times)
    error = (shown.frames.float() - clip.frames.float()).square().mean()
    assert 10 * torch.log10(255**2 / error) > 25  # noise in all colours, the worst there is
    size = store.bytes
    store.put("bb", clip, "exact")
    assert store.bytes - size > 4 * size


@pytest.mark.parametrize("at", [0, 20, 500, -1])
def test_a_scratch_is_seen_and_removed(store: ClipStore, clip: Clip, at: int) -> None:
    """One flipped bit anywhere: as if it had never been stored."""
    store.put("aa", clip, "exact")
    path = next(store.folder.glob("*/*.clip"))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert store.get("aa") is None
    assert [] == names(store)
    assert 0 == store.bytes


def test_check_counts_and_removes(store: ClipStore, clip: Clip) -> None:
    """Sound clips stay."""
    for key in ("aa", "bb", "cc"):
        store.put(key, clip, "jpeg")
    path = store.folder / "bb" / "bb.clip"
    path.write_bytes(path.read_bytes()[:-5])
    assert (2, 1) == store.check()
    assert ["aa.clip", "cc.clip"] == names(store)
    assert (2, 0) == store.check()


def test_a_full_store_takes_no_more(tmp_path: Path, clip: Clip) -> None:
    """What is there stays, what does not fit is given back all the same."""
    store = ClipStore(tmp_path / "small", max_bytes=2 * clip.frames.nbytes)
    for key in ("aa", "bb", "cc"):
        assert clip == store.put(key, clip, "exact")
    assert ["aa.clip"] == names(store)
    assert store.get("bb") is None
    assert store.bytes <= store.max_bytes
    assert clip == ClipStore(tmp_path / "small", max_bytes=GIB).put("bb", clip, "exact")
    assert store.get("bb") == clip


def test_what_a_kill_left_behind_is_cleared(store: ClipStore, clip: Clip) -> None:
    """Half a file, and books that do not fit."""
    store.put("aa", clip, "exact")
    (store.folder / "aa" / ".ab.clip.unfinished").write_bytes(b"half")
    (store.folder / ".size").write_text("12")
    again = ClipStore(store.folder, max_bytes=GIB)
    assert ["aa.clip"] == names(again)
    assert (store.folder / "aa" / "aa.clip").stat().st_size == again.bytes


WRITER = """
import sys, torch
from pathlib import Path
from videossr import Clip
from videossr.clip_store import ClipStore
store = ClipStore(Path(sys.argv[1]), max_bytes=2**30)
clip = Clip(torch.full((4, 3, 32, 32), 7, dtype=torch.uint8), torch.arange(4).double())
print("begins", flush=True)
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    store.put(f"{number % 97:02d}{number}", clip, "exact")
    assert store.get(f"{number % 97:02d}{number}") == clip
"""


def writing(folder: Path, first: int, last: int) -> subprocess.Popen[str]:
    """Another process that writes clips, at work."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(last)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begins\n"
    return process


def test_many_may_write_at_once(store: ClipStore) -> None:
    """Two processes and four threads, partly the same clips: all are there, and the books are right."""
    clip = Clip(torch.full((4, 3, 32, 32), 7, dtype=torch.uint8), torch.arange(4).double())
    with writing(store.folder, 0, 200) as one, writing(store.folder, 100, 300) as other:
        with ThreadPoolExecutor(4) as pool:
            put = pool.map(lambda n: store.put(f"{n % 97:02d}{n}", clip, "exact"), range(250, 350))
            assert 100 == len(list(put))
        assert (0, 0) == (one.wait(), other.wait())
    assert 350 == len(store)
    assert (350, 0) == store.check()
    assert sum(path.stat().st_size for path in store.folder.glob("*/*.clip")) == store.bytes


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill as on POSIX")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_loaders_worker_may_write_too(store: ClipStore, clip: Clip) -> None:
    """It is a fork of the process that opened the store."""
    worker = get_context("fork").Process(target=store.put, args=("ab01", clip, "exact"))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert store.get("ab01") is not None
    assert store.put("ab02", clip, "exact") is clip


def test_a_kill_leaves_a_sound_store(store: ClipStore) -> None:
    """At any moment: every file that is there is whole, and others can go on at once."""
    for kill in range(3):
        process = writing(store.folder, 1000 * kill, 1000 * kill + 1000)
        time.sleep(0.05 + 0.05 * kill)
        process.kill()
        process.communicate()
        again = ClipStore(store.folder, max_bytes=GIB)
        count = len(again)
        assert (count, 0) == again.check()
        assert not any(name.endswith("unfinished") for name in names(again))
    assert count


@pytest.mark.parametrize("form", ["exact", "jpeg"])
def test_with_a_store_nothing_looks_different(video: Path, tmp_path: Path, form: str) -> None:
    """First without one, then into it, then out of it, the video gone."""
    settings = config(pixels=form)
    place = StoreConfig(folder=str(tmp_path / "kept"))
    excerpt = excerpt_of(video)
    plain = Clips(settings, video.parent).get(excerpt)
    assert plain == Clips(settings, video.parent, place).get(excerpt)
    video.unlink()
    assert plain == Clips(settings, video.parent, place).get(excerpt)
    with pytest.raises(VideoError, match="No such file"):
        Clips(settings, video.parent).get(excerpt)


def test_exact_is_what_the_decoder_gives(video: Path) -> None:
    """No more and no less."""
    excerpt = excerpt_of(video)
    wanted = [i / 7 for i in range(8)]
    decoded = decode(video, wanted, max_pixels=48 * 48, min_pixels=1, multiple=32)
    assert decoded == Clips(config(), video.parent).get(excerpt)


def test_the_key_is_of_all_that_matters_and_no_more(video: Path) -> None:
    """Content, times, sizes, decoder and form count; the name of the file does not."""
    excerpt = excerpt_of(video)
    key = excerpt.key(config())
    assert key == excerpt._replace(video="b.mp4").key(config(min_frames=4, trim=0.1))
    others = [
        excerpt._replace(video_hash="0" * 32).key(config()),
        excerpt._replace(start=0.1).key(config()),
        excerpt._replace(stop=0.9).key(config()),
        excerpt._replace(num_frames=4).key(config()),
        excerpt.key(config(max_pixels=64 * 64)),
        excerpt.key(config(min_pixels=2)),
        excerpt.key(config(size_multiple=16)),
        excerpt.key(config(decoder="torchcodec")),
        excerpt.key(config(pixels="jpeg")),
    ]
    assert 10 == len({key, *others})


def test_another_file_of_the_same_name_is_refused(video: Path, drawn_videos: Path) -> None:
    """Whatever it shows, it is not what was scanned."""
    excerpt = excerpt_of(video)
    clips = Clips(config(), video.parent)
    clips.get(excerpt)
    video.write_bytes(max(drawn_videos.iterdir()).read_bytes())
    with pytest.raises(VideoError, match="another file than when it was scanned") as caught:
        clips.get(excerpt._replace(stop=0.9))
    assert "changed" == caught.value.reason
    (row,) = scan(video)
    clips.get(excerpt._replace(video_hash=row.hash))


def test_a_folder_that_cannot_be_made_is_told(video: Path, tmp_path: Path) -> None:
    """With the field that names it."""
    (tmp_path / "file").write_text("")
    place = StoreConfig(folder=str(tmp_path / "file" / "store"))
    with pytest.raises(ConfigError, match=r"store\.folder: .*cannot be used as a folder of clips"):
        Clips(config(), video.parent, place)
