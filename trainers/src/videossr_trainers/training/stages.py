"""The trainers of a run's two stages, fit for runs of days.

To what TRL and `grpo.py` do they add whole checkpoints that resume exactly, steps that are left out where
the loss is not finite, and errors that come out of a loader's process as they went in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trl import SFTTrainer

from videossr_trainers.engine.encoding import scaled
from videossr_trainers.engine.grpo import VideoGRPOTrainer
from videossr_trainers.engine.scored_tail import first_label, scored_tail
from videossr_trainers.engine.sharding import keep_float32
from videossr_trainers.failures import TrainingError
from videossr_trainers.questions.data import raise_failure
from videossr_trainers.training.checkpoints import WholeCheckpoints
from videossr_trainers.training.interrupts import shield_workers
from videossr_trainers.training.nonfinite import FiniteSteps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor
    from torch.utils.data import Sampler

    from videossr_trainers.training.lost import LostQuestions

#: Key of the names of the questions, one for each row, among the tensors of a batch.
_NAMES = "question_names"


class _Stage(FiniteSteps, WholeCheckpoints):
    """What both stages do alike."""

    def create_accelerator_and_postprocess(self) -> None:
        """As ever; called before a model is sharded."""
        super().create_accelerator_and_postprocess()
        keep_float32(self.accelerator)

    def get_train_dataloader(self) -> Any:  # noqa: ANN401 - accelerate is untyped
        """As ever, and its workers leave signals to this process."""
        loader = super().get_train_dataloader()
        self._loader = loader.base_dataloader
        shield_workers(self._loader)
        return loader

    def train(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - transformers is untyped
        """As ever, and ends the loader's workers.

        Left to the garbage collector, which may close their queue before it tells them to end, they are
        waited for in vain, five seconds for each (torch 2.15).
        """
        self._loader = None
        try:
            return super().train(*arguments, **named)
        finally:
            iterator = getattr(self._loader, "_iterator", None)
            if iterator is not None:
                iterator._shutdown_workers()  # noqa: SLF001 - torch has no public way

    def create_model_card(self, *_: object, **__: object) -> None:
        """None: TRL's tells of TRL, and nothing of what was trained on what."""

    def get_batch_samples(
        self,
        epoch_iterator: Iterator[Any],
        num_batches: int,
        device: Any,  # noqa: ANN401 - torch's
    ) -> tuple[list[Any], Any]:
        """The batches of a step.

        Raises:
            VideossrError: a loader's process met it.
            TrainingError: a loader's process has died.
        """
        try:
            batches: tuple[list[Any], Any] = super().get_batch_samples(
                map(raise_failure, epoch_iterator), num_batches, device
            )
        except RuntimeError as error:
            if "DataLoader worker" not in str(error) or "Traceback" in str(error):
                raise
            raise TrainingError(
                f"a process that renders questions has died ({str(error).split('.')[0]}); it may have "
                "run out of memory: lower grpo.loader_workers, and go on with --resume"
            ) from error
        return batches


class WarmStartStage(_Stage, SFTTrainer):  # type: ignore[misc] # trl is untyped
    """The supervised steps.

    Args:
        sampler: the order of the rows of the table.
        arguments: those of the trainers below.
    """

    def __init__(self, *, sampler: Sampler[int], **arguments: Any) -> None:  # noqa: ANN401
        self._sampler = sampler
        super().__init__(**arguments)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:  # noqa: ANN401 - datasets'
        """Ours: transformers' would shuffle a curriculum."""
        del train_dataset
        return self._sampler

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """As ever, of pixels that came as bytes; before it, so that DeepSpeed's type is theirs too."""
        pixels = scaled(inputs["pixel_values_videos"])
        prepared: dict[str, Any] = super()._prepare_inputs(
            {**inputs, "pixel_values_videos": pixels}
        )
        return prepared

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401 - transformers is untyped
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """As ever, and on a CPU nothing is made of the prompts' positions, unless outputs are asked for."""
        labels = inputs["labels"]
        if return_outputs or labels.device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        start = max(0, first_label(labels) - 1)  # each position predicts the next
        with scored_tail(self.accelerator.unwrap_model(model), labels, start) as tail:
            return super().compute_loss(
                model, {**inputs, "labels": tail}, num_items_in_batch=num_items_in_batch
            )

    def training_step(self, *arguments: Any, **named: Any) -> Tensor:  # noqa: ANN401 - transformers'
        """As ever, counting tokens where a checkpoint keeps them; TRL's own count begins anew."""
        self._total_train_tokens = self.state.num_input_tokens_seen
        loss = super().training_step(*arguments, **named)
        self.state.num_input_tokens_seen = self._total_train_tokens
        return loss


class GrpoStage(_Stage, VideoGRPOTrainer):
    """The steps by reward.

    Args:
        lost: told of the questions that were lost.
        arguments: those of the trainers below.
    """

    def __init__(self, *, lost: LostQuestions, **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**arguments)
        self._lost_questions = lost
        self._asked: list[str] = []
        self.callback_handler.callbacks.insert(0, lost)  # before those that read what is logged

    def asked_questions(self) -> Iterable[str]:
        """The questions of the generation batch in hand."""
        return self._asked

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._lost_questions.note(inputs)
        names = [row["name"] for row in inputs]
        self._asked = list(dict.fromkeys(names))
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        output[_NAMES] = names
        return output

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:  # noqa: ANN401
        names = dict.fromkeys(inputs[_NAMES])
        loss = super()._compute_loss(model, inputs)
        if not loss.isfinite().all():
            self.suspects += names
            if self.is_deepspeed_enabled:  # the backward pass would take the step at once
                raise TrainingError(
                    f"step {self.state.global_step + 1}: the loss is not finite, in {'; '.join(names)}; "
                    "the last checkpoint is older; lower grpo.learning_rate, or look at this question"
                )
        return loss
