"""GRPO on video.

How it differs from TRL's trainer, which it is otherwise:

* Stock GRPOTrainer drops a prompt's video from the loss without a word. Here one encoding of each
  question (ids, pixels, positions) goes through generation, reference and loss alike.
* The N answers of a group share their prompt, so the prompt is computed once (`shared_prefix.py`);
  `shared_prefix=False` repeats it for each answer (`repeated_prefix.py`), as an oracle to compare with.
* Several groups are decoded together, and no more than `questions_per_generation`: caches and pixels of
  a whole step never lie on the device at once.
* Under FSDP2 the weights are gathered once for a generation (`sharding.py`), not once a token, so that
  no process waits for one whose answers are longer.
* Batches are shuffled by group, not by row, so that a micro-batch holds whole groups.
* The reference of the KL term keeps its matrices in the type that they are multiplied in.

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
from videossr_trainers.engine.batches import check_rows, groups_of, shuffled_by_group
from videossr_trainers.engine.encoding import (
    EncodedPrompt,
    PromptBatch,
    PromptEncoder,
    place_holders,
)
from videossr_trainers.engine.repeated_prefix import generate_rows, repeat
from videossr_trainers.engine.scored_tail import scored_tail
from videossr_trainers.engine.sharding import gathered, keep_float32
from videossr_trainers.engine.shared_prefix import bare_model, generate_groups, pack
from videossr_trainers.models.matrices import quicken_patch_embedding, round_matrices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from torch.utils.data import Sampler

    from videossr_trainers.questions.data import Questions

_Row = dict[str, Any]

#: Key of the encoded prompts among the tensors of a batch: a list, one for each row, shared by group.
_PROMPTS: Final = "encoded_prompts"


class VideoGRPOTrainer(GRPOTrainer):  # type: ignore[misc] # trl is untyped
    """TRL's GRPO trainer with videos in the prompt.

    Args:
        shared_prefix: compute the prompt of a group once rather than for every answer.
        questions_per_generation: questions decoded together on a device. What is sampled from a seed
            depends on it, and not on `shared_prefix`.
        max_prompt_length: most tokens of a prompt.
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
        questions_per_generation: int = 8,
        max_prompt_length: int = 8192,
        questions: Questions | None = None,
        sampler: Callable[[int, int, int], Sampler[Any]] | None = None,
        **arguments: Any,  # noqa: ANN401 - as TRL's
    ) -> None:
        if questions is not None:
            # TRL takes nothing but a table of its own kind, and looks at its length alone.
            arguments["train_dataset"] = Table.from_dict({"prompt": [""] * len(questions)})
        args = arguments["args"]
        check_rows(
            rows_per_device=args.per_device_train_batch_size,
            rows_per_step=args.generation_batch_size,
            group=args.num_generations,
            processes=args.world_size,
            questions=len(arguments["train_dataset"]),
        )
        self.shared_prefix = shared_prefix
        self.questions_per_generation = questions_per_generation
        self.max_prompt_length = max_prompt_length
        self._make_sampler = sampler
        self.encoder = PromptEncoder(arguments["processing_class"])
        # The encoded prompts of the batch in hand, one for each row. TRL's methods between our own
        # pass on only what they know, so the prompts travel beside them.
        self._rows: list[EncodedPrompt] = []
        args.generation_kwargs = {
            # A sampled place-holder would ask for pixels that are not there.
            "suppress_tokens": place_holders(arguments["processing_class"]),
            **(args.generation_kwargs or {}),
        }
        super().__init__(**arguments)
        if questions is not None:
            self.train_dataset = questions
        if self.ref_model is not None:
            reference = self.accelerator.unwrap_model(self.ref_model)
            quicken_patch_embedding(reference)
            sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled  # these round by themselves
            if self.accelerator.mixed_precision == "bf16" and not sharded:
                round_matrices(reference)

    def create_accelerator_and_postprocess(self) -> None:
        """As ever; called before policy and reference are prepared."""
        super().create_accelerator_and_postprocess()
        keep_float32(self.accelerator)

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
        prompts = self.encoder.encode([row["sample"] for row in inputs[::n]])
        for row, prompt in zip(inputs[::n], prompts, strict=True):
            self._check_length(row, len(prompt.input_ids))
        self._rows = [prompt for prompt in prompts for _ in range(n)]
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        output[_PROMPTS] = self._rows
        return output

    def _check_length(self, row: _Row, length: int) -> None:
        if length > self.max_prompt_length:
            name = row.get("name", row["sample"].question)
            raise ConfigError(
                Mistake(
                    "grpo.max_prompt_length",
                    f"the prompt of {name} has {length} tokens, more than {self.max_prompt_length}",
                    "raise it, or lower video.num_frames or video.max_pixels",
                )
            )

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The ids are known already; what else generation needs goes through `self._rows`."""
        del prompts
        return [row.input_ids.tolist() for row in self._rows], None, {}

    def _generate_single_turn(self, *_: object, **__: object) -> tuple[list[list[int]], None]:
        groups, n = groups_of(self._rows)
        chunk = self.questions_per_generation
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
            gathered(model, reshard=self._reshards()) as whole,
            # Around all steps of the decoding, so that a weight is rounded once and not at each token.
            self.accelerator.autocast(),
        ):
            answers = [
                answer
                for start in range(0, len(groups), chunk)
                for answer in self._sample(
                    model, groups[start : start + chunk], n, synced_gpus=False if whole else None
                )
            ]
        return answers, None

    def _sample(
        self,
        model: Any,  # noqa: ANN401 - transformers is untyped
        groups: Sequence[EncodedPrompt],
        n: int,
        *,
        synced_gpus: bool | None,
    ) -> list[list[int]]:
        """N answers to each prompt, up to and with the token that ends them."""
        if self.shared_prefix:
            answers = generate_groups(
                model, self._batch(groups), n, self.generation_config, synced_gpus=synced_gpus
            )
        else:
            rows = [prompt for prompt in groups for _ in range(n)]
            answers = generate_rows(
                model, self._batch(rows), self.generation_config, synced_gpus=synced_gpus
            )
        ends = torch.isin(answers, torch.tensor(self.eos_token_ids, device=answers.device))
        kept = ends.cumsum(1) - ends.int() == 0  # up to and with the first end
        pairs = zip(answers.cpu(), kept.cpu(), strict=True)
        return [row[keep].tolist() for row, keep in pairs]

    def _reshards(self) -> bool:
        return self.is_fsdp_enabled and bool(
            self.accelerator.state.fsdp_plugin.reshard_after_forward
        )

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
        prompts = self._batch(groups_of(rows)[0] if self.shared_prefix else rows)
        lay_out = pack if self.shared_prefix else repeat
        packed = lay_out(prompts, completions, completion_mask)
        bare = self.accelerator.unwrap_model(model)
        with (
            self.accelerator.autocast(),
            scored_tail(bare, packed.targets, packed.first) as targets,
        ):
            output = model(
                **packed.inputs, **prompts.vision, shift_labels=targets, fused_lm_head=True
            )
        # The reference model's head does not compute entropies, and nobody asks it for them.
        entropy = output.log_probs.new_zeros(()) if output.entropy is None else output.entropy
        return packed.unpack(output.log_probs), packed.unpack(entropy.expand_as(output.log_probs))

    def _batch(self, prompts: Sequence[EncodedPrompt]) -> PromptBatch:
        unwrapped = self.accelerator.unwrap_model(self.model)
        bare = bare_model(unwrapped) if is_peft_model(unwrapped) else unwrapped
        batch = PromptBatch.of(prompts, bare, self._tokenizer.pad_token_id)
        return batch.to(self.accelerator.device)

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:  # noqa: ANN401
        """As TRL's, but whole groups are shuffled instead of rows."""
        if not self.model.training:
            evaluated: dict[str, Any] = super()._prepare_inputs(generation_batch)
            return evaluated
        every = self.args.steps_per_generation * self.num_iterations
        if self._step % every == 0 or self._buffered_inputs is None:
            output = self._generate_and_score_completions(generation_batch)
            shuffled = shuffled_by_group(output, len(output["prompt_ids"]), self.num_generations)
            self._buffered_inputs: Any = split_tensor_dict(shuffled, self.args.steps_per_generation)
        batch: dict[str, Any] = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return batch

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """As TRL's; under FSDP the whole model, where a checkpoint holds each process's part."""
        plugin = self.accelerator.state.fsdp_plugin if self.is_fsdp_enabled else None
        if plugin is None or _internal_call:
            super().save_model(output_dir, _internal_call)
            return
        stated = plugin.state_dict_type
        plugin.set_state_dict_type("FULL_STATE_DICT")
        try:
            super().save_model(output_dir, _internal_call)
        finally:
            plugin.set_state_dict_type(stated)
