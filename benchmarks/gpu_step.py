"""One GRPO step of Qwen3-VL-8B at real size on a GPU: seconds a question, memory, utilisation.

    bash benchmarks/gpu.sh                          # sets the path, and says which card it is

Random weights of the published shape, and the paper's settings: questions of 48 frames of 256 x 256 and
1,779 tokens, 8 answers of 8 tokens, a reference, bfloat16 by autocast. Trained is either every weight,
kept in float32 with an 8-bit optimizer and a reference of its own, or a LoRA adapter on a frozen base of
bfloat16, whose reference is the adapter switched off. Neither trl nor peft nor a video decoder is needed: the
questions are noise, and what generates, packs and repeats is the trainer's own.

Each row of the table is one way to do the same step: with a shared prefix or with the prompt repeated for
every answer, and with so many questions decoded together. Seconds are wall-clock time a question, medians over
repetitions, in each of which the ways take turns; the optimizer's step is divided by the 64 questions that share it in the paper. Utilisation is the model's
FLOP (matrices and attention; backward twice forward; what checkpointing computes again is not counted)
over the time and the card's bf16 rate. The two paths' log-probabilities are compared first. The last line is how
many times more the best way to repeat takes than the best to share; `-` where either does not fit.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch.nn import functional
from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from videossr_trainers.engine.encoding import EncodedPrompt, PromptBatch
from videossr_trainers.engine.repeated_prefix import generate_rows, repeat
from videossr_trainers.engine.shared_prefix import generate_groups, pack
from videossr_trainers.models.matrices import quicken_patch_embedding, round_matrices
from videossr_trainers.models.qwen3_vl_8b import make_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor

N, ANSWER, BETA = 8, 8, 1e-3
#: Questions of a step in the paper, which share one step of the optimizer.
QUESTIONS_PER_STEP: Final = 64
#: Dense bf16 rates by the vendor's datasheets, by a part of the card's name.
RATES: Final = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
ADAPTED: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
#: How far apart log-probabilities of the paths may be, on average: products in bfloat16, or float32.
TOLERANCE: Final = {torch.bfloat16: 5e-2, torch.float32: 1e-5}


@dataclass(frozen=True)
class Size:
    """What is trained, and on what.

    Attributes:
        frames, side: of each question's video.
        tokens: of each question's prompt.
        end, pad: ids of the tokens that end an answer and fill it up.
    """

    config: Qwen3VLConfig
    frames: int
    side: int
    tokens: int
    end: int = 151_645
    pad: int = 151_643

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches in time, height and width."""
        vision = self.config.vision_config
        across = self.side // vision.patch_size
        return self.frames // vision.temporal_patch_size, across, across


