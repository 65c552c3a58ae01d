"""Sharded weights: sums in float32, and generation without one process waiting for another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator


def keep_float32(accelerator: Any) -> None:  # noqa: ANN401 - accelerate is untyped
    """Round nothing but the weights of FSDP2 to bfloat16; to be called before a model is sharded.

    Accelerate's policy for bf16 also sums gradients in bfloat16, and rounds what the model returns: at a
    learning rate of 1e-6 policy and reference differ by less than that, and the KL term would be noise.
    """
    if accelerator.mixed_precision == "bf16" and accelerator.is_fsdp2:
        accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32, output_dtype=None
        )


@contextmanager
def gathered(model: Any, *, reshard: bool) -> Iterator[bool]:  # noqa: ANN401 - any model
    """All weights of an FSDP2 model on every process while the context lasts; nothing for others.

    A sharded layer gathers its weights in each forward pass, with all processes taking part. In
    generation that is once a layer and token, and whoever has finished must go on with empty passes
    until the last one has. Gathered once, each decodes by itself, at the speed of one device. The price
    is room for the weights, in the type that they are computed with.

    Args:
        reshard: whether the layers free their weights after a forward pass outside of this context,
            as `fsdp_reshard_after_forward` says.

    Yields:
        Whether there was anything to gather.
    """
    units = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for unit in units:
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()
    try:
        yield bool(units)
    finally:
        layers = _layers(model)
        for unit in units:
            unit.reshard()
            # The root and the head stay as accelerate sets them: backward needs them at once.
            unit.set_reshard_after_forward(reshard and unit in layers, recurse=False)


def _layers(model: Any) -> set[Any]:  # noqa: ANN401 - any model
    """The blocks that stand in succession, and an embedding that is no head as well."""
    blocks = {
        block
        for modules in model.modules()
        if isinstance(modules, nn.ModuleList)
        for block in modules
    }
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    return blocks if head is None or embedding.weight is head.weight else {*blocks, embedding}
