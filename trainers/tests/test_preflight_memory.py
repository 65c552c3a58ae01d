"""The estimate of memory, against what torch really keeps and against the published sizes of the 8B."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch
from tiny_questions import MakeTrainer, questions
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextDecoderLayer

from videossr_trainers.preflight.footprint import (
    Architecture,
    Layout,
    Weights,
    Work,
    footprint,
    language_activations,
    optimizer_bytes_per_weight,
)
from videossr_trainers.preflight.memory import _embedded
from videossr_trainers.preflight.probe import rollouts

if TYPE_CHECKING:
    from collections.abc import Callable

GB: Final = 1e9

#: What is published of Qwen3-VL-8B.
PUBLISHED: Final[dict[str, Any]] = {
    "text_config": {
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": False,
    },
    "vision_config": {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "patch_size": 16,
        "out_hidden_size": 4096,
        "deepstack_visual_indexes": [8, 16, 24],
    },
    "tie_word_embeddings": False,
}

#: A question of the paper: 24 pairs of frames of 256 x 256, and eight answers of 16 tokens.
PAPER: Final = Work(
    prompt=1850,
    patches=24 * 256,
    answer=16,
    group=8,
    questions=1,
    generated=8,
    autocast=True,
)


def kept(
    compute: Callable[[], Any], model: torch.nn.Module, *inputs: torch.Tensor
) -> tuple[int, Any]:
    """Bytes that torch keeps for the backward pass, without weights and inputs, and the result."""
    known = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *inputs)}
    # The storages themselves are held, lest an address be given away twice.
    storages: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = compute()
    return sum(storage.nbytes() for storage in storages.values()), result


def work_of(trainer: Any, batch: dict[str, Any], **facts: bool) -> Work:  # noqa: ANN401
    """What a trainer's forward pass over a batch is."""
    prompts = batch["encoded_prompts"][:: trainer.num_generations]
    return Work(
        prompt=max(len(prompt.input_ids) for prompt in prompts),
        patches=sum(len(prompt.patches) for prompt in prompts) // len(prompts),
        answer=batch["completion_ids"].shape[1],
        group=trainer.num_generations,
        questions=len(prompts),
        generated=len(prompts),
        shared_prefix=trainer.shared_prefix,
        **facts,
    )


def weights_of(model: Any) -> Weights:  # noqa: ANN401 - transformers is untyped
    """A model that is trained as a whole, without a reference."""
    count = sum(weight.numel() for weight in model.parameters())
    return Weights(count, 4 * count, count, 0)


@pytest.fixture(scope="module")
def eight() -> tuple[Architecture, Weights]:
    """Qwen3-VL-8B without its weights, and a reference beside it."""
    config = Qwen3VLConfig(**PUBLISHED)
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    weights = weights_of(model)
    return Architecture.of(config), replace(weights, reference=weights.nbytes)


@pytest.mark.parametrize("shared", [True, False])
def test_activations_of_a_loss_are_those_that_torch_keeps(
    make_trainer: MakeTrainer, shared: bool
) -> None:
    """Within a tenth, the packed prefix and the repeated one alike."""
    trainer = make_trainer(shared_prefix=shared)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    rows = [
        {"prompt": [{"role": "user", "content": s.question}], "sample": s, "answer": s.answer}
        for s in questions()[:2]
    ]
    batch, _ = rollouts(trainer, rows)
    measured, _ = kept(lambda: trainer._compute_loss(trainer.model, batch), trainer.model)
    estimated = footprint(
        Architecture.of(trainer.model.config), weights_of(trainer.model), work_of(trainer, batch)
    )
    parts = {part.name: part.nbytes for part in estimated.phases["forward and backward"]}
    activations = parts["activations, language"] + parts["activations, vision"]
    assert activations == pytest.approx(measured, rel=0.1)


def test_weights_gradients_and_moments_are_exact(make_trainer: MakeTrainer) -> None:
    """To the byte, the optimizer's counters of steps aside."""
    trainer = make_trainer(max_steps=1, beta=0.0)
    gradients: list[int] = []
    trainer.create_optimizer()
    trainer.optimizer.register_step_pre_hook(
        lambda *_: gradients.append(sum(w.grad.nbytes for w in trainer.model.parameters()))
    )
    trainer.train()
    moments = sum(
        value.nbytes
        for state in trainer.optimizer.state_dict()["state"].values()
        for name, value in state.items()
        if name != "step"
    )
    estimated = footprint(
        Architecture.of(trainer.model.config),
        weights_of(trainer.model),
        replace(PAPER, autocast=False),
        optimizer=trainer.args.optim,
    )
    sizes = {
        part.name: part.nbytes
        for part in (*estimated.kept, *estimated.phases["forward and backward"])
    }
    assert [sizes["gradients"]] == gradients
    assert sizes["optimizer"] == moments
    assert sizes["weights"] == sum(weight.nbytes for weight in trainer.model.parameters())


