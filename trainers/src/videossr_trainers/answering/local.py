"""Asking a model on this machine.

    answerer = LocalAnswerer.load("Qwen/Qwen3-VL-8B-Instruct", batch_size=16)
    for asked, answers in answerer.answer(questions, Decoding(max_new_tokens=64)):
        ...
    print(answerer.throughput)

On many GPUs, under `accelerate launch`, each process asks its own share: see `shares.Shares`.
"""

from __future__ import annotations

import gc
import json
import time
import warnings
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import __version__ as transformers_version

from videossr.completion import said
from videossr_trainers.answering.answer import Answer
from videossr_trainers.answering.checkpoint import Precision, load_checkpoint
from videossr_trainers.answering.content import answer_seeds
from videossr_trainers.answering.families import Draws, family_of
from videossr_trainers.answering.prefixes import beginnings, sharings
from videossr_trainers.answering.throughput import Throughput
from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from videossr_trainers.answering.answer import Asked, Decoding

#: Another number wherever a sample reaches the model, or its answer us, in another form than before.
_FORM: Final = 1

#: Questions that are looked at ahead for those that share a video, in batches.
_AHEAD: Final = 4


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A question drawn and not yet asked, with its place in the order."""

    place: int
    asked: Asked
    begun: tuple[str, ...]


class LocalAnswerer:
    """An `Answerer` with the model in this process.

    What a question is answered depends on the question, the seed and the model, not on the questions
    beside it: neither their number nor their order. In float32 the texts are the same; bfloat16 rounds
    so coarsely that two nearly equal tokens may change places with the shape of a batch.

    Args:
        model: in the mode and on the device in which it is to be asked; put back into training
            afterwards if it was.
        processor: the model's own.
        identity: plain values by which answers of this model are kept.
        batch_size: questions at once; fewer where memory runs out.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - transformers is untyped
        processor: Any,  # noqa: ANN401
        *,
        identity: Mapping[str, str] | None = None,
        batch_size: int = 16,
    ) -> None:
        self.model = model
        self.processor = processor
        self.batch_size = batch_size
        self.throughput: Final = Throughput()
        self._family: Final = family_of(model, processor)
        self._identity = dict(identity or {})
        self._most = batch_size

    @classmethod
    def load(
        cls,
        name: str,
        revision: str | None = None,
        *,
        precision: Precision = "auto",
        batch_size: int = 16,
    ) -> LocalAnswerer:
        """Load a checkpoint and ask it; see `checkpoint.load_checkpoint`.

        Raises:
            ConfigError: nothing can be loaded under that name, or it takes no video.
        """
        loaded = load_checkpoint(name, revision, precision=precision)
        return cls(loaded.model, loaded.processor, identity=loaded.identity, batch_size=batch_size)

    @property
    def identity(self) -> str:
        """The model's content, precision and way of reading; not its name, nor the batch size.

        Raises:
            ValueError: the model was handed over without one.
        """
        if not self._identity:
            raise ValueError(
                "identity: none was given with the model; answers cannot be kept by it"
            )
        facts = {
            "form": _FORM,
            "family": type(self._family).__name__,
            "transformers": transformers_version,
            **self._identity,
        }
        return json.dumps(facts, sort_keys=True)

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """Ask questions; answers come in the questions' order.

        Questions are drawn as far as four batches ahead, to find those that share a video.
        """
        was_training = self.model.training
        self.model.eval()
        try:
            yield from self._in_order(enumerate(questions), decoding)
        finally:
            self.model.train(was_training)

    def _in_order(
        self, questions: Iterator[tuple[int, Asked]], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        waiting: deque[_Waiting] = deque()
        done: dict[int, tuple[Asked, tuple[Answer, ...]]] = {}
        reported = 0
        while True:
            # Answers that wait for an earlier question's hold their pictures too, so they count.
            self._draw(questions, waiting, _AHEAD * self.batch_size - len(done))
            if not waiting:
                return
            batch = _next_batch(waiting, self._most)
            for one, answers in zip(batch, self._asked(batch, decoding), strict=True):
                done[one.place] = (one.asked, answers)
            while reported in done:
                yield done.pop(reported)
                reported += 1

    def _draw(
        self, questions: Iterator[tuple[int, Asked]], waiting: deque[_Waiting], room: int
    ) -> None:
        started = time.perf_counter()
        while len(waiting) < room:
            drawn = next(questions, None)
            if drawn is None:
                break
            place, asked = drawn
            waiting.append(_Waiting(place, asked, beginnings(asked.sample)))
        self.throughput.rendering_seconds += time.perf_counter() - started

    def _asked(self, batch: Sequence[_Waiting], decoding: Decoding) -> list[tuple[Answer, ...]]:
        """The answers to a batch, by halves where it does not fit into memory."""
        failure = ""
        try:
            return self._tried(batch, decoding)
        except torch.OutOfMemoryError as error:
            failure = f"out of memory: {_first_line(error)}"
        # Out of the handler, so that what the failed try held can be freed.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            self.throughput.questions += 1
            self.throughput.failures += 1
            return [(Answer("", failure=failure),) * decoding.answers]
        half = (len(batch) + 1) // 2
        self._most = min(self._most, half)
        self.throughput.halvings += 1
        warnings.warn(
            f"{len(batch)} questions at once: {failure}; going on with {half} at once", stacklevel=2
        )
        return self._asked(batch[:half], decoding) + self._asked(batch[half:], decoding)

    def _tried(self, batch: Sequence[_Waiting], decoding: Decoding) -> list[tuple[Answer, ...]]:
        started = time.perf_counter()
        prompts = self._family.encode([one.asked.sample for one in batch])
        lengths = [self._family.length(prompt) for prompt in prompts]
        encoded = time.perf_counter()
        found = [self._too_long(length, decoding) for length in lengths]
        fitting = [i for i, answers in enumerate(found) if not answers]
        spared = 0
        if fitting:
            # The most likely answer is one answer, however many are asked for.
            drawn = decoding.answers if decoding.temperature else 1
            draws = Draws(
                decoding.max_new_tokens,
                decoding.temperature,
                [
                    answer_seeds(batch[i].asked.sample, decoding) if decoding.temperature else [0]
                    for i in fitting
                ],
            )
            tokens, spared = self._family.generate(
                [prompts[i] for i in fitting], [batch[i].begun for i in fitting], draws
            )
            answers = self._read(tokens)
            for place, i in enumerate(fitting):
                own = answers[place * drawn : (place + 1) * drawn]
                # The prompt is computed once, and so is the most likely answer.
                own[0] = replace(own[0], prompt_tokens=lengths[i])
                again = replace(own[0], prompt_tokens=0, completion_tokens=0)
                found[i] = (*own, *[again] * (decoding.answers - drawn))
            self.throughput.completion_tokens += sum(one.completion_tokens or 0 for one in answers)
        self.throughput.questions += len(batch)
        self.throughput.failures += len(batch) - len(fitting)
        self.throughput.prompt_tokens += sum(lengths[i] for i in fitting)
        self.throughput.spared_tokens += spared
        self.throughput.encoding_seconds += encoded - started
        self.throughput.model_seconds += time.perf_counter() - encoded
        return found

    def _too_long(self, length: int, decoding: Decoding) -> tuple[Answer, ...]:
        """The failure of a prompt that leaves no room for its answer; nothing for one that does."""
        context = bare_model(self.model).config.get_text_config().max_position_embeddings
        if length + decoding.max_new_tokens <= context:
            return ()
        failure = (
            f"a prompt of {length} tokens and an answer of up to {decoding.max_new_tokens} do not fit "
            f"into the model's context of {context}: show fewer or smaller frames"
        )
        return (Answer("", length, failure=failure),) * decoding.answers

    def _read(self, tokens: Tensor) -> list[Answer]:
        """Answers int64 [B, C] without their prompts' tokens; the ends are counted."""
        tokenizer = self.processor.tokenizer
        ends = self.model.generation_config.eos_token_id
        ends = tokenizer.eos_token_id if ends is None else ends
        ended = torch.isin(tokens, torch.tensor(ends, device=tokens.device))
        counts = (ended.cumsum(1) - ended.int() == 0).sum(1).tolist()
        texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [
            Answer(said(text), 0, count, truncated=not whole)
            for text, count, whole in zip(texts, counts, ended.any(1).tolist(), strict=True)
        ]


def _next_batch(waiting: deque[_Waiting], most: int) -> list[_Waiting]:
    """Take out the first question that waits, those that share its videos, and more in their order."""
    chosen: list[int] = []
    for sharing in sharings([one.begun for one in waiting]):
        if chosen and len(chosen) + len(sharing.members) > most:
            continue  # whole, in a later batch
        chosen += sharing.members[: most - len(chosen)]
    batch = [waiting[i] for i in chosen]
    taken = set(chosen)
    kept = [one for i, one in enumerate(waiting) if i not in taken]
    waiting.clear()
    waiting.extend(kept)
    return batch


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
