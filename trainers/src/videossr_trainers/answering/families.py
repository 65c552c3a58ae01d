"""How families of models read a sample: Qwen3-VL by our own encoder, all others by their processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from transformers import GenerationConfig
from transformers.video_utils import VideoMetadata

from videossr_trainers.answering.checkpoint import OWN_FAMILY
from videossr_trainers.answering.content import clip_digest
from videossr_trainers.answering.drawing import OwnDraws
from videossr_trainers.answering.prefixes import (
    generate_shared,
    shared_tokens,
    sharings,
)
from videossr_trainers.engine.encoding import EncodedPrompt, PromptEncoder, place_holders
from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.sample import Sample


#: Where configurations name the tokens that stand for pixels or surround them.
_PICTURE_TOKENS: Final = (
    "image_token_id",
    "image_token_index",
    "video_token_id",
    "video_token_index",
    "vision_start_token_id",
    "vision_end_token_id",
)


@dataclass(frozen=True, slots=True)
class Draws:
    """How the answers to a batch are drawn.

    Attributes:
        max_new_tokens: most tokens of an answer.
        temperature: 0 takes the most likely token.
        seeds: for each question, those of its answers; as many for every question.
    """

    max_new_tokens: int
    temperature: float
    seeds: Sequence[Sequence[int]]

    @property
    def answers(self) -> int:
        """Answers to a question."""
        return len(self.seeds[0])


class Family(Protocol):
    """A model together with its way to read samples."""

    def encode(self, samples: Sequence[Sample]) -> list[Any]:
        """Samples as the model takes them, on the host."""
        ...

    def length(self, prompt: Any) -> int:  # noqa: ANN401 - each family's own
        """Tokens of an encoded prompt."""
        ...

    def generate(
        self, prompts: Sequence[Any], begun: Sequence[tuple[str, ...]], draws: Draws
    ) -> tuple[Tensor, int]:
        """Draw answers to prompts, of which `begun` has the `beginnings`.

        Returns:
            int64 [B N, C], the answers to a question in succession; and how many tokens of the prompts
            were not computed, since another's are the same.
        """
        ...


def family_of(model: Any, processor: Any) -> Family:  # noqa: ANN401 - transformers is untyped
    """How this model reads samples."""
    if bare_model(model).config.model_type in OWN_FAMILY:
        return Qwen3VL(model, processor)
    return ThroughProcessor(model, processor)


class Qwen3VL:
    """Whole batches at once; prompts that begin with the same videos are computed once up to there."""

    def __init__(self, model: Any, processor: Any) -> None:  # noqa: ANN401
        self.model = model
        self.encoder = _Encoder(processor)
        self._forbidden = place_holders(processor)

    def encode(self, samples: Sequence[Sample]) -> list[EncodedPrompt]:
        """By our own encoder: the frames' real times, frames at the size they have."""
        self.encoder.patched.clear()
        return self.encoder.encode(samples)

    def length(self, prompt: EncodedPrompt) -> int:
        """Tokens of a prompt, those of its videos included."""
        return len(prompt.input_ids)

    def generate(
        self, prompts: Sequence[EncodedPrompt], begun: Sequence[tuple[str, ...]], draws: Draws
    ) -> tuple[Tensor, int]:
        """See `prefixes.generate_shared`."""
        shared = sharings(begun)
        merge = bare_model(self.model).model.visual.spatial_merge_size
        answers = generate_shared(
            self.model,
            prompts,
            shared,
            draws.answers,
            generation_config(self.model, self.encoder.processor, draws, self._forbidden),
            _processors(draws, [seed for seeds in draws.seeds for seed in seeds], self.model),
        )
        return answers, shared_tokens(prompts, shared, merge)


class _Encoder(PromptEncoder):
    """Makes the patches of a clip that several samples of a batch show once."""

    def __init__(self, processor: Any) -> None:  # noqa: ANN401
        super().__init__(processor)
        self.patched: dict[str, Tensor] = {}

    def _patches(self, clip: Clip) -> Tensor:
        digest = clip_digest(clip)
        if digest not in self.patched:
            self.patched[digest] = super()._patches(clip)
        return self.patched[digest]


