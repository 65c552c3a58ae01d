"""Video reaches generation, reference and loss, and the shared prefix changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_questions import MakeTrainer, questions, random_clip

from videossr import ConfigError, Sample
from videossr_trainers.engine import shared_prefix
from videossr_trainers.sections import LoraSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr_trainers.engine.encoding import PromptBatch
    from videossr_trainers.engine.grpo import VideoGRPOTrainer
    from videossr_trainers.engine.shared_prefix import PackedGroups

N = 4


def rows(samples: list[Sample]) -> list[dict[str, Any]]:
    """A generation batch as the loader gives it: every question N times in succession."""
    return [
        {"prompt": [{"role": "user", "content": s.question}], "sample": s, "answer": s.answer}
        for s in samples
        for _ in range(N)
    ]


def rollouts(trainer: VideoGRPOTrainer, samples: list[Sample], *, seed: int = 11) -> dict[str, Any]:
    """Sampled answers with their rewards, from one seed."""
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    torch.manual_seed(seed)
    return trainer._generate_and_score_completions(rows(samples))


def loss_and_gradients(
    trainer: VideoGRPOTrainer, batch: dict[str, Any]
) -> tuple[float, dict[str, Tensor]]:
    """The loss of a batch and the gradient of every weight."""
    trainer.model.train()
    trainer.model.zero_grad(set_to_none=True)
    loss = trainer._compute_loss(trainer.model, batch)
    loss.backward()
    gradients = {
        name: weight.grad.clone()
        for name, weight in trainer.model.named_parameters()
        if weight.grad is not None
    }
    return float(loss.detach()), gradients


def wake(trainer: VideoGRPOTrainer) -> None:
    """Give an adapter something to say: as it is made, it changes nothing."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name:
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))


def log_probabilities(trainer: VideoGRPOTrainer, batch: dict[str, Any]) -> Tensor:
    """Log-probabilities of a batch's answers under the policy, padding at zero."""
    trainer._rows = batch["encoded_prompts"]
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    with torch.no_grad():
        logps, _, _ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, batch["completion_ids"].shape[1]
        )
    return logps * batch["completion_mask"]


def distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """How far apart two sets of gradients are, where it is most: relative to the second's largest entry.

    Tensor by tensor, so that no error hides in one whose gradients are small.
    """
    assert ours.keys() == theirs.keys()
    apart = {}
    for name, gradient in theirs.items():
        most = float((ours[name] - gradient).abs().max())
        apart[name] = most and most / max(float(gradient.abs().max()), 1e-12)
    return max(apart.values())


def with_other_pixels(sample: Sample) -> Sample:
    """The same prompt, times and answer, other pictures."""
    clips = tuple(
        clip.with_frames(
            random_clip(90 + i, frames=len(clip), height=clip.height, width=clip.width).frames
        )
        for i, clip in enumerate(sample.clips)
    )
    return replace(sample, clips=clips)


def effect_of_pixels(trainer: VideoGRPOTrainer) -> tuple[float, float]:
    """How much other pixels change the log-probabilities and the gradients of the same answers."""
    batch = rollouts(trainer, questions()[:2])
    other = [with_other_pixels(s) for s in questions()[:2]]
    encoded = [prompt for prompt in trainer.encoder.encode(other) for _ in range(N)]
    swapped = batch | {"encoded_prompts": encoded}
    # The advantages of a group may all be zero, and then so is every gradient.
    batch["advantages"] = swapped["advantages"] = torch.linspace(-1, 1, 2 * N)
    seen, unseen = log_probabilities(trainer, batch), log_probabilities(trainer, swapped)
    gradients = loss_and_gradients(trainer, batch)[1], loss_and_gradients(trainer, swapped)[1]
    return float((seen - unseen).abs().max()), distance(*gradients)


@pytest.mark.parametrize("shared", [True, False])
def test_other_pixels_change_log_probabilities_and_gradients(
    make_trainer: MakeTrainer, shared: bool
) -> None:
    """The policy sees the video: with other pictures it thinks and learns something else."""
    logps, gradients = effect_of_pixels(make_trainer(shared_prefix=shared))
    assert logps > 1e-2
    assert gradients > 1e-2