@pytest.mark.parametrize(
    ("autocast", "dtype"),
    [(False, torch.float32), (True, torch.float32), (False, torch.bfloat16)],
    ids=["float32", "autocast", "bfloat16"],
)
@pytest.mark.parametrize("key_heads", [8, 2], ids=["every head", "grouped"])
def test_a_decoder_layer_keeps_what_is_counted(
    autocast: bool, dtype: torch.dtype, key_heads: int
) -> None:
    """In each precision, with as many key heads as query heads and with fewer."""
    config = Qwen3VLConfig(
        text_config={
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 1,
            "num_attention_heads": 8,
            "num_key_value_heads": key_heads,
            "head_dim": 16,
        }
    )
    config.text_config._attn_implementation = "sdpa"
    layer = Qwen3VLTextDecoderLayer(config.text_config, 0).to(dtype).train()
    row = 96
    hidden = torch.randn(1, row, 128).to(dtype).requires_grad_()
    positions = torch.randn(1, row, 16, dtype=dtype), torch.randn(1, row, 16, dtype=dtype)
    mask = torch.ones(1, 1, row, row, dtype=torch.bool).tril()

    def compute() -> Any:  # noqa: ANN401
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return layer(hidden, position_embeddings=positions, attention_mask=mask)

    measured, _ = kept(compute, layer, *positions, mask)
    if autocast:  # copies of the weights, which are a part of their own
        measured -= sum(2 * weight.numel() for weight in layer.parameters() if weight.ndim > 1)
    work = Work(row + 1, 0, 0, 1, 1, 1, autocast=autocast, half=dtype == torch.bfloat16)
    architecture = Architecture.of(config)
    assert row == work.row
    assert row * language_activations(architecture, work) == pytest.approx(measured, rel=0.03)