class ThroughProcessor:
    """Any other family: its own chat template and processor, told the frames' real times.

    What the processor does with the times is the family's affair; some write them into the prompt,
    some have no notion of time. Questions are asked one at a time: processors pad and stack videos of
    unequal size each in its own way, and some not at all.
    """

    def __init__(self, model: Any, processor: Any) -> None:  # noqa: ANN401
        self.model = model
        self.processor = processor
        config = bare_model(model).config
        found = (getattr(config, name, None) for name in _PICTURE_TOKENS)
        self._forbidden = sorted({int(token) for token in found if token is not None})

    def encode(self, samples: Sequence[Sample]) -> list[Any]:
        """By the model's processor, all frames kept."""
        return [self._encoded(sample) for sample in samples]

    def _encoded(self, sample: Sample) -> Any:  # noqa: ANN401 - transformers is untyped
        text = self.processor.apply_chat_template(
            list(sample.prompt), add_generation_prompt=True, tokenize=False
        )
        return self.processor(
            text=[text],
            videos=[clip.frames for clip in sample.clips],
            video_metadata=[metadata(clip) for clip in sample.clips],
            do_sample_frames=False,
            return_tensors="pt",
        )

    def length(self, prompt: Any) -> int:  # noqa: ANN401
        """Tokens of a prompt, those of its videos included."""
        return int(prompt["input_ids"].shape[1])

    @torch.no_grad()
    def generate(
        self, prompts: Sequence[Any], begun: Sequence[tuple[str, ...]], draws: Draws
    ) -> tuple[Tensor, int]:
        """By the stock `generate`, a question at a time."""
        del begun
        config = generation_config(
            self.model, self.processor, draws, self._forbidden, returned=draws.answers
        )
        rows: list[Tensor] = []
        for prompt, seeds in zip(prompts, draws.seeds, strict=True):
            inputs = prompt.to(self.model.device)
            for name, value in inputs.items():
                if torch.is_tensor(value) and value.is_floating_point():
                    inputs[name] = value.to(self.model.dtype)
            sequences = self.model.generate(
                **inputs,
                generation_config=config,
                logits_processor=_processors(draws, seeds, self.model),
            )
            rows += sequences[:, inputs["input_ids"].shape[1] :].unbind()
        answers = torch.nn.utils.rnn.pad_sequence(
            rows, batch_first=True, padding_value=config.pad_token_id
        )
        return answers, 0


def metadata(clip: Clip) -> VideoMetadata:
    """A clip's real times, as processors ask for them: frame numbers over a rate.

    The rate is the frames' mean one, for processors that look at the rate alone; the numbers are
    fractions, such that each over the rate is its frame's time.
    """
    times = clip.times.tolist()
    span = times[-1] - times[0]
    rate = (len(times) - 1) / span if span else 1.0
    return VideoMetadata(
        total_num_frames=len(times),
        fps=rate,
        width=clip.width,
        height=clip.height,
        duration=len(times) / rate,
        frames_indices=[time * rate for time in times],
    )


def generation_config(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    draws: Draws,
    forbidden: list[int],
    *,
    returned: int = 1,
) -> GenerationConfig:
    """Plain decoding: of what the checkpoint recommends, only the end of an answer is taken over.

    Args:
        forbidden: tokens that no answer may hold.
        returned: how many answers `generate` itself is to make of a row.
    """
    tokenizer = processor.tokenizer
    ends = model.generation_config.eos_token_id
    ends = tokenizer.eos_token_id if ends is None else ends
    pad = tokenizer.pad_token_id
    # `OwnDraws` leaves one token to choose from, but `generate` returns several rows by sampling alone.
    return GenerationConfig(
        max_new_tokens=draws.max_new_tokens,
        do_sample=returned > 1,
        num_return_sequences=returned,
        **({"temperature": 1.0, "top_k": 0, "top_p": 1.0} if returned > 1 else {}),
        repetition_penalty=1.0,
        pad_token_id=(ends[0] if isinstance(ends, list) else ends) if pad is None else pad,
        eos_token_id=ends,
        suppress_tokens=forbidden or None,
    )


def _processors(draws: Draws, seeds: Sequence[int], model: Any) -> list[OwnDraws]:  # noqa: ANN401
    if not draws.temperature:
        return []
    return [OwnDraws(list(seeds), draws.temperature, model.device)]
