"""Decoding 48 frames of a clip at 256 x 256 or less: our decoder against its peers, clip by clip.

    uv run python benchmarks/decode.py FOLDER          # of videos; several repetitions: --repeat 5

Each repetition runs every decoder in turn on the same file, in one thread, and counts CPU time from
opening the file to uint8 frames at the target size. Peers that are not installed are left out, and said
so: torchcodec (seek_mode="exact", resized in its decoder) needs FFmpeg's libraries, `ffmpeg -f null`
(which decodes every frame and keeps none: the sequential limit) its program, OpenCV and decord their
packages. Before anything is timed, frames are compared: the same times, and the same pictures.

Prints, for each clip, CPU milliseconds and the ratio to torchcodec; the quality of our scaling as PSNR
against an antialiased bicubic resize in floating point; for the clip with the largest picture and the
longest one the memory that a process needs at its peak, above what it has after its imports; and last
the median ratio to torchcodec, a dash where that is not installed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import interpolate

from videossr.errors import VideoError
from videossr.video import _pyav, available_backends, decode, decoding, fit_size, target_times
from videossr.video.sampling import frames_on_screen
from videossr.video.timeline import Timeline, read_timeline

FRAMES = 48
LIMITS = {"max_pixels": 256 * 256, "min_pixels": 128 * 128, "multiple": 32}

#: Below this two pictures are not the same frame scaled in two ways. Neighbours in a still scene are
#: alike too, so times are compared as well.
SAME_PICTURE_DB = 24.0

Decoder = Callable[[Path, Timeline, list[int], tuple[int, int]], tuple[list[float], Tensor | None]]


def ours(
    path: Path, timeline: Timeline, wanted: list[int], size: tuple[int, int], *, backend: str
) -> tuple[list[float], Tensor]:
    """This project's decoder, which reads the timeline for itself."""
    del wanted, size
    decoding._read_timeline.cache_clear()  # noqa: SLF001 - peers find their frames anew each time too
    times = target_times(float(timeline.times[0]), float(timeline.times[-1]), FRAMES)
    clip = decode(path, times, backend=backend, **LIMITS)  # type: ignore[arg-type]
    return clip.times.tolist(), clip.frames


def torchcodec_exact(
    path: Path, timeline: Timeline, wanted: list[int], size: tuple[int, int]
) -> tuple[list[float], Tensor]:
    """As its documentation recommends for frames by number."""
    from torchcodec.decoders import VideoDecoder  # noqa: PLC0415 - optional
    from torchcodec.transforms import Resize  # noqa: PLC0415

    decoder = VideoDecoder(
        str(path),
        stream_index=timeline.stream,
        num_ffmpeg_threads=1,
        seek_mode="exact",
        transforms=[Resize(size)],
    )
    batch = decoder.get_frames_at(wanted)
    return batch.pts_seconds.tolist(), batch.data


def ffmpeg_null(
    path: Path, timeline: Timeline, wanted: list[int], size: tuple[int, int]
) -> tuple[list[float], None]:
    """Every frame decoded, none kept."""
    del wanted, size
    command = ["ffmpeg", "-v", "quiet", "-threads", "1", "-i", str(path)]
    command += ["-map", f"0:{timeline.stream}", "-f", "null", "-"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return [], None


def opencv_sequential(
    path: Path, timeline: Timeline, wanted: list[int], size: tuple[int, int]
) -> tuple[list[float], Tensor]:
    """Grab all, retrieve those wanted."""
    import cv2  # noqa: PLC0415 - optional

    del timeline
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames, times = [], []
    for number in range(wanted[-1] + 1):
        if not capture.grab():
            break
        if number in wanted:
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            frame = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            frames.append(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA))
    return times, torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


def decord_random(
    path: Path, timeline: Timeline, wanted: list[int], size: tuple[int, int]
) -> tuple[list[float], Tensor]:
    """A batch by number, scaled by decord."""
    import decord  # noqa: PLC0415 - optional

    del timeline
    reader = decord.VideoReader(str(path), width=size[1], height=size[0], num_threads=1)
    times = [float(reader.get_frame_timestamp(number)[0]) for number in wanted]
    return times, torch.from_numpy(reader.get_batch(wanted).asnumpy()).permute(0, 3, 1, 2)


