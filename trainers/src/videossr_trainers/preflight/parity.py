"""Does the model read what its own processor would write, and is that what the rollouts start from?

The run encodes prompts itself, and generation, reference and loss start from the same ids and patches.
So parity is a matter of one comparison: ours against the processor that comes with the model, told the
frames' real times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from transformers.video_utils import VideoMetadata

from videossr.finding import Finding, worst
from videossr.wording import counted
from videossr_trainers.engine.encoding import PLACE, WRAPPED_PLACE, scaled

if TYPE_CHECKING:
    from videossr_trainers.engine.encoding import EncodedPrompt
    from videossr_trainers.preflight.subject import Asked, Subject

_REMEDY: Final = "use the model's own processor files, of the same revision as its weights"

#: By which scaled pixels may differ: less than half a grey level of 255, in [-1, 1].
_SAME_PIXEL: Final = 1e-3


def processor(subject: Subject) -> Finding:
    """Chat template, special tokens, ids, patches and grid are those of the model's own processor."""
    words = worst(*_special_tokens(subject), _end_of_answer(subject), _two_templates(subject))
    if words.state == "fault":
        return words
    try:
        prompts = subject.encoded
    except ValueError as error:
        return _refused(subject, error)
    for asked, prompt in zip(subject.asked, prompts, strict=True):
        difference = _difference(asked, prompt, subject)
        if difference:
            return difference
    if words.state != "ok":
        return words
    tokens = sum(len(prompt.input_ids) for prompt in prompts)
    return Finding(
        "processor",
        "ok",
        f"{counted(len(prompts), 'prompt')}, {counted(tokens, 'token')}: ids, token types, "
        "grids and pixels as the model's own processor makes them",
        "rollouts, reference and loss all read what the model was trained to read",
    )


def _refused(subject: Subject, error: ValueError) -> Finding:
    """Why the encoder does not follow this processor."""
    video = subject.processor.video_processor
    if [*video.image_mean, *video.image_std] != [0.5] * 6:
        grey = (255 / 255 - video.image_mean[0]) / video.image_std[0]
        return Finding(
            "processor",
            "fault",
            f"the processor scales pixels by image_mean {list(video.image_mean)} and image_std "
            f"{list(video.image_std)}, so that white becomes {grey:.3f}; Qwen3-VL was trained with "
            "0.5 throughout, where white is 1.000",
            "pictures of another brightness and contrast than the model knows",
            f"edit the model's preprocessor_config.json or video_preprocessor_config.json, or {_REMEDY}",
        )
    template = subject.processor.apply_chat_template(
        list(subject.asked[0].sample.prompt), add_generation_prompt=True, tokenize=False
    )
    if WRAPPED_PLACE not in template:
        return Finding(
            "processor",
            "fault",
            f"the chat template drops the video: of {len(subject.asked[0].sample.clips)} clips it "
            f"leaves {_excerpt(template)!r}, without any {WRAPPED_PLACE}",
            "the model would answer without having seen a picture",
            f"its chat template must know content parts of type video: {_REMEDY}",
        )
    return Finding("processor", "fault", str(error), "prompts cannot be encoded", _REMEDY)


def _special_tokens(subject: Subject) -> list[Finding]:
    """Place-holders of the tokenizer are those that the model looks for."""
    tokenizer, config = subject.processor.tokenizer, subject.model.config
    found = []
    for name, field in (
        (PLACE, "video_token_id"),
        ("<|image_pad|>", "image_token_id"),
        ("<|vision_start|>", "vision_start_token_id"),
        ("<|vision_end|>", "vision_end_token_id"),
    ):
        ours, models = tokenizer.convert_tokens_to_ids(name), getattr(config, field, None)
        if models is not None and ours != models:
            found.append(
                Finding(
                    "processor",
                    "fault",
                    f"{name} is token {ours} in the tokenizer, and the model's {field} is {models}",
                    "the model would not find the place of the pictures",
                    _REMEDY,
                )
            )
    rows = subject.model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        found.append(
            Finding(
                "processor",
                "fault",
                f"the tokenizer has {len(tokenizer)} tokens, the model {rows} embeddings",
                "some tokens have no embedding",
                _REMEDY,
            )
        )
    return found


