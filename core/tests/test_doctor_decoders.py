"""Decoders that lack something are told, with what to do about it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import av
import pytest

from videossr.doctor import decoders
from videossr.finding import NotPossible
from videossr.video import available_backends


def test_pyav_reads_what_it_writes() -> None:
    """As it is here."""
    found = decoders.pyav()
    assert found.state == "ok"
    assert "H.264" in found.measured
    assert av.__version__ in found.measured


def test_a_pyav_without_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of some distributions have none that is patented; such videos would be quarantined."""
    few = frozenset(av.codecs_available - {"hevc", "libdav1d", "libaom-av1"})
    monkeypatch.setattr(av, "codecs_available", few)
    found = decoders.pyav()
    assert found.state == "warning"
    assert "videos in HEVC, AV1 cannot be read" in found.meaning
    assert "--only-binary=:all: av" in found.remedy


def test_a_pyav_that_returns_other_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that is wrong without an error."""
    import videossr.video  # noqa: PLC0415 - the name that is looked up

    plain = videossr.video.decode

    def wrong(*told: Any, **named: Any) -> Any:  # noqa: ANN401
        clip = plain(*told, **named)
        return clip.with_frames(clip.frames // 2)

    monkeypatch.setattr(videossr.video, "decode", wrong)
    found = decoders.pyav()
    assert found.state == "fault"
    assert "grey levels off" in found.meaning


def torchcodec_is(
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: Exception | None,
    major: int | None,
    ffmpeg: str | None,
) -> None:
    """Let torchcodec be installed, and be loaded like this."""

    def load(name: str) -> ModuleType:
        if error is not None:
            raise error
        module = ModuleType(name)
        module.ffmpeg_major_version = major  # type: ignore[attr-defined]
        return module

    monkeypatch.setattr(decoders, "version", lambda _: "0.17")
    monkeypatch.setattr(decoders, "import_module", load)
    monkeypatch.setattr(decoders, "_ffmpeg", lambda: ffmpeg)


LINKS = "libtorchcodec_core7.so: undefined symbol: _ZN3c1021throwNullDataPtrErrorEv\nand so on"


@pytest.mark.parametrize(
    ("error", "major", "ffmpeg", "state", "said", "remedy"),
    [
        (None, 7, "libavcodec.so.61", "ok", "torchcodec 0.17 with FFmpeg 7", ""),
        (None, None, None, "warning", "shared libraries are not found", "apt-get install ffmpeg"),
        (
            None,
            None,
            "libavcodec.so.54",
            "warning",
            "cannot use libavcodec.so.54",
            "which versions",
        ),
        (RuntimeError("no FFmpeg"), None, None, "warning", "no FFmpeg", "video.decoder=pyav"),
        (OSError(LINKS), None, "libavcodec.so.61", "warning", "undefined symbol", "two that fit"),
        (
            ImportError(LINKS),
            7,
            "libavcodec.so.61",
            "warning",
            "beside torch",
            "-U torch torchcodec",
        ),
    ],
)
def test_torchcodec_without_what_it_needs(
    error: Exception | None,
    major: int | None,
    ffmpeg: str | None,
    state: str,
    said: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FFmpeg missing, too old, or a torch that it was not built for; of the error its first line."""
    torchcodec_is(monkeypatch, error=error, major=major, ffmpeg=ffmpeg)
    found = decoders.torchcodec()
    assert found.state == state
    assert said in found.measured
    assert remedy in found.remedy
    assert "and so on" not in found.measured


def test_torchcodec_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it is not there is no fault."""

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(decoders, "version", missing)
    with pytest.raises(NotPossible, match="PyAV decodes"):
        decoders.torchcodec()


def test_torchcodec_as_it_is_here() -> None:
    """With FFmpeg or without, it is told and no fault."""
    if not find_spec("torchcodec"):
        pytest.skip("torchcodec is not installed")
    found = decoders.torchcodec()
    assert version("torchcodec") in found.measured
    usable = "torchcodec" in available_backends()
    assert ("ok" if usable else "warning") == found.state
    assert usable != bool(found.remedy)