@pytest.mark.parametrize("shared", [True, False])
def test_without_the_vision_tower_pixels_change_nothing(
    make_trainer: MakeTrainer, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: with the tower cut off, what it measures is zero."""
    trainer = make_trainer(shared_prefix=shared)
    tower = trainer.model.model.visual
    stock = tower.forward

    def blind(pixels: Tensor, *args: object, **kwargs: object) -> object:
        return stock(torch.zeros_like(pixels), *args, **kwargs)

    monkeypatch.setattr(tower, "forward", blind)
    assert effect_of_pixels(trainer) == (0.0, 0.0)


def test_vision_weights_get_gradients(make_trainer: MakeTrainer) -> None:
    """The loss reaches the vision tower's first layer."""
    trainer = make_trainer()
    batch = rollouts(trainer, questions()[:2])
    batch["advantages"] = torch.linspace(-1, 1, 2 * N)
    gradients = loss_and_gradients(trainer, batch)[1]
    assert float(gradients["model.visual.patch_embed.proj.weight"].abs().max()) > 0


CHECKPOINTING = pytest.mark.parametrize(
    "checkpointing", [False, True], ids=["plain", "checkpointing"]
)
LORA = pytest.mark.parametrize("lora", [None, LoraSection(rank=4)], ids=["full", "lora"])
#: One question, prompts of unequal length side by side, one of several clips, all kinds together.
WHICH = pytest.mark.parametrize(
    "which", [[0], [0, 1], [2], [1, 2, 3]], ids=["one", "padded", "clips", "mixed"]
)


@LORA
@WHICH
@pytest.mark.parametrize("together", [1, 2, 8])
def test_shared_prefix_samples_the_same_answers(
    make_trainer: MakeTrainer, which: list[int], together: int, lora: LoraSection | None
) -> None:
    """From one seed both paths sample the same answers and see the same reference.

    However many questions are decoded together; the last chunk may be smaller.
    """
    samples = [questions()[i] for i in which]
    batches = []
    for shared in (True, False):
        trainer = make_trainer(shared_prefix=shared, questions_per_generation=together, lora=lora)
        wake(trainer)
        batches.append(rollouts(trainer, samples))
    ours, theirs = batches
    assert torch.equal(ours["completion_ids"], theirs["completion_ids"])
    torch.testing.assert_close(
        ours["ref_per_token_logps"] * ours["completion_mask"],
        theirs["ref_per_token_logps"] * theirs["completion_mask"],
        rtol=1e-4,
        atol=1e-5,
    )


@LORA
@CHECKPOINTING
@WHICH
def test_shared_prefix_gives_the_same_log_probabilities_loss_and_gradients(
    make_trainer: MakeTrainer, which: list[int], checkpointing: bool, lora: LoraSection | None
) -> None:
    """Log-probabilities, loss and all gradients agree with the repeated path to float32's accuracy."""
    trainer = make_trainer(gradient_checkpointing=checkpointing, lora=lora)
    wake(trainer)
    batch = rollouts(trainer, [questions()[i] for i in which])
    batch["advantages"] = torch.linspace(-1, 1, len(which) * N)
    logps = log_probabilities(trainer, batch)
    loss, gradients = loss_and_gradients(trainer, batch)
    trainer.shared_prefix = False
    torch.testing.assert_close(logps, log_probabilities(trainer, batch), rtol=1e-4, atol=1e-5)
    expected_loss, expected = loss_and_gradients(trainer, batch)
    assert loss == pytest.approx(expected_loss, rel=1e-4, abs=1e-6)
    assert distance(gradients, expected) < 1e-5


@LORA
@pytest.mark.parametrize("shared", [True, False])
def test_the_head_is_given_the_answers_alone(
    make_trainer: MakeTrainer, shared: bool, lora: LoraSection | None
) -> None:
    """Of a prompt, which is many times longer, nothing is predicted."""
    trainer = make_trainer(shared_prefix=shared, lora=lora)
    batch = rollouts(trainer, questions()[:1])
    longest = batch["completion_ids"].shape[1]
    outputs: list[Any] = []
    trainer.model.register_forward_hook(lambda _model, _given, output: outputs.append(output))
    logps = log_probabilities(trainer, batch)
    scored = N * longest if shared else longest + 1
    assert [scored] == [output.log_probs.shape[1] for output in outputs]
    assert bool((logps[:, 0] < 0).all())


def test_answers_without_a_first_token_to_score_keep_their_places(
    make_trainer: MakeTrainer,
) -> None:
    """As where TRL leaves answers that were cut off out of the loss."""
    trainer = make_trainer()
    batch = rollouts(trainer, questions()[:1])
    whole = log_probabilities(trainer, batch)
    batch["completion_mask"][0] = 0
    masked = log_probabilities(trainer, batch)
    assert whole.shape == masked.shape
    torch.testing.assert_close(masked[1:], whole[1:], rtol=1e-4, atol=1e-5)
    assert not masked[0].any()


def leak(packed: PackedGroups) -> PackedGroups:
    """Lets each branch see the branches before it."""
    return replace(packed, attention_mask=torch.ones_like(packed.attention_mask).tril())


def running_positions(packed: PackedGroups) -> PackedGroups:
    """Numbers the branches on, as if they were one answer."""
    positions = packed.positions.clone()
    first = positions.shape[2] - packed.branches * packed.branch_length
    count = torch.arange(positions.shape[2] - first)
    positions[:, :, first:] = positions[:, :, first : first + 1] + count
    return replace(packed, positions=positions)


def flat_positions(packed: PackedGroups) -> PackedGroups:
    """Numbers the tokens of a frame one by one, as if they were text."""
    flat = torch.arange(packed.positions.shape[2]).expand_as(packed.positions)
    return replace(packed, positions=flat)


@pytest.mark.parametrize("error", [leak, running_positions, flat_positions])
def test_planted_errors_are_caught(
    make_trainer: MakeTrainer,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[PackedGroups], PackedGroups],
) -> None:
    """The comparison can fail: three wrong ways to pack move the gradients by far more than it allows."""
    trainer = make_trainer()
    batch = rollouts(trainer, questions()[:2])
    batch["advantages"] = torch.linspace(-1, 1, 2 * N)
    expected = loss_and_gradients(trainer, batch)[1]
    monkeypatch.setattr(
        "videossr_trainers.engine.grpo.pack",
        lambda *arguments: error(shared_prefix.pack(*arguments)),
    )
    assert distance(loss_and_gradients(trainer, batch)[1], expected) > 1e-2