def small() -> Size:
    """A Qwen3-VL that a CPU trains in a second."""
    config = make_config().to_dict()
    config["text_config"] |= {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
    }
    config["text_config"]["rope_parameters"]["mrope_section"] = [4, 2, 2]
    config["vision_config"] |= {
        "depth": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 4,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    config |= {name: 500 + i for i, name in enumerate(names)}
    return Size(Qwen3VLConfig.from_dict(config), frames=8, side=64, tokens=96, end=510, pad=511)


def make_model(config: Qwen3VLConfig, device: torch.device, dtype: torch.dtype) -> Any:  # noqa: ANN401 - transformers is untyped
    """A model of random weights."""
    torch.manual_seed(0)
    with device:
        model = Qwen3VLForConditionalGeneration._from_config(  # noqa: SLF001
            config, attn_implementation="sdpa", dtype=dtype
        )
    quicken_patch_embedding(model)
    return model


def make_question(size: Size, seed: int) -> EncodedPrompt:
    """A question about noise, laid out as the encoder lays out real ones."""
    generator = torch.Generator().manual_seed(seed)
    config, (times, rows, columns) = size.config, size.grid
    merged = config.vision_config.spatial_merge_size**2
    picture = [
        config.vision_start_token_id,
        *[config.video_token_id] * (rows * columns // merged),
        config.vision_end_token_id,
    ]

    def words(count: int) -> list[int]:
        return torch.randint(0, 500, (count,), generator=generator).tolist()

    ids = words(4)
    for _ in range(times):
        ids += words(6) + picture
    ids += words(size.tokens - len(ids))
    vision = config.vision_config
    values = 3 * vision.temporal_patch_size * vision.patch_size**2
    tokens = torch.tensor(ids)
    return EncodedPrompt(
        tokens,
        torch.where(tokens == config.video_token_id, 2, 0),
        torch.randint(
            0, 256, (times * rows * columns, values), generator=generator, dtype=torch.uint8
        ),
        torch.tensor([size.grid]),
    )


class Adapter:
    """LoRA of rank 32 on the language model's matrices, as PEFT does it."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.on = True
        model.requires_grad_(False)
        for name, module in model.named_modules():
            if name.rpartition(".")[2] in ADAPTED:
                device, rank = module.weight.device, 32
                down = torch.randn(rank, module.in_features, device=device) / rank
                module.register_parameter("down", torch.nn.Parameter(down))
                up = torch.zeros(module.out_features, rank, device=device)
                module.register_parameter("up", torch.nn.Parameter(up))
                module.register_forward_hook(self._add)
        # Checkpointing wants something to differentiate at its entrance.
        model.enable_input_require_grads()

    def _add(
        self, module: torch.nn.Linear, inputs: tuple[Tensor, ...], output: Tensor
    ) -> Tensor | None:
        if not self.on:
            return None
        low = functional.linear(inputs[0].to(module.down.dtype), module.down)
        return output + 2 * functional.linear(low, module.up).to(output.dtype)

    @contextmanager
    def off(self) -> Iterator[None]:
        """The base alone."""
        self.on = False
        try:
            yield
        finally:
            self.on = True


class Step:
    """A step over some questions.

    Args:
        train: `full` or `lora`.
    """

    def __init__(
        self, size: Size, device: torch.device, train: str, questions: int, *, checkpointing: bool
    ) -> None:
        self.device, self.size = device, size
        half = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.dtype = half
        self.model = make_model(size.config, device, torch.float32 if train == "full" else half)
        self.adapter = Adapter(self.model) if train == "lora" else None
        self.reference = self.model if self.adapter else self._frozen_copy()
        if checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.checkpointing = checkpointing
        self.questions = [make_question(size, seed) for seed in range(questions)]
        learnt = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer, self.optimizer_name = make_optimizer(learnt)
        config = size.config
        self.generation = GenerationConfig(
            max_new_tokens=ANSWER,
            min_new_tokens=ANSWER,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            pad_token_id=size.pad,
            eos_token_id=size.end,
            disable_compile=True,
            suppress_tokens=[
                config.image_token_id,
                config.video_token_id,
                config.vision_start_token_id,
                config.vision_end_token_id,
            ],
        )

    def _frozen_copy(self) -> Any:  # noqa: ANN401
        reference = copy.deepcopy(self.model).requires_grad_(False).eval()
        if self.dtype == torch.bfloat16:
            round_matrices(reference)
        return reference

    def autocast(self) -> AbstractContextManager[object]:
        """Products in bfloat16, on a GPU."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def batch(self, prompts: Sequence[EncodedPrompt]) -> PromptBatch:
        """Prompts side by side on the device."""
        return PromptBatch.of(prompts, self.model, self.size.pad).to(self.device)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """The model as it generates; then as it learns again, even where memory ran out."""
        self.model.eval()
        if self.checkpointing:
            self.model.gradient_checkpointing_disable()
        try:
            yield
        finally:
            if self.checkpointing:
                self.model.gradient_checkpointing_enable({"use_reentrant": False})
            self.model.train()

    def answers(self, together: int, *, shared: bool) -> Tensor:
        """Sampled answers to all questions, [G N, C]."""
        torch.manual_seed(1)
        sampled = []
        with self.decoding(), torch.no_grad(), self.autocast():
            for start in range(0, len(self.questions), together):
                chunk = self.questions[start : start + together]
                if shared:
                    sampled.append(
                        generate_groups(self.model, self.batch(chunk), N, self.generation)
                    )
                else:
                    rows = self.batch([prompt for prompt in chunk for _ in range(N)])
                    sampled.append(generate_rows(self.model, rows, self.generation))
        return torch.cat(sampled)

    def log_probabilities(
        self,
        model: Any,  # noqa: ANN401
        question: EncodedPrompt,
        answers: Tensor,
        *,
        shared: bool,
    ) -> Tensor:
        """Of the answers [N, C] to one question, one after another, [N C]."""
        prompts = self.batch([question] if shared else [question] * N)
        lay_out, kept = (pack, N * ANSWER) if shared else (repeat, ANSWER + 1)
        packed = lay_out(prompts, answers, torch.ones_like(answers))
        with self.autocast():
            logits = model(
                **packed.inputs, **prompts.vision, logits_to_keep=kept, use_cache=False
            ).logits
        targets = packed.targets[:, -kept:]
        scored = targets >= 0
        logps = functional.log_softmax(logits[scored].float(), -1)
        return logps.gather(-1, targets[scored][:, None])[:, 0]

    @torch.no_grad()
    def references(self, answers: Tensor, *, shared: bool) -> Tensor:
        """The reference's log-probabilities of all answers, [G, N C]."""
        with self.adapter.off() if self.adapter else nullcontext():
            return torch.stack(
                [
                    self.log_probabilities(self.reference, question, own, shared=shared)
                    for question, own in zip(self.questions, answers.split(N), strict=True)
                ]
            )

    def update(self, answers: Tensor, references: Tensor, *, shared: bool) -> None:
        """Forward and backward of every question; advantages are made up."""
        advantages = torch.linspace(-1, 1, N, device=self.device).repeat_interleave(ANSWER)
        pairs = zip(self.questions, answers.split(N), references, strict=True)
        for question, own, reference in pairs:
            logps = self.log_probabilities(self.model, question, own, shared=shared)
            apart = reference - logps
            kl = torch.exp(apart) - apart - 1
            gain = torch.exp(logps - logps.detach()) * advantages
            ((BETA * kl - gain).mean() / len(self.questions)).backward()

    def run(self, together: int, *, shared: bool) -> dict[str, float]:
        """Seconds of each part, for all questions."""
        spent = {}
        answers, spent["generation"] = self.timed(lambda: self.answers(together, shared=shared))
        references, spent["reference"] = self.timed(lambda: self.references(answers, shared=shared))
        spent["update"] = self.timed(lambda: self.update(answers, references, shared=shared))[1]
        spent["optimizer"] = self.timed(self.optimizer.step)[1]
        self.model.zero_grad(set_to_none=True)
        return spent

    def timed(self, work: Callable[[], Any]) -> tuple[Any, float]:
        """What work returns, and its seconds of wall-clock time."""
        self.settle()
        before = time.perf_counter()
        done = work()
        self.settle()
        return done, time.perf_counter() - before

    def settle(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def check(self) -> float:
        """Refuse to go on unless both paths score answers alike; the mean difference."""
        answers = self.answers(1, shared=True)[:N]
        with torch.no_grad():
            ours, theirs = (
                self.log_probabilities(self.model, self.questions[0], answers, shared=shared)
                for shared in (True, False)
            )
        apart = float((ours - theirs).abs().mean())
        if not apart <= TOLERANCE[self.dtype]:
            raise SystemExit(f"the paths give log-probabilities that are {apart:.1e} apart")
        return apart


def make_optimizer(weights: list[Any]) -> tuple[torch.optim.Optimizer, str]:
    """An 8-bit AdamW; where bitsandbytes is missing, its memory and a plain step."""
    if weights[0].device.type == "cuda" and find_spec("bitsandbytes"):
        from bitsandbytes.optim import AdamW8bit  # noqa: PLC0415 - where it is installed

        return AdamW8bit(weights, lr=1e-6), "8-bit AdamW"
    plain = torch.optim.SGD(weights, lr=1e-6)
    # Two states of a byte for each weight.
    plain.held = [torch.zeros((2, *w.shape), dtype=torch.uint8, device=w.device) for w in weights]
    return plain, "a plain step, beside room for the states of an 8-bit AdamW"


def forward_flop(size: Size, tokens: int, scored: int, *, vision: bool = True) -> float:
    """FLOP of one forward pass over a row of so many tokens, logits at `scored` of them.

    Two for each weight of a matrix and token; attention 4 T^2 x heads x head_dim a layer; in the vision
    tower each pair of frames attends to itself.
    """
    text, eyes = size.config.text_config, size.config.vision_config
    width = text.num_attention_heads * text.head_dim
    keys = text.num_key_value_heads * text.head_dim
    layer = 2 * text.hidden_size * (width + keys) + 3 * text.hidden_size * text.intermediate_size
    total = text.num_hidden_layers * (2 * layer * tokens + 4 * tokens**2 * width)
    total += 2 * text.hidden_size * text.vocab_size * scored
    if vision:
        times, rows, columns = size.grid
        patches, frame = times * rows * columns, rows * columns
        block = 4 * eyes.hidden_size**2 + 2 * eyes.hidden_size * eyes.intermediate_size
        total += eyes.depth * (2 * block * patches + 4 * patches * frame * eyes.hidden_size)
        merged = eyes.hidden_size * eyes.spatial_merge_size**2
        merger = merged * (merged + eyes.out_hidden_size)
        mergers = 1 + len(eyes.deepstack_visual_indexes)
        total += 2 * mergers * merger * patches / eyes.spatial_merge_size**2
    return float(total)


def step_flop(size: Size, *, shared: bool) -> float:
    """FLOP of a question: generation, reference, forward and backward."""
    decoded = N * (ANSWER - 1) * forward_flop(size, 1, 1, vision=False)
    if shared:
        row = forward_flop(size, size.tokens - 1 + N * ANSWER, N * ANSWER)
        return forward_flop(size, size.tokens, N) + decoded + 4 * row
    row = N * forward_flop(size, size.tokens + ANSWER, ANSWER)
    return N * forward_flop(size, size.tokens, 1) + decoded + 4 * row


def rate_of(device: torch.device) -> float | None:
    """FLOP a second that the card has in bf16; None where it is not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((rate for part, rate in RATES.items() if part in name), None)


def main() -> None:
    """Build, check, measure, and print."""
    parser = argparse.ArgumentParser(description="A step of Qwen3-VL-8B on a GPU.")
    parser.add_argument("--train", choices=("full", "lora"), default="full")
    parser.add_argument("--questions", type=int, default=16, help="questions of the step")
    parser.add_argument(
        "--together", type=int, nargs="+", default=[1, 8, 16], help="decoded at once"
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-checkpointing", action="store_true")
    parser.add_argument("--no-repeated", action="store_true", help="leave the repeated path out")
    parser.add_argument("--cpu-small", action="store_true", help="a small model on the CPU")
    arguments = parser.parse_args()
    # Renamed after the oldest transformers that this runs on.
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*")
    device = torch.device("cpu" if arguments.cpu_small else "cuda")
    size = small() if arguments.cpu_small else Size(make_config(), 48, 256, 1779)
    step = Step(
        size,
        device,
        arguments.train,
        arguments.questions,
        checkpointing=not arguments.no_checkpointing,
    )
    weights = sum(weight.numel() for weight in step.model.parameters()) / 1e9
    print(
        f"{weights:.3f} billion weights, {arguments.train}, {arguments.questions} questions of "
        f"{size.tokens} tokens, {N} answers of {ANSWER}; {step.optimizer_name}; "
        f"log-probabilities of the paths {step.check():.1e} apart"
    )
    kinds = (True,) if arguments.no_repeated else (True, False)
    ways = [(together, shared) for shared in kinds for together in arguments.together]
    print(f"{'way':>20} {'generation':>10} {'reference':>9} {'update':>7} {'optimizer':>9} "
          f"{'s a question':>12} {'GiB':>6} {'of peak FLOP/s':>14}")  # fmt: skip
    print(f"gpu_step: {ratio_of(measured(step, ways, arguments.repeat))}")


def ratio_of(spent: Mapping[tuple[int, bool], float | None]) -> str:
    """How many times more the best way to repeat takes than the best to share; `-` where only one fits.

    Args:
        spent: seconds a question by questions decoded together and whether the prompt is shared; None
            where memory did not suffice.

    Raises:
        SystemExit: nothing fits.
    """
    fits = {way: seconds for way, seconds in spent.items() if seconds is not None}
    if not fits:
        raise SystemExit("no way fits into the memory of this card; try --train lora")
    ours, theirs = (
        [s for (_, shared), s in fits.items() if shared is kind] for kind in (True, False)
    )
    return f"{min(theirs) / min(ours):.2f}" if ours and theirs else "-"


def measured(
    step: Step, ways: Sequence[tuple[int, bool]], repeat: int
) -> dict[tuple[int, bool], float | None]:
    """Print a row for each way, and return its seconds a question; None where it does not fit.

    The ways take turns, so that a card that grows hot slows down all of them; the first turn does not count.
    """
    turns: dict[tuple[int, bool], list[Turn]] = {way: [] for way in ways}
    full = set()
    for _ in range(1 + repeat):
        for way in ways:
            turn = None if way in full else turn_of(step, *way)
            if turn is None:
                full.add(way)
            else:
                turns[way].append(turn)
    return {way: None if way in full else row_of(step, way, turns[way][1:]) for way in ways}


class Turn(NamedTuple):
    """Seconds of each part for all questions, and the most memory in use, in bytes."""

    spent: Mapping[str, float]
    memory: int


def turn_of(step: Step, together: int, shared: bool) -> Turn | None:
    """Do the step once in one way; None where it does not fit."""
    on_gpu = step.device.type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        spent = step.run(together, shared=shared)
    except torch.OutOfMemoryError:
        step.model.zero_grad(set_to_none=True)
        print(f"{name_of(together, shared=shared)} does not fit")
        return None
    return Turn(spent, torch.cuda.max_memory_allocated() if on_gpu else 0)


def name_of(together: int, *, shared: bool) -> str:
    """What a way is called."""
    return f"{'shared' if shared else 'repeated'}, {together} at once"


def row_of(step: Step, way: tuple[int, bool], turns: Sequence[Turn]) -> float:
    """Print the row of one way, and return its seconds a question."""
    together, shared = way
    count, rate = len(step.questions), rate_of(step.device)
    spent = [turn.spent for turn in turns]
    parts = {name: statistics.median(one[name] for one in spent) / count for name in spent[0]}
    parts["optimizer"] *= count / QUESTIONS_PER_STEP
    seconds = sum(parts.values())
    most = max(turn.memory for turn in turns)
    memory = f"{most / 2**30:.1f}" if most else "-"
    used = f"{step_flop(step.size, shared=shared) / seconds / rate:.0%}" if rate else "-"
    print(f"{name_of(together, shared=shared):>20} {parts['generation']:10.3f} {parts['reference']:9.3f} "
          f"{parts['update']:7.3f} {parts['optimizer']:9.3f} {seconds:12.3f} {memory:>6} {used:>14}")  # fmt: skip
    sys.stdout.flush()
    return seconds


if __name__ == "__main__":
    main()
