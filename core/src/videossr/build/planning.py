"""Which question of which task is asked about which video, from the table of videos alone."""

from __future__ import annotations

from array import array
from collections import Counter
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.build.split import part_of
from videossr.build.spread import Spread
from videossr.clips import Excerpt
from videossr.dataset import Recipe
from videossr.errors import DatasetError, Unsuitable
from videossr.seeds import derive_seed, question_seed
from videossr.windows import too_few, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.video_table import VideoRow


#: What floating point may take from a count of gaps.
_ROUNDING: Final = 1e-6


class Slot(NamedTuple):
    """One question to be made: the `number`-th of a task."""

    task: str
    number: int


class Plan:
    """A video for each question, and with it all of the recipe that needs no look at the video.

    Each video is asked about once where there are enough, and otherwise as evenly as the tasks allow.
    Several files of the same content count as one video, by the name that comes first. Tasks that are
    switched off are planned too, and not asked, so that it does not matter to the others whether they are.

    Args:
        config: what is to be built.
        rows: of a video table, in any order; quarantined ones are passed over.
        root: the folder that their paths start from.

    Attributes:
        videos: that may be asked about.
        twins: files passed over because another has the same content.
        sizes: the number of questions of each task.
        off: the number that tasks which are switched off would have had.
        left_out: for each task why videos cannot carry its questions, by what the table says, counted.

    Raises:
        DatasetError: no video is usable, or none can carry the questions of some task.
    """

    def __init__(self, config: RunConfig, rows: Iterable[VideoRow], root: Path) -> None:
        self.config = config
        self.root = root
        self.videos, self.twins = _usable(config, rows, root)
        planned = shares(config)
        self.sizes = {name: planned[name] for name in config.tasks}
        self.off = {name: planned[name] for name in planned if name not in config.tasks}
        self.left_out: dict[str, dict[str, int]] = {}
        self.spread = Spread(len(self.videos))
        self._able: dict[str, array[int]] = {}
        self._taken: dict[str, array[int]] = {}
        self._settings = {name: config.settings_hash(name) for name in config.tasks}
        self._donors = {
            name: weighted.task.takes_footage for name, weighted in config.tasks.items()
        }
        for name, size in self.sizes.items():
            if not size:
                raise DatasetError(
                    f"task {name!r}: its share of {config.build.size} questions is less than one; raise "
                    f"build.size or tasks.{name}.weight, or set tasks.{name}.enabled=false"
                )
            self._able[name] = self._order(name)
            if not self._able[name]:
                raise self._hopeless(name)
        idle = {name: self._order(name) for name in self.off}
        able = self._able | {name: order for name, order in idle.items() if order}
        # Those first that have the least choice.
        for name in sorted(able, key=lambda name: (len(able[name]), name)):
            taken = self.spread.take(planned[name], able[name])
            if name in self.sizes:
                self._taken[name] = array("q", taken)

    def __len__(self) -> int:
        return sum(self.sizes.values())

    def slots(self) -> Iterator[Slot]:
        """All questions, task by task."""
        return (Slot(name, index) for name, size in self.sizes.items() for index in range(size))

    def video(self, slot: Slot) -> int:
        """The number of the video that a question is planned for."""
        return self._taken[slot.task][slot.number]

    def load_beside(self, task: str) -> list[int]:
        """How often each video is planned to be asked about by all tasks but one."""
        own = Counter(self._taken[task])
        return [load - own[video] for video, load in enumerate(self.spread.loads)]

    def able(self, task: str) -> Sequence[int]:
        """The numbers of the videos that can carry a task's questions, in the order in which it takes them."""
        return self._able[task]

    def difficulties(self, task: str) -> Iterator[float]:
        """The difficulty of each of a task's questions."""
        size = self.sizes[task]
        return (self.config.tasks[task].task.schedule(index / size) for index in range(size))

    def recipes(self) -> Iterator[Recipe]:
        """The recipes as planned, task by task."""
        return (self.recipe(slot, self.video(slot)) for slot in self.slots())

    def recipe(self, slot: Slot, video: int) -> Recipe:
        """The recipe of a question about a video, by its number."""
        row, config = self.videos[video], self.config
        task = config.tasks[slot.task].task
        difficulty = task.schedule(slot.number / self.sizes[slot.task])
        window = window_of(row, config.video, config.seed, slot.task, slot.number)
        excerpt = Excerpt(row.path, row.hash, *window)
        donor = self._donor(slot, video) if self._donors[slot.task] else None
        return Recipe(
            task=slot.task,
            plugin=task.name,
            plugin_version=task.version,
            settings=self._settings[slot.task],
            index=slot.number,
            video=row.path,
            video_hash=row.hash,
            donor=donor.path if donor else "",
            donor_hash=donor.hash if donor else "",
            start=excerpt.start,
            stop=excerpt.stop,
            num_frames=excerpt.num_frames,
            clip=excerpt.key(config.video),
            difficulty=difficulty,
            seed=question_seed(
                config.seed, slot.task, task.version, row.hash, slot.number, difficulty
            ),
        )

    def _donor(self, slot: Slot, video: int) -> VideoRow | None:
        """Another video, each as likely, for perturbations that bring in frames of another."""
        others = len(self.videos) - 1
        if not others:
            return None
        row = self.videos[video]
        draw = derive_seed(self.config.seed, "donor", slot.task, slot.number, row.hash) % others
        return self.videos[draw + (draw >= video)]

    def _order(self, name: str) -> array[int]:
        """The videos that can carry a task's questions, in an order of the task's own."""
        reasons: Counter[str] = Counter()
        able = []
        for number, row in enumerate(self.videos):
            reason = self._refusal(name, row)
            if reason:
                reasons[reason] += 1
            else:
                key = derive_seed(self.config.seed, "order", name, row.hash, row.path)
                able.append((key, number))
        if reasons and name in self.config.tasks:
            self.left_out[name] = counted(reasons)
        return array("q", (number for _, number in sorted(able)))

    def _refusal(self, name: str, row: VideoRow) -> str:
        try:
            window = window_of(row, self.config.video, self.config.seed, name, 0)
        except Unsuitable as error:
            return str(error)
        fewest = self.config.video.min_frames
        in_window = row.frames
        if (
            not row.variable and row.last > row.first
        ):  # where they are even, the table tells how many a window has at most
            gaps = (window.stop - window.start) * (row.frames - 1) / (row.last - row.first)
            in_window = min(window.frames, ceil(gaps + _ROUNDING) + 1)
        return too_few(fewest) if in_window < fewest else ""

    def _hopeless(self, name: str) -> DatasetError:
        reasons = "; ".join(f"{often} x {why}" for why, often in self.left_out[name].items())
        videos = len(self.videos)
        return DatasetError(
            f"task {name!r}: none of the {videos} videos can carry its questions: {reasons}"
        )


