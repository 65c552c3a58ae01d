"""The head is given the positions that are scored, and what comes of them is what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_questions import questions
from trl.trainer.utils import add_fused_lm_head

from videossr_trainers.engine.encoding import scaled
from videossr_trainers.engine.scored_tail import first_label, scored_tail
from videossr_trainers.models.load import load_model
from videossr_trainers.training.warm_start import AnswerCollator

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@pytest.fixture
def model_and_batch(tiny_folder: Path) -> tuple[Any, dict[str, Tensor]]:
    """A model with TRL's head, and questions with answers of several lengths."""
    model, processor = load_model(str(tiny_folder))
    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    rows = [{"sample": sample} for sample in (questions()[0], questions()[2])]
    batch = AnswerCollator(processor)(rows)
    return model, {**batch, "pixel_values_videos": scaled(batch["pixel_values_videos"])}


def gradients(model: Any) -> dict[str, Tensor]:  # noqa: ANN401 - transformers is untyped
    """Of every weight that has one, which is then forgotten."""
    found = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("shifted", [False, True])
def test_the_tail_is_scored_as_it_was(
    model_and_batch: tuple[Any, dict[str, Tensor]], shifted: bool
) -> None:
    """Log-probabilities, entropies, loss and gradients are those of a head that is given all positions."""
    model, batch = model_and_batch
    labels = batch.pop("labels")
    start = first_label(labels) - 1
    if shifted:
        labels = torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], -100)], 1)
    name = "shift_labels" if shifted else "labels"
    expected = model(**batch, **{name: labels}, fused_lm_head=True)
    expected.loss.backward()
    wanted = gradients(model)
    with scored_tail(model, labels, start) as tail:
        found = model(**batch, **{name: tail}, fused_lm_head=True)
        found.loss.backward()
    assert labels.shape[1] - start == tail.shape[1]
    assert 5 * tail.shape[1] < labels.shape[1]
    scored = found.log_probs.shape[1]
    assert tail.shape[1] - (not shifted) == scored
    for field in ("log_probs", "entropy"):
        whole = expected[field][:, -scored:]
        torch.testing.assert_close(found[field], whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.loss, expected.loss, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients(model), wanted, rtol=1e-3, atol=1e-5)
    assert wanted


def test_the_model_is_whole_again(model_and_batch: tuple[Any, dict[str, Tensor]]) -> None:
    """After the block, also where there was an error in it."""
    model, batch = model_and_batch
    labels = batch.pop("labels")
    length = labels.shape[1]

    def positions() -> int:
        return int(model(**batch).logits.shape[1])

    def interrupted() -> None:
        with scored_tail(model, labels, length - 3):
            assert 3 == positions()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert length == positions()


def test_elsewhere_all_positions_are_left(model_and_batch: tuple[Any, dict[str, Tensor]]) -> None:
    """On a GPU TRL's own head picks those that are scored."""
    targets = torch.empty(2, 9, dtype=torch.int64, device="meta")
    with scored_tail(model_and_batch[0], targets, 4) as tail:
        assert tail is targets


@pytest.mark.parametrize(
    ("labels", "first"), [([[-100, -100, 5], [-100, 7, 5]], 1), ([[-100, -100]], 0)]
)
def test_the_first_label_of_any_row(labels: list[list[int]], first: int) -> None:
    """Of rows that are filled up on the left; the first position where there is no label at all."""
    assert first == first_label(torch.tensor(labels))
