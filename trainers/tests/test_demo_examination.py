"""What a model is shown under each condition, and greedy answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from plain_recipes import plain_recipe
from tiny_questions import questions, random_clip

from videossr import ConfigError, Sample
from videossr.sample import question_prompt
from videossr_trainers.bench.conditions import strangers
from videossr_trainers.demo.examination import answer_questions, shown_under
from videossr_trainers.models.load import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.dataset import Recipe


def question(seed: int, answer: str, *, frames: int = 4, width: int = 64) -> Sample:
    """A question about one clip of noise."""
    return Sample(
        question_prompt(None, "?"), (random_clip(seed, frames=frames, width=width),), answer
    )


def about(samples: Sequence[Sample], *videos: str, task: str = "a") -> list[Recipe]:
    """Recipes of samples, as far as a control looks at them."""
    return [
        plain_recipe(task, number, video_hash=video, answer=sample.answer)
        for number, (sample, video) in enumerate(zip(samples, videos, strict=True))
    ]


def test_sighted_is_the_sample_itself() -> None:
    """Nothing is changed for the sighted condition."""
    samples = questions()[:2]
    assert shown_under("sighted", samples, about(samples, "1", "2")) == samples


def test_blind_is_grey_and_nothing_else() -> None:
    """Blind frames are all grey; prompt, times, size and answer stay."""
    samples = [question(0, "1")]
    (sample,) = shown_under("blind", samples, about(samples, "1"))
    (clip,) = sample.clips
    assert bool((clip.frames == 128).all())
    assert torch.equal(clip.times, random_clip(0).times)
    assert sample.answer == "1"


def test_wrong_video_is_that_of_another_answer_of_the_task() -> None:
    """The next question of the same task with another answer lends its frames, not its times."""
    samples = [question(0, "1"), question(1, "1"), question(2, "2")]
    shown = shown_under("wrong_video", samples, about(samples, "1", "2", "3"))
    for borrower, lender in ((0, 2), (1, 2), (2, 0)):
        (clip,), (own,), (lent,) = (
            one.clips for one in (shown[borrower], samples[borrower], samples[lender])
        )
        assert torch.equal(clip.frames, lent.frames)
        assert torch.equal(clip.times, own.times)
        assert shown[borrower].answer == samples[borrower].answer


@pytest.mark.parametrize(
    ("videos", "lenders"),
    [
        # The third has another answer too, but it shows the first's video, so the fourth lends.
        ("1112", [3, 3, 3, 0]),
        # Rather another video with the same answer than the same video with another one.
        ("1211", [1, 2, 1, 1]),
        ("1111", [2, 2, 3, 0]),
    ],
    ids=["another answer", "another video first", "one video alone"],
)
def test_wrong_video_is_another_video(videos: str, lenders: list[int]) -> None:
    """Another question about the same video shows what the borrower asks about: it lends last of all."""
    samples = [question(0, "1"), question(1, "1"), question(2, "2"), question(3, "9")]
    assert lenders == strangers(about(samples, *videos), one_video=True)


def test_a_task_of_one_question_has_no_wrong_video() -> None:
    """Another task's video would not be the control that it claims to be, so this is refused."""
    samples = [question(0, "1"), question(1, "2")]
    recipes = [*about(samples[:1], "1", task="b"), *about(samples[1:], "2")]
    with pytest.raises(ConfigError, match="wrong_video: all questions of b are about one video"):
        shown_under("wrong_video", samples, recipes)


def test_borrowed_frames_take_the_borrowers_shape() -> None:
    """Frames of another number and size are spread and scaled to fit the borrower's."""
    samples = [question(0, "1", frames=4), question(1, "2", frames=8, width=32)]
    first, second = shown_under("wrong_video", samples, about(samples, "1", "2"))
    assert first.clips[0].frames.shape == samples[0].clips[0].frames.shape
    assert torch.equal(first.clips[0].times, samples[0].clips[0].times)
    # The shorter clip's frames stand for the longer one's, first to last.
    assert second.clips[0].frames.shape == samples[1].clips[0].frames.shape


def test_greedy_answers_do_not_depend_on_the_batch(tiny_folder: Path) -> None:
    """Each sample's answer is the same alone and beside others, and from run to run."""
    model, processor = load_model(str(tiny_folder))
    alone = list(answer_questions(model, processor, questions(), max_new_tokens=6, batch_size=1))
    together = list(answer_questions(model, processor, questions(), max_new_tokens=6))
    assert together == alone
    assert len(alone) == len(questions())


def test_a_training_model_goes_on_training(tiny_folder: Path) -> None:
    """An examination leaves the model in the mode it was in."""
    model, processor = load_model(str(tiny_folder))
    model.train()
    list(answer_questions(model, processor, questions()[:1], max_new_tokens=2))
    assert model.training