def peers() -> dict[str, Decoder]:
    """The decoders that work here, ours first."""
    found: dict[str, Decoder] = {"pyav": partial(ours, backend="pyav")}
    if "torchcodec" in available_backends():
        found |= {"ours, torchcodec": partial(ours, backend="torchcodec")}
        found |= {"torchcodec": torchcodec_exact}
    if shutil.which("ffmpeg"):
        found["ffmpeg -f null"] = ffmpeg_null
    if find_spec("cv2"):
        found["opencv"] = opencv_sequential
    if find_spec("decord"):
        found["decord"] = decord_random
    return found


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels."""
    error = float((one.double() - other.double()).square().mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def scaling_quality(path: Path, timeline: Timeline, wanted: list[int], frames: Tensor) -> float:
    """PSNR of our frames against the same ones at full size, scaled in floating point."""
    some = list(range(0, len(wanted), 8))
    right = []
    for picture in _pyav.pictures(path, timeline, [wanted[i] for i in some]):
        size = tuple(frames.shape[2:][:: -1 if picture.turns % 2 else 1])
        full = picture.pixels.permute(2, 0, 1)[None].double()
        scaled = interpolate(full, size, mode="bicubic", antialias=True).clamp(0, 255)
        right.append(scaled[0].rot90(picture.turns, (1, 2)))
    return psnr(frames[some], torch.stack(right))


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process and of those that it starts."""

    def used() -> float:
        both = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    before = used()
    work()
    return used() - before


def peak_memory(path: Path, name: str) -> float:
    """MiB that decoding takes at its peak, in a process of its own, above what that had before."""
    command = [sys.executable, __file__, str(path), "--alone", name]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def alone(path: Path, name: str) -> None:
    """Decode one clip by one decoder, and print the MiB that it took."""
    clip = path.parent / "none"
    with suppress(VideoError):  # what is imported late is imported now
        decode(clip, [0.0], **LIMITS)  # type: ignore[arg-type]
    timeline = read_timeline(path)
    times = timeline.times
    targets = target_times(float(times[0]), float(times[-1]), FRAMES)
    wanted = [int(number) for number in frames_on_screen(times, targets)]
    size = fit_size(*timeline.displayed_size(0), **LIMITS)
    work = peers()[name]
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    work(path, timeline, wanted, size)
    print(f"{resident('VmHWM') - before:.1f}")


def resident(what: str) -> float:
    """MiB of memory that this process has now (VmRSS) or has had at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def refusal(
    name: str, mine: tuple[list[float], Tensor], theirs: tuple[list[float], Tensor | None]
) -> str:
    """Why a peer's frames are not ours, or nothing."""
    times, frames = theirs
    if frames is None:
        return ""
    if len(times) != len(mine[0]):
        return f"{len(times)} of {len(mine[0])} frames"
    # OpenCV and decord tell times from a frame rate, so that pictures are all there is to compare.
    drift = max(abs(a - b) for a, b in zip(times, mine[0], strict=True))
    if name.endswith("torchcodec") and drift > 1e-3:  # noqa: PLR2004 - a millisecond
        return f"times off by {drift:.3f} s"
    if frames.shape != mine[1].shape:
        return f"{list(frames.shape)}"
    alike = min(psnr(a, b) for a, b in zip(frames, mine[1], strict=True))
    return "" if alike >= SAME_PICTURE_DB else f"other pictures ({alike:.0f} dB)"


