"""Prompts as the model reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from transformers.video_utils import VideoMetadata

from videossr import Clip, Sample
from videossr.sample import question_prompt
from videossr_trainers.engine.encoding import PromptBatch, PromptEncoder, scaled
from videossr_trainers.models.load import load_model

if TYPE_CHECKING:
    from pathlib import Path

VISION = "<|vision_start|>{}<|vision_end|>"


@pytest.fixture
def encoder(tiny_folder: Path) -> PromptEncoder:
    """The encoder of the tiny model's processor."""
    return PromptEncoder(load_model(str(tiny_folder))[1])


def clip_at(*times: float, height: int = 32, width: int = 64) -> Clip:
    """A grey clip with frames at these times."""
    frames = torch.full((len(times), 3, height, width), 128, dtype=torch.uint8)
    return Clip(frames, torch.tensor(times, dtype=torch.float64))


def decoded(encoder: PromptEncoder, sample: Sample) -> str:
    """The ids of a prompt as text, special tokens included."""
    (prompt,) = encoder.encode([sample])
    text: str = encoder.processor.tokenizer.decode(prompt.input_ids)
    return text


def test_layout_is_the_reference_processors(encoder: PromptEncoder) -> None:
    """Each pair of frames has its mean time before it, and nothing stands around the whole.

    By hand: a frame of 32 x 64 pixels is 1 x 2 tokens. The means of (0.3, 0.7) and (1.5, 2.1) are 0.5
    and 1.8.
    """
    sample = Sample(question_prompt(None, "When?"), (clip_at(0.3, 0.7, 1.5, 2.1),), "1.5-2.1")
    pair = VISION.format("<|video_pad|>" * 2)
    assert decoded(encoder, sample) == (
        f"<|im_start|>user\n<0.5 seconds>{pair}<1.8 seconds>{pair}When?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_times_are_the_frames_own_not_a_rates(encoder: PromptEncoder) -> None:
    """Uneven times, and a start far from zero, stand in the prompt as they are."""
    sample = Sample(
        question_prompt(None, "When?"), (clip_at(61.0, 61.2, 61.3, 64.9, 70.0, 70.5),), "61.0-61.2"
    )
    times = re.findall(r"<([\d.]+) seconds>", decoded(encoder, sample))
    assert times == ["61.1", "63.1", "70.2"]  # (61.3 + 64.9) / 2 = 63.1; 70.25 is rounded to even


def test_every_clip_stands_at_its_own_place(encoder: PromptEncoder) -> None:
    """Several clips keep their order, their own times and their own sizes."""
    sample = Sample(
        question_prompt("A: ", None, "B: ", None, "Order?"),
        (clip_at(0.0, 1.0), clip_at(5.0, 6.0, width=32)),
        "12",
    )
    assert decoded(encoder, sample) == (
        f"<|im_start|>user\nA: <0.5 seconds>{VISION.format('<|video_pad|>' * 2)}"
        f"B: <5.5 seconds>{VISION.format('<|video_pad|>')}Order?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_ids_patches_and_grid_are_the_processors(encoder: PromptEncoder) -> None:
    """Told the real times, the processor makes the same patches, and the same ids inside its marks."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (5, 3, 96, 64), generator=generator, dtype=torch.uint8)
    clip = Clip(frames, torch.tensor([0.1, 0.9, 1.2, 3.0, 3.3], dtype=torch.float64))
    sample = Sample(question_prompt(None, "When?"), (clip,), "1")
    (prompt,) = encoder.encode([sample])
    processor = encoder.processor
    processor.video_processor.cap_pixels_per_frame = False
    template = processor.apply_chat_template(
        list(sample.prompt), add_generation_prompt=True, tokenize=False
    )
    expected = processor(
        text=[template.replace(VISION.format("<|video_pad|>"), "<|video_pad|>")],
        videos=[frames],
        video_metadata=[
            VideoMetadata(
                total_num_frames=5, fps=1.0, duration=4.0, frames_indices=clip.times.tolist()
            )
        ],
        do_sample_frames=False,
        do_resize=False,
        return_tensors="pt",
    )
    assert torch.equal(prompt.input_ids, expected["input_ids"][0])
    assert torch.equal(prompt.token_types, expected["mm_token_type_ids"][0].long())
    assert torch.equal(prompt.grid, expected["video_grid_thw"])
    torch.testing.assert_close(
        scaled(prompt.patches), expected["pixel_values_videos"], rtol=0, atol=1e-6
    )


def test_quick_patch_embedding_is_the_convolution(tiny_folder: Path) -> None:
    """The matrix product in its place gives the values and the gradients of the convolution."""
    model, _ = load_model(str(tiny_folder))
    quick = model.model.visual.patch_embed.proj
    stock = torch.nn.Conv3d(3, quick.out_channels, quick.kernel_size, quick.stride)
    stock.load_state_dict(quick.state_dict())
    patches = torch.randn(7, 3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(quick(patches), stock(patches), rtol=1e-4, atol=1e-5)
    quick(patches).square().sum().backward()
    stock(patches).square().sum().backward()
    torch.testing.assert_close(quick.weight.grad, stock.weight.grad, rtol=1e-4, atol=1e-3)


def test_encoding_together_is_encoding_alone(encoder: PromptEncoder) -> None:
    """A prompt does not depend on what it is encoded with."""
    samples = [
        Sample(question_prompt(None, "When?"), (clip_at(0.0, 1.0),), "1"),
        Sample(
            question_prompt(None, None, "A longer question?"), (clip_at(0, 1), clip_at(0, 2)), "1"
        ),
    ]
    for alone, together in zip(
        [encoder.encode([sample])[0] for sample in samples], encoder.encode(samples), strict=True
    ):
        torch.testing.assert_close(together.input_ids, alone.input_ids)
        torch.testing.assert_close(together.token_types, alone.token_types)
        torch.testing.assert_close(together.patches, alone.patches)
        torch.testing.assert_close(together.grid, alone.grid)


def test_sides_that_do_not_fit_are_refused(encoder: PromptEncoder) -> None:
    """A side that is no multiple of 32 names the size and the setting to change."""
    sample = Sample(question_prompt(None, "?"), (clip_at(0.0, 1.0, height=48),), "1")
    with pytest.raises(ValueError, match=r"48 x 64 pixels; both sides must be multiples of 32"):
        encoder.encode([sample])


def test_padding_goes_left_and_positions_start_after_it(tiny_folder: Path) -> None:
    """In a batch the shorter prompt is filled up on the left and keeps the positions it has alone."""
    model, processor = load_model(str(tiny_folder))
    encoder = PromptEncoder(processor)
    short = Sample(question_prompt(None, "When?"), (clip_at(0.0, 1.0),), "1")
    long = Sample(question_prompt(None, "When does it begin?"), (clip_at(0.0, 1.0),), "1")
    prompts = encoder.encode([short, long])
    batch = PromptBatch.of(prompts, model, processor.tokenizer.pad_token_id)
    alone = PromptBatch.of(prompts[:1], model, processor.tokenizer.pad_token_id)
    filled = int((batch.attention_mask[0] == 0).sum())
    assert filled == len(prompts[1].input_ids) - len(prompts[0].input_ids)
    assert torch.equal(batch.positions[:, :1, filled:], alone.positions)