class _Copies(TorchDispatchMode):
    """Bytes of bfloat16 made of each weight while it is on."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.names = {weight.data_ptr(): name for name, weight in model.named_parameters()}
        self.made: list[tuple[str, int]] = []

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and result.dtype == torch.bfloat16:
            name = self.names.get(args[0].data_ptr())
            self.made += [(name, result.nbytes)] if name else []
        return result


def test_generation_holds_a_copy_of_each_matrix(make_trainer: MakeTrainer) -> None:
    """Autocast makes each once for all tokens, so it holds them all that long: within a tenth."""
    trainer = make_trainer(bf16=True)
    trainer._rows = trainer.encoder.encode(questions()[:1]) * trainer.num_generations
    with _Copies(trainer.model) as copies:
        trainer._generate_single_turn()
    model = trainer.model
    assert len(copies.made) == len({name for name, _ in copies.made})
    embedded = _embedded(model)
    assert embedded > 0
    estimated = footprint(
        Architecture.of(model.config),
        replace(weights_of(model), embedded=embedded),
        replace(PAPER, autocast=True),
    )
    parts = {part.name: part.nbytes for part in estimated.phases["generation"]}
    assert parts["bfloat16 copies"] == pytest.approx(sum(n for _, n in copies.made), rel=0.1)


@pytest.mark.parametrize(
    ("layout", "part", "size"),
    [
        # By hand: 2 x (8.767 - 0.625), and 2 x 8.767.
        (Layout(), "bfloat16 copies", 16.3),
        (Layout.fsdp(8), "gathered weights", 17.5),
        (Layout.zero(3, 8), "gathered weights", 17.5),
    ],
    ids=["whole", "FSDP", "ZeRO-3"],
)
def test_weights_of_the_8b_as_it_generates_with_them(
    eight: tuple[Architecture, Weights], layout: Layout, part: str, size: float
) -> None:
    """In bfloat16, without embeddings where autocast makes them, with all where they are gathered."""
    architecture, weights = eight
    weights = replace(weights, embedded=625_000_000)
    parts = footprint(architecture, weights, PAPER, layout=layout).phases["generation"]
    sizes = {one.name: one.nbytes / GB for one in parts}
    assert size == pytest.approx(sizes[part], abs=0.05)
    assert 1 == len({"bfloat16 copies", "gathered weights"} & sizes.keys())


def test_the_published_sizes_of_the_8b(eight: tuple[Architecture, Weights]) -> None:
    """8.77 billion weights; 35 GB in float32, 70 GB of moments."""
    architecture, weights = eight
    assert 8_767_123_696 == weights.count
    sizes = {part.name: part.nbytes / GB for part in footprint(architecture, weights, PAPER).kept}
    assert sizes == pytest.approx(
        {"weights": 35.07, "optimizer": 70.14, "reference": 35.07}, abs=0.01
    )


def test_the_8b_fits_one_large_card_only_with_small_moments(
    eight: tuple[Architecture, Weights],
) -> None:
    """Full fine-tuning of one question at a time on 141 GB: not with AdamW's two floats.

    Without a reference model, which that card has no room for either.
    """
    architecture, weights = eight
    alone, frugal = replace(weights, reference=0), replace(PAPER, checkpointing=True)
    peaks = {
        name: footprint(architecture, alone, frugal, optimizer=name, on_gpu=True).peak / GB
        for name in ("adamw_torch_fused", "adamw_bnb_8bit")
    }
    assert peaks["adamw_torch_fused"] > 141
    assert peaks["adamw_bnb_8bit"] < 141


def test_activations_of_the_8b_are_of_the_known_order(
    eight: tuple[Architecture, Weights],
) -> None:
    """About 12 GB for a group is what is known; with checkpointing it is a tenth.

    By hand, in bfloat16: a token keeps 16 x 4096 for the norms, 6 x (4096 + 1024) for those of query
    and key, 8 x 4096 in attention, 8 x 12288 in the MLP and 2 for each token of the mask, 231 KB in
    all, times 36 layers and 1,977 tokens: 16.4 GB. Without the norms' floats it would be 12.
    """
    architecture, weights = eight

    def language(work: Work) -> float:
        parts = footprint(architecture, weights, work).phases["forward and backward"]
        return next(part.nbytes for part in parts if part.name == "activations, language") / GB

    half = replace(PAPER, autocast=False, half=True)
    assert language(half) == pytest.approx(16.4, abs=0.1)
    assert 12 == pytest.approx(language(half), rel=0.5)
    assert language(replace(half, checkpointing=True)) < 0.1 * language(half) + 0.1


def test_the_repeated_path_takes_a_group_for_each_answer(
    eight: tuple[Architecture, Weights],
) -> None:
    """The prompt, pictures included, is there eight times rather than once."""
    architecture, weights = eight
    shared, repeated = (
        sum(
            part.nbytes
            for part in footprint(architecture, weights, work).phases["forward and backward"]
            if part.name.startswith("activations")
        )
        for work in (PAPER, replace(PAPER, shared_prefix=False))
    )
    assert 7 < repeated / shared < 8


@pytest.mark.parametrize(
    ("layout", "sizes"),
    [
        (Layout(), {"weights": 35.07, "optimizer": 70.14, "gradients": 35.07}),
        # By hand: weights in 16 bits; 8.767 x 12 / 8 and 8.767 x 2 / 8 bytes.
        (Layout.zero(2, 8), {"weights": 17.53, "optimizer": 13.15, "gradients": 2.19}),
        (Layout.zero(3, 8), {"weights": 2.19, "optimizer": 13.15, "gradients": 2.19}),
        (Layout.fsdp(8), {"weights": 4.38, "optimizer": 8.77, "gradients": 4.38}),
    ],
    ids=["whole", "ZeRO-2", "ZeRO-3", "FSDP"],
)
def test_what_is_divided_among_processes(
    eight: tuple[Architecture, Weights], layout: Layout, sizes: dict[str, float]
) -> None:
    """Weights, gradients and moments of the 8B on each of eight cards, in GB."""
    architecture, weights = eight
    estimated = footprint(architecture, weights, PAPER, layout=layout)
    parts = (*estimated.kept, *estimated.phases["forward and backward"])
    found = {part.name: part.nbytes / GB for part in parts if part.name in sizes}
    assert found == pytest.approx(sizes, abs=0.01)


def test_adapters_have_gradients_and_moments_of_their_own_alone(
    eight: tuple[Architecture, Weights],
) -> None:
    """By hand: 44 million adapters on 16-bit weights take 44 x 12 = 528 MB beside them."""
    architecture, weights = eight
    adapted = Weights(weights.count, 2 * weights.count, 44_000_000, 0)
    estimated = footprint(architecture, adapted, replace(PAPER, autocast=False, half=True))
    parts = (*estimated.kept, *estimated.phases["forward and backward"])
    sizes = {part.name: part.nbytes for part in parts}
    assert 528_000_000 == sizes["gradients"] + sizes["optimizer"]
    assert 2 * weights.count == sizes["weights"]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("adamw_torch", 8),
        ("adamw_torch_fused", 8),
        ("OptimizerNames.ADAMW_TORCH", 8),
        ("adamw_bnb_8bit", 2.03125),
        ("paged_adamw_8bit", 2.03125),
        ("sgd", 0),
    ],
)
def test_optimizer_state_by_name(name: str, size: float) -> None:
    """Two floats, or two bytes with a scale for every 256 of them."""
    assert size == optimizer_bytes_per_weight(name)