class Clip:
    """A file, what is wanted of it, and what the decoders make of it."""

    def __init__(self, path: Path, decoders: dict[str, Decoder]) -> None:
        self.path = path
        self.timeline = read_timeline(path)
        times = self.timeline.times
        targets = target_times(float(times[0]), float(times[-1]), FRAMES)
        self.wanted = [int(number) for number in frames_on_screen(times, targets)]
        self.mine = ours(path, self.timeline, self.wanted, (0, 0), backend="pyav")
        self.size = (self.mine[1].shape[2], self.mine[1].shape[3])
        self.work = {
            name: partial(decoder, path, self.timeline, self.wanted, self.size)
            for name, decoder in decoders.items()
        }
        self.wrong = {name: self._refusal(name) for name in decoders}

    def _refusal(self, name: str) -> str:
        try:
            return refusal(name, self.mine, self.work[name]())
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result
            return type(error).__name__

    def cpu(self, repeat: int) -> dict[str, float]:
        """Median CPU seconds of the decoders that gave the right frames, run in turn."""
        spent: dict[str, list[float]] = {name: [] for name in self.work if not self.wrong[name]}
        for _ in range(repeat):
            for name, times in spent.items():
                times.append(cpu_seconds(self.work[name]))
        return {name: statistics.median(times) for name, times in spent.items()}

    def pixels(self) -> int:
        """Of a frame as it is coded."""
        return self.timeline.height * self.timeline.width

    def quality(self) -> float:
        """Decibels by which our scaling is near the right one."""
        return scaling_quality(self.path, self.timeline, self.wanted, self.mine[1])

    def cells(self, cpu: dict[str, float], quality: float) -> list[str]:
        """A row of the table."""
        stream = self.timeline
        times = [f"{1000 * cpu[n]:.0f}" if n in cpu else self.wrong[n] for n in self.work]
        ratio = f"{cpu['pyav'] / cpu['torchcodec']:.2f}" if "torchcodec" in cpu else ""
        known = [self.path.name[:34], stream.codec, f"{stream.width}x{stream.height}"]
        return [*known, str(len(stream)), *times, ratio, f"{quality:.1f}"]


def clips(folder: Path, decoders: dict[str, Decoder]) -> Iterator[Clip]:
    """The videos of a folder that can be read."""
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        with suppress(VideoError):
            yield Clip(path, decoders)


def ratio_of(ratios: dict[str, list[float]]) -> str:
    """The median ratio to torchcodec; none where it decoded nothing to compare with."""
    found = ratios.get("torchcodec")
    return f"{statistics.median(found):.2f}" if found else "-"


def main() -> None:
    """Measure every clip of a folder."""
    parser = argparse.ArgumentParser(description="Decoders against each other.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        alone(arguments.folder, arguments.alone)
        return
    torch.set_num_threads(1)
    decoders = peers()
    console = Console(width=150, file=sys.stdout)
    absent = {"torchcodec", "ffmpeg -f null", "opencv", "decord"} - decoders.keys()
    console.print(f"not installed here, and left out: {', '.join(sorted(absent)) or 'none'}")
    table = Table("clip", "codec", "size", "frames", *decoders, "ratio", "dB", box=None)
    ratios: dict[str, list[float]] = {name: [] for name in decoders}
    qualities: list[float] = []
    largest: Clip | None = None
    longest: Clip | None = None
    for clip in clips(arguments.folder, decoders):
        cpu = clip.cpu(arguments.repeat)
        for name, seconds in cpu.items():
            ratios[name].append(cpu["pyav"] / seconds)
        quality = clip.quality()
        qualities.append(quality)
        table.add_row(*clip.cells(cpu, quality))
        largest = max(filter(None, (largest, clip)), key=Clip.pixels)
        longest = max(filter(None, (longest, clip)), key=lambda clip: len(clip.timeline))
    console.print(table)
    for clip in filter(None, (largest, longest)):
        sound = [name for name in decoders if not clip.wrong[name] and name != "ffmpeg -f null"]
        used = ", ".join(f"{name} {peak_memory(clip.path, name):.0f} MiB" for name in sound)
        console.print(f"memory for {clip.path.name}: {used}")
    for name, values in ratios.items():
        if values:
            console.print(
                f"pyav / {name}: median {statistics.median(values):.2f}, worst {max(values):.2f}, "
                f"{len(values)} clips"
            )
    console.print(f"scaling: least {min(qualities):.1f} dB")
    print(f"decode: {ratio_of(ratios)}")


if __name__ == "__main__":
    main()
