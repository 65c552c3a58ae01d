"""Samples as Qwen3-VL reads them: token ids, pixel patches, and the frames' real times as text.

The layout is that of the reference processor: before each pair of frames its time, as in
`<1.5 seconds><|vision_start|>...<|vision_end|>`, and nothing around the whole. The time is the mean of
the pair's presentation times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers.video_utils import VideoMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.sample import Sample

_PLACE: Final = "<|video_pad|>"
# What chat templates write for a video. Some versions of the processor replace the whole of it by
# the expanded video, some the middle alone, which leaves a second pair of marks around. The middle
# alone gives the reference layout with either.
_WRAPPED_PLACE: Final = f"<|vision_start|>{_PLACE}<|vision_end|>"


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPrompt:
    """One prompt, ready for the model.

    Attributes:
        input_ids, token_types: int64 [P]; token type 2 marks video tokens.
        pixels: float [patches, values of a patch], all videos one after another.
        grid: int64 [videos, 3], patches in time, height and width.
    """

    input_ids: Tensor
    token_types: Tensor
    pixels: Tensor
    grid: Tensor

    def to(self, device: torch.device) -> EncodedPrompt:
        """The same on another device."""
        return EncodedPrompt(
            self.input_ids.to(device),
            self.token_types.to(device),
            self.pixels.to(device),
            self.grid.to(device),
        )


class PromptEncoder:
    """Turns samples into encoded prompts with a Qwen3-VL processor.

    Args:
        processor: the model's processor, of Hugging Face's making.
    """

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self.processor = processor

    def text(self, sample: Sample) -> str:
        """The prompt with a single place for each video, up to where the answer begins."""
        rendered: str = self.processor.apply_chat_template(
            list(sample.prompt), add_generation_prompt=True, tokenize=False
        )
        text = rendered.replace(_WRAPPED_PLACE, _PLACE)
        if text.count(_PLACE) != len(sample.clips):
            raise ValueError(
                f"the chat template made {text.count(_PLACE)} places for {len(sample.clips)} clips; "
                "it must know content parts of type video"
            )
        return text

    def encode(self, samples: Sequence[Sample]) -> list[EncodedPrompt]:
        """Encode samples; frames are taken at the size they have.

        Raises:
            ValueError: a frame's side is no multiple of what the model merges into one token.
        """
        clips = [clip for sample in samples for clip in sample.clips]
        self._refuse_sizes(clips)
        batch = self.processor(
            text=[self.text(sample) for sample in samples],
            videos=[clip.frames for clip in clips],
            video_metadata=[_metadata(clip) for clip in clips],
            do_sample_frames=False,
            do_resize=False,  # its default bound is for the whole video and would shrink frames
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
        videos = [len(sample.clips) for sample in samples]
        grids = batch["video_grid_thw"].split(videos)
        pixels = batch["pixel_values_videos"].split([int(grid.prod(1).sum()) for grid in grids])
        return [
            EncodedPrompt(ids[mask.bool()], types[mask.bool()], patches, grid)
            for ids, types, mask, patches, grid in zip(
                batch["input_ids"],
                batch["mm_token_type_ids"],
                batch["attention_mask"],
                pixels,
                grids,
                strict=True,
            )
        ]

    def _refuse_sizes(self, clips: Sequence[Clip]) -> None:
        video = self.processor.video_processor
        multiple = video.patch_size * video.merge_size
        for clip in clips:
            if clip.height % multiple or clip.width % multiple:
                raise ValueError(
                    f"frames of {clip.height} x {clip.width} pixels; both sides must be multiples of "
                    f"{multiple}: set video.size_multiple to {multiple}"
                )


def _metadata(clip: Clip) -> VideoMetadata:
    """The real times in the processor's terms.

    It divides frame numbers by the rate, so with a rate of one the numbers are seconds.
    """
    return VideoMetadata(
        total_num_frames=len(clip),
        fps=1.0,
        height=clip.height,
        width=clip.width,
        duration=float(clip.times[-1]),
        frames_indices=clip.times.tolist(),
    )


def pad_left(rows: Sequence[Tensor], value: int) -> Tensor:
    """Rows [P_i] of unequal length as one tensor [B, P], filled up on the left."""
    return torch.nn.utils.rnn.pad_sequence(
        list(rows), batch_first=True, padding_value=value, padding_side="left"
    )


@dataclass(frozen=True, slots=True, eq=False)
class PromptBatch:
    """Several prompts side by side, the shorter ones filled up on the left.

    Attributes:
        input_ids, attention_mask, token_types: int64 [G, P].
        pixels, grid: those of all prompts, one after another.
        positions: int64 [3, G, P], time, height and width of each token for mRoPE.
        position_offsets: int64 [G, 1], what `generate` adds to a cache position.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_types: Tensor
    pixels: Tensor
    grid: Tensor
    positions: Tensor
    position_offsets: Tensor

    @classmethod
    def of(cls, prompts: Sequence[EncodedPrompt], model: Any, pad_token: int) -> PromptBatch:  # noqa: ANN401
        """Lay prompts side by side; `model` is the bare Qwen3-VL, which knows the positions."""
        ids = pad_left([prompt.input_ids for prompt in prompts], pad_token)
        mask = pad_left([torch.ones_like(prompt.input_ids) for prompt in prompts], 0)
        types = pad_left([prompt.token_types for prompt in prompts], 0)
        grid = torch.cat([prompt.grid for prompt in prompts])
        positions, offsets = model.model.get_rope_index(
            ids, types, video_grid_thw=grid, attention_mask=mask
        )
        pixels = torch.cat([prompt.pixels for prompt in prompts])
        return cls(ids, mask, types, pixels, grid, positions, offsets)

    @property
    def vision(self) -> dict[str, Tensor]:
        """What the vision tower takes, by the names of the model's arguments."""
        return {"pixel_values_videos": self.pixels, "video_grid_thw": self.grid}
