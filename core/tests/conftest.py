"""Videos to test with: real clips where there are some, and clips made on the spot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from command_line import Ran
from configurations import OvenSection, write
from toy_builds import configured
from toy_plugins import distribution, extended_by

from videossr import Clip, hookimpl
from videossr.build import build
from videossr.cli import main
from videossr.procedural import write_videos
from videossr.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel
    from torch import Tensor

    from videossr.dataset import Dataset
    from videossr.video_table import VideoRow

#: Of a run on the drawn videos.
CONFIG = """
seed: 1
video: {num_frames: 8, min_frames: 8, max_pixels: 2304, min_pixels: 256, size_multiple: 16}
build: {size: 6}
tasks: {toy_pick: {}}
"""

REPOSITORY = Path(__file__).resolve().parents[2]

#: Real clips, and below ODD/ files that are broken or strange.
REAL_VIDEOS = Path(
    os.environ.get("VIDEOSSR_TEST_VIDEOS") or REPOSITORY.parent / "shared" / "videos"
)


MISSING = f"no real clips in {REAL_VIDEOS}; set VIDEOSSR_TEST_VIDEOS to their folder"


def real_clips() -> list[Path]:
    """The real clips, none where their folder is missing."""
    if not REAL_VIDEOS.is_dir():
        return []
    return sorted(p for p in REAL_VIDEOS.iterdir() if p.is_file() and p.suffix != ".md")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `real_clip` runs once for each real clip."""
    if "real_clip" in metafunc.fixturenames:
        missing = pytest.param(None, marks=pytest.mark.skip(reason=MISSING), id="missing")
        clips = [pytest.param(path, id=path.name) for path in real_clips()]
        metafunc.parametrize("real_clip", clips or [missing])


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """The folder of the real clips. Skips the test where it is missing."""
    if not real_clips():
        pytest.skip(MISSING)
    return REAL_VIDEOS


@pytest.fixture(scope="session")
def numbered_frames() -> Tensor:
    """Frames that tell their number: uint8 [40, 3, 48, 64], frame i is grey of level 20 + 5 i."""
    levels = torch.arange(40, dtype=torch.uint8) * 5 + 20
    return levels[:, None, None, None].expand(40, 3, 48, 64).contiguous()


@pytest.fixture(scope="session")
def moving_frames() -> Tensor:
    """Detailed frames that move: uint8 [60, 3, 72, 96], noise that slides by a pixel a frame."""
    noise = torch.rand((3, 18, 39), generator=torch.Generator().manual_seed(1))
    wide = torch.nn.functional.interpolate(noise[None], (72, 156), mode="bilinear")[0]
    shifts = [wide[:, :, i : i + 96] for i in range(60)]
    return torch.stack(shifts).mul(255).round().to(torch.uint8)


@pytest.fixture(scope="session")
def drawn_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five videos drawn by code, 12 frames each at 48 x 48. Not to be written to."""
    folder = tmp_path_factory.mktemp("drawn")
    write_videos(folder, 5, seed=1, seconds=1.5, fps=8.0, height=48, width=48)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command in this process."""

    def call(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return Ran(stop.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: a good one, one that is broken, and two in conflict.

    No package that adds commands is installed.
    """
    site = tmp_path / "site"
    distribution(site, "toy-tasks", "1.2", {"toy_pick": "toy_plugins:PICK"})
    distribution(site, "bad-toys", "0.3", {"toy_bad": "toy_bad_plugin:plugin"})
    (site / "toy_bad_plugin.py").write_text(
        "print('loading')\nraise ImportError('no such\\nwheel')"
    )
    for name in ("first", "second"):
        distribution(site, f"{name}-toys", "1", {"toy_twice": f"toy_{name}:plugin"})
    monkeypatch.syspath_prepend(site)
    with extended_by(monkeypatch):
        yield site


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that fits the drawn videos."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="session")
def drawn_rows(drawn_videos: Path) -> list[VideoRow]:
    """The drawn videos as a scan finds them."""
    return scan(drawn_videos)


@pytest.fixture(scope="session")
def toy_dataset(drawn_videos: Path, drawn_rows: list[VideoRow]) -> Dataset:
    """Twelve questions of both tasks, made by one worker."""
    return build(configured(), drawn_rows, drawn_videos)


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One extension, which reads the section `oven` and brings the preset `warm`."""

    class Kitchen:
        @hookimpl
        def register_sections(self) -> dict[str, type[BaseModel]]:
            return {"oven": OvenSection}

        @hookimpl
        def register_presets(self) -> Path:
            return tmp_path / "presets"

    write(tmp_path / "presets", warm="oven: {degrees: 100}\nseed: 1")
    with extended_by(monkeypatch, kitchen=Kitchen()):
        yield


@pytest.fixture
def clip() -> Clip:
    """Eight grey frames."""
    return Clip(torch.zeros(8, 3, 4, 4, dtype=torch.uint8), torch.arange(8, dtype=torch.float64))
