"""A whole Qwen3-VL in miniature, made on the spot: tokenizer, processor and random weights.

It has the parts and the code paths of the real one, so that what is proved on it holds for the real
one, and it is small enough to learn on two CPU cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PAD: Final = "<|endoftext|>"
_END: Final = "<|im_end|>"
_SPECIAL: Final = (
    "<|im_start|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# As Qwen's: words with their leading space, digits one by one, so that numbers are read digit by digit.
_WORDS: Final = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_VOCABULARY: Final = 512
_CHAT: Final = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}"
    "<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE that knows the words of `texts` and can spell everything else."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = ["<12.5 seconds> user assistant system\n", *sorted(set(texts))]
    tokenizer.train_from_iterator(corpus * 8, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=_END,
        pad_token=_PAD,
        additional_special_tokens=list(_SPECIAL),
    )
    fast.padding_side = "left"
    return fast


def make_processor(texts: Iterable[str]) -> Qwen3VLProcessor:
    """The processor around that tokenizer, with Qwen3-VL's patch sizes."""
    mean = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(
            patch_size=16, merge_size=2, temporal_patch_size=2, **mean
        ),
        tokenizer=make_tokenizer(texts),
        video_processor=Qwen3VLVideoProcessor(do_sample_frames=False, **mean),
        chat_template=_CHAT,
    )


def make_model(
    tokenizer: PreTrainedTokenizerFast,
    *,
    seed: int = 0,
    hidden: int = 64,
    layers: int = 3,
    heads: int = 4,
    vision_depth: int = 1,
    vision_hidden: int = 64,
) -> Qwen3VLForConditionalGeneration:
    """A Qwen3-VL of random weights, about half a million of them by default, float32.

    The stock initialisation starts so flat that a short training does not leave it, so matrices are
    three times as large.
    """
    head = hidden // heads
    spatial = head // 8
    token = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 3 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": head,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                # Time, height and width; together half of a head.
                "mrope_section": [head // 2 - 2 * spatial, spatial, spatial],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": vision_depth,
            "hidden_size": vision_hidden,
            "intermediate_size": 3 * vision_hidden,
            "num_heads": 4,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": hidden,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration._from_config(config, attn_implementation="sdpa")  # noqa: SLF001
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(3)
    model.generation_config.eos_token_id = [token(_END), token(_PAD)]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def make_tiny(texts: Iterable[str], *, seed: int = 0) -> tuple[Any, Any]:
    """A tiny model and its processor, which knows the words of some texts."""
    processor = make_processor(texts)
    return make_model(processor.tokenizer, seed=seed), processor


def save_tiny(folder: Path, texts: Iterable[str], *, seed: int = 0) -> Path:
    """Write a tiny model and its processor to a folder that the usual loading code reads."""
    for part in make_tiny(texts, seed=seed):
        part.save_pretrained(folder)
    return folder
