"""The shape of Qwen/Qwen3-VL-8B-Instruct, for estimates and benchmarks without its weights."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration


def make_config() -> Qwen3VLConfig:
    """The configuration that is published with the weights."""
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 151_936,
            "hidden_size": 4096,
            "intermediate_size": 12_288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 262_144,
            "tie_word_embeddings": False,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000,
                "mrope_section": [24, 20, 20],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 27,
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_heads": 16,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": 4096,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [8, 16, 24],
        },
        image_token_id=151_655,
        video_token_id=151_656,
        vision_start_token_id=151_652,
        vision_end_token_id=151_653,
        tie_word_embeddings=False,
    )


def on_meta(config: Qwen3VLConfig) -> Any:  # noqa: ANN401 - transformers is untyped
    """A model of that shape without storage, float32."""
    with torch.device("meta"):
        return Qwen3VLForConditionalGeneration._from_config(  # noqa: SLF001
            config, attn_implementation="sdpa", dtype=torch.float32
        )
