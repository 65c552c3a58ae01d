"""Models of other families than Qwen3-VL in miniature, for what must hold for any model for video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    CLIPImageProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
    SiglipVisionConfig,
)
from transformers.models.llava_onevision.image_processing_llava_onevision import (
    LlavaOnevisionImageProcessor,
)
from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor
from transformers.models.llava_onevision.video_processing_llava_onevision import (
    LlavaOnevisionVideoProcessor,
)
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

from videossr_trainers.models.tiny import make_model, make_processor, make_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PretrainedConfig, ProcessorMixin

TEXTS = ["When? In which order?"]
TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
}
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def save_qwen2_5(folder: Path) -> Path:
    """A Qwen2.5-VL: times reach it as seconds a pair of frames, in its positions."""
    template = make_processor(TEXTS).chat_template
    tokenizer = make_tokenizer(TEXTS)
    token = tokenizer.convert_tokens_to_ids
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(
            size={"shortest_edge": 28 * 28, "longest_edge": 65536}
        ),
        chat_template=template,
    )
    config = Qwen2_5_VLConfig(
        text_config={
            **TEXT,
            "vocab_size": len(tokenizer),
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
    )
    return saved(folder, processor, Qwen2_5_VLForConditionalGeneration, config)


def save_llava_onevision(folder: Path) -> Path:
    """A LLaVA-OneVision: it knows frames, and no times."""
    tokenizer = make_tokenizer(TEXTS)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>", "<video>"]})
    template = make_processor(TEXTS).chat_template
    template = template.replace("<|vision_start|><|video_pad|><|vision_end|>", "<video>")
    size = {"height": 28, "width": 28}
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=template,
    )
    config = LlavaOnevisionConfig(
        text_config=Qwen2Config(**TEXT, vocab_size=len(tokenizer)),
        vision_config=SiglipVisionConfig(**VISION),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
    )
    return saved(folder, processor, LlavaOnevisionForConditionalGeneration, config)


def save_llava(folder: Path) -> Path:
    """A LLaVA, for images alone."""
    tokenizer = make_tokenizer(TEXTS)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(), tokenizer=tokenizer, patch_size=14
    )
    config = LlavaConfig(
        text_config=Qwen2Config(**TEXT, vocab_size=len(tokenizer)),
        vision_config=SiglipVisionConfig(**VISION),
    )
    return saved(folder, processor, LlavaForConditionalGeneration, config)


def save_qwen3_moe(folder: Path) -> Path:
    """A Qwen3-VL with a mixture of experts."""
    processor = make_processor(TEXTS)
    tokenizer = processor.tokenizer
    dense = make_model(tokenizer).config
    config = Qwen3VLMoeConfig(
        text_config={
            **TEXT,
            "vocab_size": len(tokenizer),
            "head_dim": 16,
            "moe_intermediate_size": 32,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "rope_parameters": dense.text_config.rope_parameters,
        },
        vision_config=dense.vision_config.to_dict(),
        image_token_id=dense.image_token_id,
        video_token_id=dense.video_token_id,
        vision_start_token_id=dense.vision_start_token_id,
        vision_end_token_id=dense.vision_end_token_id,
    )
    return saved(folder, processor, Qwen3VLMoeForConditionalGeneration, config)


def saved(
    folder: Path,
    processor: ProcessorMixin,
    of: Callable[..., Any],
    config: PretrainedConfig,
) -> Path:
    """Random weights, larger than usual so that answers vary, and the processor beside them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = of(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(3)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    processor.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder
