"""How much memory a step of GRPO takes, part by part, each with its source.

All figures are bytes on one device. Weights and optimizer state stay; on top comes the larger of two
phases, generation, and forward and backward. The reference's pass keeps nothing and is never the
largest. Gradients are dropped after each step, and so are not there while answers are generated.

Activations are counted from what the modules of Qwen3-VL keep for the backward pass, tensor by tensor;
the tests compare the count with what torch keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLOAT: Final = 4
_HALF: Final = 2

#: Optimizer state, bytes a weight, by the beginnings of transformers' names; the first that fits.
_OPTIMIZERS: Final[tuple[tuple[str, float], ...]] = (
    # Two moments of a byte, and a scale of 4 bytes for each block of 256 of either.
    ("adamw_bnb_8bit", 2 + 2 * 4 / 256),
    ("adamw_8bit", 2 + 2 * 4 / 256),
    ("paged_adamw_8bit", 2 + 2 * 4 / 256),
    ("adamw_torch_8bit", 2 + 2 * 4 / 256),
    ("adamw_torch_4bit", 1 + 2 * 4 / 128),
    ("ademamix_8bit", 3 + 3 * 4 / 256),
    ("lion_8bit", 1 + 4 / 256),
    ("paged_lion_8bit", 1 + 4 / 256),
    ("lion", 4),
    ("sgd", 0),
    # A row and a column of factors for each matrix: next to nothing.
    ("adafactor", 0.01),
)

#: AdamW keeps two moments in float32.
_ADAMW: Final = 8.0

#: A tile of the fused head: tokens x vocabulary chunk, of TRL's kernels.chunked_logprob.
_TILE_TOKENS: Final = 4096
_TILE_WIDTH: Final = 8192

#: The CUDA context and its libraries, and what an allocator loses between blocks.
_CONTEXT: Final = int(0.6 * 2**30)
_FRAGMENTS: Final = 0.05


def optimizer_bytes_per_weight(name: str) -> float:
    """Optimizer state in bytes for each weight that is trained, by transformers' name."""
    name = name.lower().removeprefix("optimizernames.")
    return next((size for start, size in _OPTIMIZERS if name.startswith(start)), _ADAMW)


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a Qwen3-VL that memory depends on.

    Attributes:
        query, key_value: width of all query heads, of all key heads.
        mergers: the merger of the vision tower, and those of its deepstack.
    """

    hidden: int
    layers: int
    query: int
    key_value: int
    intermediate: int
    vocabulary: int
    vision_hidden: int
    vision_layers: int
    vision_intermediate: int
    patch_values: int
    merged: int
    mergers: int

    @classmethod
    def of(cls, config: Any) -> Self:  # noqa: ANN401 - transformers is untyped
        """From a model's configuration."""
        text, vision = config.text_config, config.vision_config
        head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        return cls(
            hidden=text.hidden_size,
            layers=text.num_hidden_layers,
            query=text.num_attention_heads * head,
            key_value=text.num_key_value_heads * head,
            intermediate=text.intermediate_size,
            vocabulary=text.vocab_size,
            vision_hidden=vision.hidden_size,
            vision_layers=vision.depth,
            vision_intermediate=vision.intermediate_size,
            patch_values=3 * vision.temporal_patch_size * vision.patch_size**2,
            merged=vision.spatial_merge_size**2,
            mergers=1 + len(vision.deepstack_visual_indexes),
        )


@dataclass(frozen=True, slots=True)
class Weights:
    """What is kept of the model.

    Attributes:
        count: weights of the policy, in all.
        nbytes: that they take.
        trained: of these, how many are trained; gradients and moments are theirs alone.
        reference: bytes of the reference model; 0 where there is none.
        embedded: of all, how many are looked up and never multiplied with, so that autocast leaves
            them as they are.
    """

    count: int
    nbytes: int
    trained: int
    reference: int
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """What a step does on one device.

    Attributes:
        prompt, patches: of one question, the longest: tokens, and patches of its videos.
        answer: tokens of an answer.
        group: answers to a question, N.
        questions: in one forward and backward pass.
        generated: questions whose answers are generated together.
        shared_prefix: whether the prompt of a group is computed once.
        checkpointing: whether activations are computed again in the backward pass.
        autocast: whether float32 weights compute in bfloat16.
        half: whether weights are kept in 16 bits, and compute so.
    """

    prompt: int
    patches: int
    answer: int
    group: int
    questions: int
    generated: int
    shared_prefix: bool = True
    checkpointing: bool = False
    autocast: bool = False
    half: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of a forward pass."""
        return self.questions * self._of_group

    @property
    def row(self) -> int:
        """Tokens of one row of it."""
        return self._of_group if self.shared_prefix else self.prompt + self.answer

    @property
    def all_patches(self) -> int:
        """Patches of a forward pass."""
        return self.questions * self.patches * (1 if self.shared_prefix else self.group)

    @property
    def _of_group(self) -> int:
        if self.shared_prefix:
            return self.prompt - 1 + self.group * self.answer
        return self.group * (self.prompt + self.answer)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model lies on the processes.

    Attributes:
        weights, gradients, moments: into how many parts each is divided.
        gathered: whether a layer's weights are put together while it computes (ZeRO-3, FSDP).
        deepspeed: which keeps 16-bit weights and gradients beside float32 ones.
    """

    weights: int = 1
    gradients: int = 1
    moments: int = 1
    gathered: bool = False
    deepspeed: bool = False

    @classmethod
    def zero(cls, stage: int, processes: int) -> Self:
        """DeepSpeed's ZeRO: stage 1 divides the moments, 2 the gradients too, 3 the weights too."""
        weights, gradients, moments = (processes if stage >= least else 1 for least in (3, 2, 1))
        gathered = weights == processes > 1
        return cls(weights, gradients, moments, gathered=gathered, deepspeed=True)

    @classmethod
    def fsdp(cls, processes: int) -> Self:
        """Fully sharded: all three are divided."""
        return cls(processes, processes, processes, gathered=True)


class Part(NamedTuple):
    """A part of the memory, and where its size comes from."""

    name: str
    nbytes: float
    source: str


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory of a step.

    Attributes:
        kept: parts that stay.
        phases: parts that come and go, by what the step is doing.
    """

    kept: tuple[Part, ...]
    phases: Mapping[str, tuple[Part, ...]]

    @property
    def standing(self) -> float:
        """Bytes that stay."""
        return sum(part.nbytes for part in self.kept)

    @property
    def largest(self) -> str:
        """The phase that takes most."""
        return max(self.phases, key=self.of_phase)

    @property
    def peak(self) -> float:
        """Bytes at the worst moment."""
        return self.standing + self.of_phase(self.largest)

    def of_phase(self, name: str) -> float:
        """Bytes of a phase alone."""
        return sum(part.nbytes for part in self.phases[name])


def footprint(
    architecture: Architecture,
    weights: Weights,
    work: Work,
    *,
    optimizer: str = "adamw_torch",
    layout: Layout | None = None,
    on_gpu: bool = False,
) -> Footprint:
    """The memory of a step on one device."""
    layout = layout or Layout()
    kept = [*_standing(weights, optimizer, layout)]
    phases = {
        "generation": _generation(architecture, weights, work, layout),
        "forward and backward": _training(architecture, weights, work, layout),
    }
    if on_gpu:
        kept.append(Part("CUDA", _CONTEXT, "context and libraries, about 0.6 GiB"))
        phases = {name: (*parts, _fragments(kept, parts)) for name, parts in phases.items()}
    return Footprint(tuple(kept), phases)


def _standing(weights: Weights, optimizer: str, layout: Layout) -> list[Part]:
    per_weight = optimizer_bytes_per_weight(optimizer)
    resident, state = float(weights.nbytes), per_weight
    if layout.deepspeed:
        # Rajbhandari et al., ZeRO (2020), section 3.1: weights in 16 bits, and again in float32
        # beside the moments.
        resident, state = float(_HALF * weights.count), per_weight + _FLOAT
    return [
        Part(
            "weights",
            resident / layout.weights,
            f"{weights.count:,} weights as loaded{_divided(layout.weights)}",
        ),
        Part(
            "optimizer",
            state * weights.trained / layout.moments,
            f"{optimizer}: {state:.4g} bytes a trained weight{_divided(layout.moments)}",
        ),
        Part(
            "reference",
            weights.reference / layout.weights,
            f"a second model for the KL term{_divided(layout.weights)}"
            if weights.reference
            else "none: beta is 0, or adapters are switched off for it",
        ),
    ]


def _divided(parts: int) -> str:
    return f", divided by {parts} processes" if parts > 1 else ""


def _training(
    architecture: Architecture, weights: Weights, work: Work, layout: Layout
) -> tuple[Part, ...]:
    of_token = language_activations(architecture, work)
    of_patch = vision_activations(architecture, work)
    if work.checkpointing:
        # Each layer keeps its input, and one at a time is computed again.
        language = work.tokens * (architecture.layers * _FLOAT * architecture.hidden + of_token)
        kept = architecture.vision_layers * _width(work) * architecture.vision_hidden
        vision = work.all_patches * (kept + of_patch)
        how = "checkpointing: each layer's input, and all of one layer"
    else:
        language = work.tokens * architecture.layers * of_token
        vision = work.all_patches * architecture.vision_layers * of_patch
        how = "what every layer keeps for the backward pass"
    gradient = _HALF if layout.deepspeed else _FLOAT
    parts = [
        Part(
            "gradients",
            gradient * weights.trained / layout.gradients,
            f"{weights.trained:,} trained weights x {gradient} bytes{_divided(layout.gradients)}",
        ),
        Part(
            "activations, language",
            language,
            f"{work.tokens:,} tokens x {architecture.layers} layers; {how}",
        ),
        Part(
            "activations, vision",
            vision + work.all_patches * mergers_and_pixels(architecture, work),
            f"{work.all_patches:,} patches x {architecture.vision_layers} layers; {how}",
        ),
        Part(
            "logits",
            _head(architecture, work),
            "fused head: tiles of 4,096 tokens x 8,192 words, twice; never the whole vocabulary",
        ),
    ]
    return (*parts, *_copies(architecture, weights, work, layout, backward=True))


def _copies(
    architecture: Architecture, weights: Weights, work: Work, layout: Layout, *, backward: bool
) -> list[Part]:
    """The weights once more, as they are computed with."""
    if layout.gathered:
        # They are put together in the type that they are computed with, so autocast finds them in it.
        # In generation all of them at once: a layer at a time would be once a layer and token.
        share = 2 / architecture.layers if backward else 1
        width = _HALF if layout.deepspeed else _width(work)
        how = (
            "those of two layers, put together to compute"
            if backward
            else "the whole model, to decode without waiting"
        )
        return [Part("gathered weights", share * width * weights.count, how)]
    if layout.deepspeed or not work.autocast:
        return []
    # Autocast keeps what it made of a trained weight until it ends, whether gradients are wanted or not.
    # Of a frozen one it keeps nothing, but the backward pass needs the copy.
    matrices = weights.count - weights.embedded
    held = min(weights.trained, matrices)
    frozen = (matrices - held) / (architecture.layers if work.checkpointing else 1)
    size = _HALF * (held + (frozen if backward else 0))
    return [Part("bfloat16 copies", size, "matrices as autocast computes with them")]


def language_activations(architecture: Architecture, work: Work) -> float:
    """Bytes that one decoder layer keeps for the backward pass, for each token.

    Twice a norm keeps its input and the normalised input; its output is kept by the projections that
    read it. Query and key have norms of their own. Attention keeps query, key, value and output, keys
    and values repeated for every query head, and a mask for each query. The MLP keeps the gate, its
    activation, the other branch and their product.
    """
    a, d, k, f = (
        architecture.hidden,
        architecture.query,
        architecture.key_value,
        architecture.intermediate,
    )
    mask = work.row
    if work.autocast:
        # Norms in float32; a copy in bfloat16 for each of the five projections that read their output.
        norms = 2 * 2 * _FLOAT * a + 5 * _HALF * a
        query_key = (_FLOAT + _HALF) * (d + k)
        return norms + query_key + _HALF * 4 * d + _HALF * 4 * f + _HALF * mask
    if work.half:
        # The norms' inputs are made float32; the rest is in 16 bits.
        norms = 2 * (_FLOAT + _HALF + _HALF) * a
        query_key = (_FLOAT + _HALF) * (d + k)
        return norms + query_key + _HALF * 4 * d + _HALF * 4 * f + _HALF * mask
    return _FLOAT * (2 * 3 * a + 2 * (d + k) + 4 * d + 4 * f + mask)


def vision_activations(architecture: Architecture, work: Work) -> float:
    """Bytes that one block of the vision tower keeps for the backward pass, for each patch.

    Two norms with input and output, query, key, and the joint projection that value is a part of, the
    output of attention twice (as computed, and joined over frames), and the MLP before and after its
    activation.
    """
    h, f = architecture.vision_hidden, architecture.vision_intermediate
    return _width(work) * (11 * h + 2 * f)


def mergers_and_pixels(architecture: Architecture, work: Work) -> float:
    """Bytes that the mergers keep, and those of the pixels themselves, for each patch.

    A merger keeps its norm's input, and the two sides of its activation, on patches joined by fours.
    """
    merger = 3.5 * architecture.vision_hidden
    return _width(work) * (architecture.mergers * merger + architecture.patch_values)


def _width(work: Work) -> int:
    return _HALF if work.autocast or work.half else _FLOAT


def _head(architecture: Architecture, work: Work) -> float:
    rows = min(_TILE_TOKENS, work.tokens)
    return 2 * _FLOAT * rows * min(_TILE_WIDTH, architecture.vocabulary)


def _generation(
    architecture: Architecture, weights: Weights, work: Work, layout: Layout
) -> tuple[Part, ...]:
    sequences = work.generated * work.group
    length = work.prompt + work.answer
    # Under autocast keys leave their norm in float32, and values their projection in bfloat16.
    width = (_FLOAT + _HALF) / 2 if work.autocast else _width(work)
    cache = sequences * length * architecture.layers * 2 * architecture.key_value * width
    repeated = 1 + (architecture.query != architecture.key_value)
    layer = sequences * length * repeated * 2 * architecture.query * _width(work)
    # The prompt's pass keeps nothing, but its MLP works on all tokens at once.
    prompts = work.generated * (1 if work.shared_prefix else work.group)
    prefill = prompts * (
        work.prompt * 3 * architecture.intermediate + work.patches * architecture.patch_values
    )
    return (
        *_copies(architecture, weights, work, layout, backward=False),
        Part(
            "caches",
            cache,
            f"{sequences:,} answers x {length:,} tokens x {architecture.layers} layers of keys and "
            "values",
        ),
        Part("attention", layer, "one layer's keys and values, repeated for every query head"),
        Part("prompts' pass", prefill * _width(work), "the MLP of one layer, and the pixels"),
        Part(
            "logits",
            4 * _FLOAT * sequences * architecture.vocabulary,
            f"{sequences:,} answers x {architecture.vocabulary:,} words in float32, four copies to "
            "sample from",
        ),
    )


def _fragments(kept: list[Part], parts: tuple[Part, ...]) -> Part:
    size = sum(part.nbytes for part in (*kept, *parts))
    return Part("fragments", _FRAGMENTS * size, "5 % that an allocator loses between blocks")
