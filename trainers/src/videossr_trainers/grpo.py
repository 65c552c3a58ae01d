"""GRPO on video.

How it differs from TRL's trainer, which it is otherwise:

* Stock GRPOTrainer drops a prompt's video from the loss without a word. Here one encoding of each
  question (ids, pixels, positions) goes through generation, reference and loss alike.
* The N answers of a group share their prompt, so the prompt is computed once (`shared_prefix.py`);
  `shared_prefix=False` repeats it for each answer, as an oracle to compare with.
* Batches are shuffled by group, not by row, so that a micro-batch holds whole groups.

A row of the dataset has `prompt` (unused text; TRL wants it), `sample` (a `videossr.Sample`) and
whatever the reward functions read. Rows of a group carry the same sample object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from accelerate.utils import is_peft_model
from datasets import Dataset as Table
from trl import GRPOTrainer
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import split_tensor_dict

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.encoding import EncodedPrompt, PromptBatch, PromptEncoder
from videossr_trainers.models import quicken_patch_embedding
from videossr_trainers.shared_prefix import bare_model, generate_groups, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.utils.data import Sampler

    from videossr_trainers.data import Questions

_Row = dict[str, Any]

#: Key of the encoded prompts among the tensors of a batch: a list, one for each row, shared by group.
_PROMPTS: Final = "encoded_prompts"


class VideoGRPOTrainer(GRPOTrainer):  # type: ignore[misc] # trl is untyped
    """TRL's GRPO trainer with videos in the prompt.

    Args:
        shared_prefix: compute the prompt of a group once rather than for every answer.
        questions: rows by key, in the place of `train_dataset`.
        sampler: the keys of an epoch, given answers a group, questions a generation batch, and how
            often each such batch is asked for.
        arguments: those of `trl.GRPOTrainer`; `processing_class` is a Qwen3-VL processor.

    Raises:
        ConfigError: a micro-batch that cannot hold whole groups; fewer questions than one generation
            batch, with which TRL would train no step at all and not say so.
    """

    def __init__(
        self,
        *,
        shared_prefix: bool = True,
        questions: Questions | None = None,
        sampler: Callable[[int, int, int], Sampler[Any]] | None = None,
        **arguments: Any,  # noqa: ANN401 - as TRL's
    ) -> None:
        if questions is not None:
            # TRL takes nothing but a table of its own kind, and looks at its length alone.
            arguments["train_dataset"] = Table.from_dict({"prompt": [""] * len(questions)})
        _check_batches(arguments["args"], arguments["train_dataset"])
        self.shared_prefix = shared_prefix
        self._make_sampler = sampler
        self.encoder = PromptEncoder(arguments["processing_class"])
        # The encoded prompts of the batch in hand, one for each row. TRL's methods between our own
        # pass on only what they know, so the prompts travel beside them.
        self._rows: list[EncodedPrompt] = []
        arguments["args"].generation_kwargs = {
            # A sampled place-holder would ask for pixels that are not there.
            "suppress_tokens": place_holders(arguments["processing_class"]),
            **(arguments["args"].generation_kwargs or {}),
        }
        super().__init__(**arguments)
        if questions is not None:
            self.train_dataset = questions
        if self.ref_model is not None:
            quicken_patch_embedding(self.accelerator.unwrap_model(self.ref_model))

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[Any]:  # noqa: ANN401 - TRL's
        if self._make_sampler is None:
            stock: Sampler[Any] = super()._get_train_sampler(dataset)
            return stock
        return self._make_sampler(
            self.num_generations,
            self.args.generation_batch_size // self.num_generations,
            self.num_iterations * self.args.steps_per_generation,
        )

    def _generate_and_score_completions(self, inputs: list[_Row]) -> dict[str, Any]:
        n = self.num_generations if self.model.training else self.num_generations_eval
        samples = [row["sample"] for row in inputs[::n]]
        device = self.accelerator.device
        prompts = [prompt.to(device) for prompt in self.encoder.encode(samples)]
        self._rows = [prompt for prompt in prompts for _ in range(n)]
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        output[_PROMPTS] = self._rows
        return output

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The ids are known already; what else generation needs goes through `self._rows`."""
        del prompts
        return [row.input_ids.tolist() for row in self._rows], None, {}

    def _generate_single_turn(self, *_: object, **__: object) -> tuple[list[list[int]], None]:
        groups, n = _groups(self._rows)
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
                generation_kwargs=self.generation_kwargs,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            if self.shared_prefix:
                batch = self._batch(groups)
                answers = generate_groups(model, batch, n, self.generation_config)
            else:
                batch = self._batch(self._rows)
                sequences = model.generate(
                    input_ids=batch.input_ids,
                    attention_mask=batch.attention_mask,
                    mm_token_type_ids=batch.token_types,
                    generation_config=self.generation_config,
                    **batch.vision,
                )
                answers = sequences[:, batch.input_ids.shape[1] :]
        ends = torch.isin(answers, torch.tensor(self.eos_token_ids, device=answers.device))
        kept = ends.cumsum(1) - ends.int() == 0  # up to and with the first end
        return [row[keep].tolist() for row, keep in zip(answers, kept, strict=True)], None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:  # noqa: ANN401
        self._rows = inputs[_PROMPTS]
        loss: Tensor = super()._compute_loss(model, inputs)
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,  # noqa: ANN401 - transformers is untyped
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **_: object,
    ) -> tuple[Tensor, Tensor | None, None]:
        size = batch_size or len(input_ids)
        chunks = [
            self._score(
                model,
                self._rows[start : start + size],
                input_ids[start : start + size, -logits_to_keep:],
                attention_mask[start : start + size, -logits_to_keep:],
            )
            for start in range(0, len(input_ids), size)
        ]
        logps = torch.cat([logp for logp, _ in chunks])
        entropies = torch.cat([entropy for _, entropy in chunks]) if compute_entropy else None
        return logps, entropies, None

    def _score(
        self,
        model: Any,  # noqa: ANN401 - transformers is untyped
        rows: Sequence[EncodedPrompt],
        completions: Tensor,
        completion_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies [B, C] of the answers to the prompts of these rows."""
        if self.shared_prefix:
            prompts = self._batch(_groups(rows)[0])
            packed = pack(prompts, completions, completion_mask)
            with self.accelerator.autocast():
                output = model(
                    input_ids=packed.input_ids,
                    attention_mask=packed.attention_mask,
                    position_ids=packed.positions,
                    shift_labels=packed.targets,
                    fused_lm_head=True,
                    **prompts.vision,
                )
            return packed.unpack(output.log_probs), _or_zeros(
                output.entropy, packed.unpack, completions
            )
        prompts = self._batch(rows)
        labels = torch.cat(
            [
                torch.full_like(prompts.input_ids, -100),
                completions.masked_fill(completion_mask == 0, -100),
            ],
            1,
        )
        with self.accelerator.autocast():
            output = model(
                input_ids=torch.cat([prompts.input_ids, completions], 1),
                attention_mask=torch.cat([prompts.attention_mask, completion_mask], 1),
                mm_token_type_ids=torch.cat(
                    [prompts.token_types, torch.zeros_like(completions)], 1
                ),
                labels=labels,
                fused_lm_head=True,
                **prompts.vision,
            )

        def answers(values: Tensor) -> Tensor:
            return values[:, -completions.shape[1] :]

        return answers(output.log_probs), _or_zeros(output.entropy, answers, completions)

    def _batch(self, prompts: Sequence[EncodedPrompt]) -> PromptBatch:
        unwrapped = self.accelerator.unwrap_model(self.model)
        bare = bare_model(unwrapped) if is_peft_model(unwrapped) else unwrapped
        return PromptBatch.of(prompts, bare, self._tokenizer.pad_token_id)

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:  # noqa: ANN401
        """As TRL's, but whole groups are shuffled instead of rows."""
        if not self.model.training:
            evaluated: dict[str, Any] = super()._prepare_inputs(generation_batch)
            return evaluated
        every = self.args.steps_per_generation * self.num_iterations
        if self._step % every == 0 or self._buffered_inputs is None:
            output = self._generate_and_score_completions(generation_batch)
            order = _group_order(len(output["prompt_ids"]), self.num_generations)
            shuffled = {key: _reordered(value, order) for key, value in output.items()}
            self._buffered_inputs: Any = split_tensor_dict(shuffled, self.args.steps_per_generation)
        batch: dict[str, Any] = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return batch


def place_holders(processor: Any) -> list[int]:  # noqa: ANN401 - transformers is untyped
    """Ids of the tokens that stand for pixels or surround them, which no answer may hold."""
    names = (
        "<|vision_start|>",
        "<|vision_end|>",
        "<|vision_pad|>",
        "<|image_pad|>",
        "<|video_pad|>",
    )
    ids = processor.tokenizer.convert_tokens_to_ids(list(names))
    return [token for token in ids if token is not None]


def _check_batches(args: Any, dataset: Sequence[Any]) -> None:  # noqa: ANN401 - trl is untyped
    n = args.num_generations
    if args.per_device_train_batch_size % n:
        raise ConfigError(
            Mistake(
                "per_device_train_batch_size",
                f"{args.per_device_train_batch_size} rows do not hold whole groups of {n}",
                f"must be a multiple of {n}",
            )
        )
    needed = args.generation_batch_size // n
    if len(dataset) < needed:
        raise ConfigError(
            Mistake(
                "dataset",
                f"{len(dataset)} questions are fewer than one generation batch: "
                f"{args.generation_batch_size} rollouts / {n} rollouts a question = {needed} questions",
                "build more questions, or lower grpo.questions_per_step",
            )
        )


def _groups(rows: Sequence[EncodedPrompt]) -> tuple[list[EncodedPrompt], int]:
    """The distinct prompts, in order, and how many rows each has in succession."""
    distinct = list({id(row): row for row in rows}.values())
    n = len(rows) // len(distinct)
    if any(row is not distinct[i // n] for i, row in enumerate(rows)) or len(rows) % len(distinct):
        raise ValueError("the rows of a group must stand in succession, as many for every group")
    return distinct, n


def _group_order(rows: int, n: int) -> Tensor:
    groups = torch.randperm(rows // n)
    return (groups[:, None] * n + torch.arange(n)).flatten()


def _reordered(value: Any, order: Tensor) -> Any:  # noqa: ANN401 - tensors, lists and scalars
    if isinstance(value, list):
        return [value[i] for i in order.tolist()]
    return value[order.to(value.device)] if torch.is_tensor(value) and value.ndim else value


def _or_zeros(values: Tensor | None, unpack: Any, like: Tensor) -> Tensor:  # noqa: ANN401
    # The reference model's head does not compute entropies, and nobody asks it for them.
    return torch.zeros(like.shape, device=like.device) if values is None else unpack(values)
