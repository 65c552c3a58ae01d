"""Samples as Qwen3-VL reads them: token ids, pixel patches, and the frames' real times as text.

The layout is the reference one: before each pair of frames its time, as in
`<1.5 seconds><|vision_start|>...<|vision_end|>`, and nothing around the whole. The time is the mean of
the pair's presentation times. Tests compare it, and the patches, with what the processor makes; the
processor itself guesses a rate where it is not told the times, and makes 36 MiB of floats where here
9 MiB of bytes travel to the device.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.sample import Sample

#: What stands where nothing is to be predicted, as torch and transformers have it.
NO_LABEL: Final = -100

#: What stands for a video's pixels in a prompt, one for each token that they become.
PLACE: Final = "<|video_pad|>"
_BEGIN: Final = "<|vision_start|>"
_END: Final = "<|vision_end|>"
#: What chat templates write for a video.
WRAPPED_PLACE: Final = f"{_BEGIN}{PLACE}{_END}"

#: The type of a video's tokens, by which the model finds them.
_VIDEO_TYPE: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPrompt:
    """One prompt, ready for the model.

    Attributes:
        input_ids, token_types: int64 [P]; token type 2 marks video tokens.
        patches: uint8 [patches, values of a patch], all videos one after another.
        grid: int64 [videos, 3], patches in time, height and width.
    """

    input_ids: Tensor
    token_types: Tensor
    patches: Tensor
    grid: Tensor


class PromptEncoder:
    """Turns samples into encoded prompts, by the sizes that a Qwen3-VL processor states.

    Args:
        processor: the model's processor, of Hugging Face's making.

    Raises:
        ValueError: the processor scales pixels otherwise than from [0, 255] to [-1, 1].
    """

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self.processor = processor
        video = processor.video_processor
        self._patch, self._merge = int(video.patch_size), int(video.merge_size)
        self._pair = int(video.temporal_patch_size)
        scaling = [*video.image_mean, *video.image_std]
        if scaling != [0.5] * 6:
            raise ValueError(
                f"image_mean and image_std: {scaling}; must all be 0.5, as Qwen3-VL's are"
            )
        self._video_token = processor.tokenizer.convert_tokens_to_ids(PLACE)

    def encode(self, samples: Sequence[Sample]) -> list[EncodedPrompt]:
        """Encode samples; frames are taken at the size they have.

        Raises:
            ValueError: a frame's side is no multiple of what the model merges into one token.
        """
        ids = self.processor.tokenizer([self.text(sample) for sample in samples])["input_ids"]
        return [
            self._encoded(sample, torch.tensor(row))
            for sample, row in zip(samples, ids, strict=True)
        ]

    def text(self, sample: Sample) -> str:
        """The whole prompt as text, a place for each video token, up to where the answer begins."""
        rendered: str = self.processor.apply_chat_template(
            list(sample.prompt), add_generation_prompt=True, tokenize=False
        )
        around = rendered.split(WRAPPED_PLACE)
        if len(around) != len(sample.clips) + 1:
            raise ValueError(
                f"the chat template made {len(around) - 1} places for {len(sample.clips)} clips; "
                "it must know content parts of type video"
            )
        videos = [*map(self._video_text, sample.clips), ""]
        return "".join(text + video for text, video in zip(around, videos, strict=True))

    def _video_text(self, clip: Clip) -> str:
        _, rows, columns = self._grid(clip)
        frame = _BEGIN + PLACE * (rows * columns // self._merge**2) + _END
        return "".join(f"<{time:.1f} seconds>{frame}" for time in self._times(clip))

    def _times(self, clip: Clip) -> list[float]:
        """The time of each group of frames that becomes one: the mean of its first and last."""
        times = clip.times.tolist()
        times += times[-1:] * (-len(times) % self._pair)
        last = self._pair - 1
        return [(times[i] + times[i + last]) / 2 for i in range(0, len(times), self._pair)]

    def _grid(self, clip: Clip) -> tuple[int, int, int]:
        return (
            -(-len(clip) // self._pair),
            clip.height // self._patch,
            clip.width // self._patch,
        )

    def _encoded(self, sample: Sample, ids: Tensor) -> EncodedPrompt:
        return EncodedPrompt(
            ids,
            torch.where(ids == self._video_token, _VIDEO_TYPE, 0),
            torch.cat([self._patches(clip) for clip in sample.clips]),
            torch.tensor([self._grid(clip) for clip in sample.clips]),
        )

    def _patches(self, clip: Clip) -> Tensor:
        """Frames as patches, uint8 [patches, 3 x pair x side x side], merged neighbours in succession."""
        multiple = self._patch * self._merge
        if clip.height % multiple or clip.width % multiple:
            raise ValueError(
                f"frames of {clip.height} x {clip.width} pixels; both sides must be multiples of "
                f"{multiple}: set video.size_multiple to {multiple}"
            )
        frames = clip.frames
        if len(frames) % self._pair:
            frames = torch.cat([frames, frames[-1:].expand(-len(frames) % self._pair, -1, -1, -1)])
        times, rows, columns = self._grid(clip)
        merge, side = self._merge, self._patch
        parts = frames.view(
            times, self._pair, 3, rows // merge, merge, side, columns // merge, merge, side
        )
        return parts.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(times * rows * columns, -1)


def place_holders(processor: Any) -> list[int]:  # noqa: ANN401 - transformers is untyped
    """Ids of the tokens that stand for pixels or surround them, which no answer may hold."""
    names = (_BEGIN, _END, "<|vision_pad|>", "<|image_pad|>", PLACE)
    ids = processor.tokenizer.convert_tokens_to_ids(list(names))
    return [token for token in ids if token is not None]


def scaled(patches: Tensor) -> Tensor:
    """Patches uint8 as the model takes them: float32 from -1 to 1."""
    return patches.float().div_(127.5).sub_(1)


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
        patches, grid: those of all prompts, one after another.
        positions: int64 [3, G, P], time, height and width of each token for mRoPE.
        position_offsets: int64 [G, 1], what `generate` adds to a cache position.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_types: Tensor
    patches: Tensor
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
        patches = torch.cat([prompt.patches for prompt in prompts])
        return cls(ids, mask, types, patches, grid, positions, offsets)

    def to(self, device: torch.device) -> PromptBatch:
        """The same on another device."""
        return PromptBatch(
            *(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self))
        )

    @property
    def vision(self) -> dict[str, Tensor]:
        """What the vision tower takes, by the names of the model's arguments."""
        return {"pixel_values_videos": scaled(self.patches), "video_grid_thw": self.grid}