def _end_of_answer(subject: Subject) -> Finding:
    """Generation stops where the chat template ends an answer, and pads with the tokenizer's token."""
    tokenizer = subject.processor.tokenizer
    stated = subject.model.generation_config.eos_token_id
    stops = {stated} if isinstance(stated, int) else {*(stated or ())}
    said = "42"
    chat = [
        {"role": "user", "content": [{"type": "text", "text": "?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": said}]},
    ]
    text: str = subject.processor.apply_chat_template(chat, tokenize=False)
    after = tokenizer(text.rpartition(said)[2])["input_ids"] if said in text else []
    if tokenizer.eos_token_id not in stops:
        return Finding(
            "processor",
            "fault",
            f"the tokenizer's end token {tokenizer.eos_token!r} is {tokenizer.eos_token_id}, and the "
            f"model's generation_config stops at {sorted(stops)}",
            "answers would be cut where the model does not end them, or go on for ever",
            f"set eos_token_id in generation_config.json; or {_REMEDY}",
        )
    if after and after[0] not in stops:
        return Finding(
            "processor",
            "fault",
            f"the chat template ends an answer with {tokenizer.decode(after[:1])!r} ({after[0]}), and "
            f"generation stops at {sorted(stops)}",
            "an answer that is complete would go on until it is cut",
            f"set eos_token_id in generation_config.json; or {_REMEDY}",
        )
    pads = {tokenizer.pad_token_id, subject.model.generation_config.pad_token_id} - {None}
    if len(pads) != 1:
        return Finding(
            "processor",
            "warning",
            f"the pad token is {tokenizer.pad_token_id} in the tokenizer and "
            f"{subject.model.generation_config.pad_token_id} in generation_config.json",
            "what fills up a batch could be taken for an answer's words elsewhere; here the "
            "tokenizer's counts",
            _REMEDY,
        )
    return Finding("processor", "ok", "")


def _two_templates(subject: Subject) -> Finding:
    """Other engines may render by the tokenizer's chat template where we take the processor's."""
    ours = getattr(subject.processor, "chat_template", None)
    theirs = getattr(subject.processor.tokenizer, "chat_template", None)
    if not (isinstance(ours, str) and isinstance(theirs, str)) or ours == theirs:
        return Finding("processor", "ok", "")
    return Finding(
        "processor",
        "warning",
        "the processor and the tokenizer each have a chat template, and they differ: "
        f"{_first_difference(ours, theirs)}",
        "here the processor's is used; an engine that takes the tokenizer's reads other prompts",
        _REMEDY,
    )


def _difference(asked: Asked, prompt: EncodedPrompt, subject: Subject) -> Finding | None:
    """Where our encoding of a question is not the processor's."""
    theirs = reference(asked, subject.processor)
    where = asked.recipe.name
    ids, expected = prompt.input_ids.tolist(), theirs["input_ids"][0].tolist()
    tokenizer = subject.processor.tokenizer

    def fault(what: str, meaning: str) -> Finding:
        return Finding("processor", "fault", f"{where}: {what}", meaning, _REMEDY)

    if ids != expected:
        at = next(
            (i for i, (a, b) in enumerate(zip(ids, expected, strict=False)) if a != b),
            min(len(ids), len(expected)),
        )
        ours_say, theirs_say = (
            tokenizer.decode(some[max(0, at - 2) : at + 4]) for some in (ids, expected)
        )
        return fault(
            f"{len(ids)} tokens here, {len(expected)} by the model's own processor; from token {at} on "
            f"{ours_say!r} here and {theirs_say!r} there",
            "the model would read another prompt than it was trained to",
        )
    types = theirs.get("mm_token_type_ids")
    if types is not None and not torch.equal(prompt.token_types, types[0].long()):
        return fault(
            "other token types than the processor's", "the model would look elsewhere for pictures"
        )
    if not torch.equal(prompt.grid, theirs["video_grid_thw"]):
        return fault(
            f"grids {prompt.grid.tolist()} here, {theirs['video_grid_thw'].tolist()} by the "
            "processor",
            "pictures of another size than the prompt has room for",
        )
    pixels = theirs["pixel_values_videos"].float()
    apart = (scaled(prompt.patches) - pixels).abs()
    if float(apart.max()) > _SAME_PIXEL:
        patch, value = divmod(int(apart.flatten().argmax()), apart.shape[1])
        ours_is, theirs_is = (
            float(scaled(prompt.patches[patch])[value]),
            float(pixels[patch, value]),
        )
        return fault(
            f"pixels differ, most in patch {patch}: {ours_is:.3f} here, {theirs_is:.3f} by the "
            f"processor (image_mean {list(subject.processor.video_processor.image_mean)}, rescale by "
            f"{subject.processor.video_processor.rescale_factor:g})",
            "pictures of another brightness and contrast than the model knows",
        )
    return None


def reference(asked: Asked, processor: Any) -> Any:  # noqa: ANN401 - transformers is untyped
    """A question as the model's own processor encodes it, told the frames' real times."""
    template = processor.apply_chat_template(
        list(asked.sample.prompt), add_generation_prompt=True, tokenize=False
    )
    return processor(
        # The marks that the template sets around the whole are not part of the reference layout.
        text=[template.replace(WRAPPED_PLACE, PLACE)],
        videos=[clip.frames for clip in asked.sample.clips],
        video_metadata=[
            VideoMetadata(
                total_num_frames=len(clip),
                fps=1.0,
                duration=float(clip.times[-1]),
                frames_indices=clip.times.tolist(),
            )
            for clip in asked.sample.clips
        ],
        do_sample_frames=False,
        do_resize=False,
        cap_pixels_per_frame=False,
        return_tensors="pt",
    )


def _first_difference(ours: str, theirs: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(ours))
    return f"from character {at} on {_excerpt(ours[at:])!r} and {_excerpt(theirs[at:])!r}"


def _excerpt(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line's worth
