"""Questions as verl's `RLHFDataset` reads them: Parquet, pictures beside, a reward function.

Each entry of `videos` is what qwen-vl-utils takes, which verl hands it to. Sizes are given with it, or it
would scale small frames up to 128 tokens each; so is the rate, or it would take frames for half a second
apart.

Images of a list are rounded by it to twice the usual multiple (0.0.14 hands on a product for a factor) and
then scaled to the size that is asked for: sides that are multiples of 64 come through as they are, others
are resampled twice. Files are not concerned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.export.peer import HandOver
    from videossr.export.question import Question
    from videossr.export.shown import Show, Shown

_MESSAGES: Final = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

_VIDEOS: Final[Mapping[Show, pa.DataType]] = {
    "frames": pa.struct(
        [
            ("video", pa.list_(pa.string())),
            ("sample_fps", pa.float64()),
            ("resized_height", pa.int64()),
            ("resized_width", pa.int64()),
        ]
    ),
    "video": pa.struct(
        [
            ("video", pa.string()),
            ("nframes", pa.int64()),
            ("min_pixels", pa.int64()),
            ("max_pixels", pa.int64()),
        ]
    ),
}

_EXTRA: Final = pa.struct(
    [
        ("split", pa.string()),
        ("index", pa.int64()),
        ("name", pa.string()),
        ("task", pa.string()),
        ("plugin", pa.string()),
        ("plugin_version", pa.string()),
        ("video", pa.string()),
        ("difficulty", pa.float64()),
        ("floor", pa.float64()),
        ("seed", pa.uint64()),
        ("target", pa.string()),
    ]
)

#: What the sides of images in a list are multiples of, for patches of 16 pixels as Qwen3-VL has them.
_WHOLE: Final = 64

#: Rows of a group, so that a reader needs no more of a large table at a time.
_ROWS: Final = 1024


@dataclass(frozen=True, slots=True)
class Verl:
    """verl, of the release that has `RLHFDataset` with `video_key`."""

    name: str = "verl"
    title: str = "verl"
    by_twos: bool = True

    @property
    def shows(self) -> Mapping[Show, str]:
        """Both; frames are exact."""
        return {"frames": "", "video": ""}

    def write(self, handed: HandOver) -> None:
        """`SIDE.parquet`, `reward.py`, the README."""
        schema = pa.schema(
            [
                ("data_source", pa.string()),
                ("prompt", _MESSAGES),
                ("videos", pa.list_(_VIDEOS[handed.writer.show])),
                ("ability", pa.string()),
                (
                    "reward_model",
                    pa.struct([("style", pa.string()), ("ground_truth", pa.string())]),
                ),
                ("extra_info", _EXTRA),
            ]
        )
        index = 0
        for side, questions in handed.questions.items():
            rows = [
                _row(handed, question, side, number)
                for number, question in enumerate(questions, start=index)
            ]
            index += len(rows)
            table = pa.Table.from_pylist(rows, schema)
            pq.write_table(
                table, handed.folder / f"{side}.parquet", row_group_size=_ROWS, compression="zstd"
            )
        handed.write_reward("verl_reward.py.txt")
        handed.write_card(self, resampled=_resampled(handed))


def _row(handed: HandOver, question: Question, side: str, index: int) -> dict[str, Any]:
    return {
        "data_source": f"videossr/{question.task}",
        "prompt": question.chat(),
        "videos": [_video(handed, clip) for clip in question.clips],
        "ability": question.task,
        "reward_model": {"style": "rule", "ground_truth": question.answer},
        "extra_info": {
            "split": side,
            "index": index,
            **{
                name: getattr(question, name)
                for name in _EXTRA.names
                if name not in ("split", "index")
            },
        },
    }


def _video(handed: HandOver, clip: Shown) -> dict[str, Any]:
    paths = handed.paths(clip)
    if handed.writer.show == "frames":
        size = {"resized_height": clip.height, "resized_width": clip.width}
        return {"video": paths, "sample_fps": clip.rate, **size}
    area = clip.height * clip.width
    return {"video": paths[0], "nframes": clip.frames, "min_pixels": area, "max_pixels": area}


def _resampled(handed: HandOver) -> int:
    """How many clips are shown as images of a size that qwen-vl-utils does not leave as it is."""
    if handed.writer.show == "video":
        return 0
    return sum(bool(clip.height % _WHOLE or clip.width % _WHOLE) for clip in handed.clips)