def counted(reasons: Mapping[str, int]) -> dict[str, int]:
    """Reasons, the most frequent first."""
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def shares(config: RunConfig) -> dict[str, int]:
    """The number of questions of each task: by weight, whole, and `build.size` in all.

    Those that are switched off have theirs, unless `build.refill` gives it to the others.
    """
    weights = {name: Fraction(weighted.weight) for name, weighted in config.tasks.items()}
    weights |= {name: Fraction(weight) for name, weight in config.build.off.items()}
    total = sum(weights.values())
    exact = {name: config.build.size * weight / total for name, weight in weights.items()}
    sizes = {name: int(share) for name, share in exact.items()}
    short = config.build.size - sum(sizes.values())
    for name in sorted(exact, key=lambda name: (sizes[name] - exact[name], name))[:short]:
        sizes[name] += 1
    return sizes


def _usable(config: RunConfig, rows: Iterable[VideoRow], root: Path) -> tuple[list[VideoRow], int]:
    """One row for each content on the side that is asked for, and how many files were its like."""
    ok = sorted((row for row in rows if row.state == "ok"), key=lambda row: row.path)
    if not ok:
        raise DatasetError(
            f"{root}: no usable video; `videossr scan` says why each was quarantined"
        )
    different: dict[str, VideoRow] = {}
    for row in ok:
        different.setdefault(row.hash, row)
    twins = len(ok) - len(different)
    part = config.build.part
    videos = [
        row
        for row in different.values()
        if part == "all" or part_of(row.hash, config.build) == part
    ]
    if not videos:
        raise DatasetError(
            f"{root}: none of the {len(different)} videos is on the side {part!r} of the split; "
            "scan more videos, or set build.held_out or build.split_seed otherwise"
        )
    return videos, twins
