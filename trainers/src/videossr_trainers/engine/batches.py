"""Batches of whole groups: the checks that they divide, and the order that keeps groups together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_Row = TypeVar("_Row")


def check_rows(
    *, rows_per_device: int, rows_per_step: int, group: int, processes: int, questions: int
) -> None:
    """Refuse batch sizes that do not divide, and datasets too small for one generation batch.

    Args:
        rows_per_device: rollouts in one forward and backward pass of a process.
        rows_per_step: rollouts of a generation batch, over all processes.
        group: rollouts of a question.

    Raises:
        ConfigError: with the arithmetic. TRL itself would tear groups apart, or train no step at all,
            and not say so.
    """
    mistakes = []
    if rows_per_device % group:
        mistakes.append(
            Mistake(
                "per_device_train_batch_size",
                f"{rows_per_device} rows do not hold whole groups of {group}",
                f"must be a multiple of {group}",
            )
        )
    per_device, per_step = rows_per_device // group, rows_per_step // group
    at_once = per_device * processes
    if rows_per_step % (rows_per_device * processes):
        mistakes.append(
            Mistake(
                "grpo.questions_per_step",
                f"{per_step} is no multiple of {per_device} questions "
                f"a device x {counted(processes, 'process', 'processes')} = {at_once}",
                "choose a multiple",
            )
        )
    if questions < per_step:
        mistakes.append(
            Mistake(
                "dataset",
                f"{questions} questions are fewer than one generation batch: "
                f"{per_step} questions a step x {group} rollouts = "
                f"{rows_per_step} rollouts, the dataset gives {questions} x {group} = "
                f"{questions * group}",
                "build more questions, or lower grpo.questions_per_step",
            )
        )
    if mistakes:
        raise ConfigError(mistakes)


def groups_of(rows: Sequence[_Row]) -> tuple[list[_Row], int]:
    """The distinct objects among rows, in order, and how many rows each has in succession.

    Raises:
        ValueError: groups of unequal size, or torn apart.
    """
    distinct = list({id(row): row for row in rows}.values())
    n = len(rows) // len(distinct)
    if any(row is not distinct[i // n] for i, row in enumerate(rows)) or len(rows) % len(distinct):
        raise ValueError("the rows of a group must stand in succession, as many for every group")
    return distinct, n


def shuffled_by_group(batch: dict[str, Any], rows: int, n: int) -> dict[str, Any]:
    """The rows of every tensor and list in another order, whole groups of `n` at a time."""
    groups = torch.randperm(rows // n)
    order = (groups[:, None] * n + torch.arange(n)).flatten()
    return {key: _reordered(value, order) for key, value in batch.items()}


def _reordered(value: Any, order: Tensor) -> Any:  # noqa: ANN401 - tensors, lists and scalars
    if isinstance(value, list):
        return [value[i] for i in order.tolist()]
    return value[order.to(value.device)] if torch.is_tensor(value) and value.ndim else value
