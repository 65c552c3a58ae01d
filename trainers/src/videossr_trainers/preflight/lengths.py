"""Do the tokens add up, and does the longest prompt fit?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr.finding import Finding
from videossr.wording import counted
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from videossr_trainers.engine.encoding import EncodedPrompt
    from videossr_trainers.preflight.subject import Subject


def tokens(subject: Subject) -> Finding:
    """Each video has as many place-holders as its grid makes tokens."""
    merged = int(subject.processor.video_processor.merge_size) ** 2
    place = subject.model.config.video_token_id
    most = 0
    for asked, prompt in zip(subject.asked, subject.prompts, strict=True):
        wanted = [t * [h * w // merged] for t, h, w in prompt.grid.tolist()]
        expected = [count for video in wanted for count in video]
        found = runs(prompt, place)
        most = max(most, sum(found))
        if found == expected and int((prompt.token_types != 0).sum()) == sum(expected):
            continue
        return Finding(
            "tokens",
            "fault",
            f"{asked.recipe.name}: {sum(found)} place-holders in {len(found)} runs; the grids "
            f"{prompt.grid.tolist()} make {sum(expected)} tokens in {len(expected)} runs "
            f"(patches / {merged})",
            "the model puts one of the vision tower's outputs at each place-holder; they must be as many",
            "use the model's own processor files, of the same revision as its weights",
        )
    return Finding(
        "tokens",
        "ok",
        f"{counted(len(subject.prompts), 'prompt')}: as many place-holders as grids make tokens, "
        f"{most} at most",
        "the model puts one of the vision tower's outputs at each place-holder",
        "",
        {"most": most},
    )


def runs(prompt: EncodedPrompt, token: int) -> list[int]:
    """How many of a token stand in succession, each time."""
    lengths, before = [], None
    for one in prompt.input_ids.tolist():
        if one == token:
            if before == token:
                lengths[-1] += 1
            else:
                lengths.append(1)
        before = one
    return lengths


def prompt_length(subject: Subject) -> Finding:
    """The longest prompt, and an answer of the greatest length after it, fit the model."""
    grpo = subject.config.section(GrpoSection)
    room = int(subject.model.config.get_text_config().max_position_embeddings)
    longest = max(range(len(subject.prompts)), key=lambda i: len(subject.prompts[i].input_ids))
    prompt, asked = subject.prompts[longest], subject.asked[longest]
    length, answer = len(prompt.input_ids), grpo.max_completion_length
    vision = int((prompt.token_types != 0).sum())
    figures = {"longest": length, "vision": vision, "answer": answer, "room": room}
    said = (
        f"the longest of {counted(len(subject.prompts), 'prompt')} has {length} tokens, "
        f"{vision} of them video ({asked.recipe.name})"
    )
    shorten = "lower video.num_frames or video.max_pixels and build the dataset again"
    if length > grpo.max_prompt_length:
        return Finding(
            "prompt length",
            "fault",
            f"{said}; grpo.max_prompt_length is {grpo.max_prompt_length}",
            "a prompt that is cut loses video, and its place-holders no longer match",
            f"raise grpo.max_prompt_length, or {shorten}",
            figures,
        )
    if length + answer > room:
        return Finding(
            "prompt length",
            "fault",
            f"{said}; with an answer of {answer} that is {length + answer}, and the model has "
            f"{room} positions",
            "beyond its positions a model has learnt nothing",
            f"lower grpo.max_completion_length to {max(1, room - length)} or less, or {shorten}",
            figures,
        )
    return Finding(
        "prompt length",
        "ok",
        f"{said}; with an answer of {answer} that is {length + answer} of {room} positions",
        "nothing is cut",
        "",
        figures,
    )