@LORA
@CHECKPOINTING
def test_training_is_the_same_step_by_step(
    make_trainer: MakeTrainer, checkpointing: bool, lora: LoraSection | None
) -> None:
    """Over three optimizer steps loss, KL, entropy, gradient norm and reward agree."""
    logs = {}
    for shared in (True, False):
        trainer = make_trainer(
            shared_prefix=shared, max_steps=3, gradient_checkpointing=checkpointing, lora=lora
        )
        trainer.train()
        logs[shared] = trainer.state.log_history[:-1]
    assert len(logs[True]) == 3
    assert logs[True][2]["kl"] > 0
    for ours, theirs in zip(logs[True], logs[False], strict=True):
        for name in ("loss", "kl", "entropy", "grad_norm", "reward"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3, abs=1e-5), name


def test_no_more_questions_are_decoded_together_than_stated(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four questions, three at a time: the caches of three and of one, never of four."""
    sizes = []

    def counted(model: object, prompts: PromptBatch, *rest: Any, **named: Any) -> Tensor:  # noqa: ANN401
        sizes.append(len(prompts.input_ids))
        return shared_prefix.generate_groups(model, prompts, *rest, **named)

    monkeypatch.setattr("videossr_trainers.engine.grpo.generate_groups", counted)
    rollouts(make_trainer(questions_per_generation=3), questions())
    assert [3, 1] == sizes


def test_too_long_a_prompt_names_the_question(make_trainer: MakeTrainer) -> None:
    """The error gives the question, its length, and what to change."""
    trainer = make_trainer(max_prompt_length=40)
    with pytest.raises(
        ConfigError, match=r"the prompt of When does .* has \d+ tokens, more than 40"
    ):
        rollouts(trainer, questions()[:2])


def test_a_rounded_reference_gives_the_same_log_probabilities_to_the_bit(
    make_trainer: MakeTrainer,
) -> None:
    """Where products are in bfloat16, a reference whose matrices are kept in it loses nothing."""
    trainer = make_trainer(bf16=True)
    matrix = trainer.ref_model.model.language_model.layers[0].mlp.up_proj.weight
    assert matrix.dtype == torch.bfloat16
    batch = rollouts(trainer, questions()[:2])
    # The policy has not moved yet, and its weights are float32.
    assert torch.equal(
        batch["ref_per_token_logps"] * batch["completion_mask"], log_probabilities(trainer, batch)
    )


def test_place_holders_are_never_sampled(make_trainer: MakeTrainer) -> None:
    """No answer holds a token that stands for pixels, however likely the model finds it."""
    trainer = make_trainer()
    pad = trainer.processing_class.tokenizer.convert_tokens_to_ids("<|video_pad|>")
    with torch.no_grad():  # tied weights: a large embedding makes the token likely
        trainer.model.get_input_embeddings().weight[pad].mul_(50)
    assert not bool((rollouts(trainer, questions()[:2])["completion_ids"] == pad).any())


def test_too_few_questions_are_refused_with_the_arithmetic(make_trainer: MakeTrainer) -> None:
    """TRL would train no step at all on fewer questions than a generation batch."""
    with pytest.raises(
        ConfigError, match=r"2 questions .*: 4 questions .* = 16 rollouts, .* 2 x 4 = 8"
    ):
        make_trainer(samples=questions()[:2])


def test_micro_batches_hold_whole_groups(make_trainer: MakeTrainer) -> None:
    """A micro-batch that would tear a group apart is refused."""
    with pytest.raises(ConfigError, match="6 rows do not hold whole groups of 4"):
        make_trainer(
            per_device_train_batch_size=6, generation_batch_size=12, gradient_accumulation_steps=2
        )


def test_rewards_reach_their_own_group(make_trainer: MakeTrainer) -> None:
    """After the shuffle every row still has its own prompt beside its advantage."""
    trainer = make_trainer()
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 2
    batches = [trainer._prepare_inputs(rows(questions()))]
    trainer._step = 1
    batches.append(trainer._prepare_inputs(rows(questions())))
    seen = []
    for batch in batches:
        for row, ids, mask in zip(
            batch["encoded_prompts"], batch["prompt_ids"], batch["prompt_mask"], strict=True
        ):
            assert torch.equal(ids[mask.bool()], row.input_ids)
        advantages = batch["advantages"].view(-1, N)
        torch.testing.assert_close(
            advantages.sum(1), torch.zeros(len(advantages)), atol=1e-5, rtol=0
        )
        seen += [tuple(row.input_ids.tolist()) for row in batch["encoded_prompts"][::N]]
    assert len(set(seen)) == len(questions())
