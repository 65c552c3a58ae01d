"""Questions that begin alike, with the same video above all, computed once as far as they do.

Eight questions about one video of 48 frames are eight prompts of which all but the last few dozen
tokens are the same. Those are run once for the eight, the cache is repeated, and the rest of each
prompt, of whatever length, goes on from there:

    [   shared prefix   ] -> cache, repeated -> [ rest of question 1 ] -> answers
                                                [ rest of question 2 ] -> answers

Both parts are filled up on the left, so a row may have padding in its middle; positions are those of
the whole prompt, and the mask hides what is filled up. Exact: a token sees what it saw without sharing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import xxhash

from videossr_trainers.answering.content import clip_digest
from videossr_trainers.engine.encoding import pad_left, scaled
from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import GenerationConfig, LogitsProcessor

    from videossr.sample import Sample
    from videossr_trainers.engine.encoding import EncodedPrompt


@dataclass(frozen=True, slots=True)
class Sharing:
    """Some of a batch's questions, and with how many videos they begin alike.

    Attributes:
        members: their numbers in the batch, ascending.
        videos: that they share; 0 for a question that stands alone.
    """

    members: tuple[int, ...]
    videos: int


def beginnings(sample: Sample) -> tuple[str, ...]:
    """A hash for each video of a sample, of all that is shown and said up to its end.

    Pixels, times, texts and roles count, so equal hashes mean that the prompts begin alike.
    """
    clips = iter(sample.clips)
    hasher = xxhash.xxh3_128()
    found = []
    for message in sample.prompt:
        hasher.update(json.dumps(["role", message["role"]]).encode())
        for part in message["content"]:
            if part["type"] == "video":
                hasher.update(clip_digest(next(clips)).encode())
                found.append(hasher.hexdigest())
            else:
                hasher.update(json.dumps(["text", part["text"]]).encode())
    return tuple(found)


def sharings(begun: Sequence[tuple[str, ...]]) -> list[Sharing]:
    """Which questions to compute together: those that share the most videos first.

    Args:
        begun: the `beginnings` of each question.

    Returns:
        Every question once, in the order of their first members.
    """
    alone = dict.fromkeys(range(len(begun)))
    found = []
    for videos in range(max(map(len, begun), default=0), 0, -1):
        alike: dict[str, list[int]] = defaultdict(list)
        for number in alone:
            if len(begun[number]) >= videos:
                alike[begun[number][videos - 1]].append(number)
        for members in alike.values():
            if len(members) > 1:
                found.append(Sharing(tuple(members), videos))
                for number in members:
                    del alone[number]
    found += [Sharing((number,), 0) for number in alone]
    return sorted(found, key=lambda sharing: sharing.members)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A shared prefix: whose it is, and where it ends."""

    members: tuple[int, ...]
    tokens: int
    videos: int


def shared_tokens(prompts: Sequence[EncodedPrompt], shared: Sequence[Sharing], merge: int) -> int:
    """How many tokens of these prompts need not be computed, since another's are the same."""
    cuts = _cuts(prompts, shared, merge)
    return sum(cut.tokens * (len(cut.members) - 1) for cut in cuts)


def _cuts(prompts: Sequence[EncodedPrompt], shared: Sequence[Sharing], merge: int) -> list[_Cut]:
    """Where each sharing's prompts part, by their tokens; a token at least is left to go on with."""
    cuts = []
    for sharing in shared:
        rows = [prompts[number].input_ids for number in sharing.members]
        spans = _spans(prompts[sharing.members[0]], merge)
        common = _common(rows)
        if sharing.videos < len(spans):
            # The next video's tokens look the same, and its pixels are not.
            common = min(common, spans[sharing.videos][0])
        if len(rows) > 1 and common >= spans[sharing.videos - 1][1]:
            cuts.append(_Cut(sharing.members, common, sharing.videos))
            continue
        # Alone, or torn apart by a chat template that says early on what comes later.
        cuts += [
            _Cut((number,), len(prompts[number].input_ids) - 1, len(prompts[number].grid))
            for number in sharing.members
        ]
    return cuts


def _common(rows: Sequence[Tensor]) -> int:
    """How many tokens all rows begin with, leaving the shortest one its last."""
    shortest = min(len(row) for row in rows) - 1
    same = torch.ones(shortest, dtype=torch.bool)
    for row in rows[1:]:
        same &= row[:shortest] == rows[0][:shortest]
    return int(same.long().cumprod(0).sum())


def _spans(prompt: EncodedPrompt, merge: int) -> list[tuple[int, int]]:
    """Each video's first token, and the one behind its last."""
    counts = prompt.grid.prod(1) // merge**2
    stops = counts.cumsum(0)
    places = prompt.token_types.nonzero()[:, 0]
    starts = places[stops - counts].tolist()
    return list(zip(starts, (places[stops - 1] + 1).tolist(), strict=True))


@torch.no_grad()
def generate_shared(
    model: Any,  # noqa: ANN401 - transformers is untyped
    prompts: Sequence[EncodedPrompt],
    shared: Sequence[Sharing],
    n: int,
    generation_config: GenerationConfig,
    logits_processors: Sequence[LogitsProcessor] = (),
) -> Tensor:
    """Draw N answers to each prompt; what several prompts begin with is computed once.

    Args:
        model: a Qwen3-VL for conditional generation, or one inside PEFT.
        prompts: B prompts, on the host.
        shared: of those, every one once.
        logits_processors: see the scores of all rows, [B N, vocabulary], at every step.

    Returns:
        int64 [B N, C], the answers to a question in succession.
    """
    inner = bare_model(model).model
    pad = generation_config.pad_token_id
    cuts = _cuts(prompts, shared, inner.visual.spatial_merge_size)
    cut_of = {number: cut for cut in cuts for number in cut.members}
    located = [_positions(inner, prompt) for prompt in prompts]

    leads = [cut.members[0] for cut in cuts]
    prefix = _Columns.of(
        [prompts[lead].input_ids[: cut.tokens] for lead, cut in zip(leads, cuts, strict=True)],
        [located[lead][0][:, : cut.tokens] for lead, cut in zip(leads, cuts, strict=True)],
        pad,
        model.device,
    )
    filled = model(
        input_ids=prefix.ids,
        attention_mask=prefix.mask,
        position_ids=prefix.positions,
        use_cache=True,
        logits_to_keep=1,
        **_vision([(prompts[c.members[0]], 0, c.videos) for c in cuts], model.device),
    )
    cache = filled.past_key_values
    number_of = {number: row for row, cut in enumerate(cuts) for number in cut.members}
    rows = torch.tensor([number_of[number] for number in range(len(prompts))], device=model.device)
    if rows.tolist() != list(range(len(cuts))):
        cache.batch_select_indices(rows)

    rest = _Columns.of(
        [p.input_ids[cut_of[i].tokens :] for i, p in enumerate(prompts)],
        [positions[:, cut_of[i].tokens :] for i, (positions, _) in enumerate(located)],
        pad,
        model.device,
    )
    mask = torch.cat([prefix.mask[rows], rest.mask], 1)
    if rest.ids.shape[1] > 1:
        model(
            input_ids=rest.ids[:, :-1],
            attention_mask=mask[:, :-1],
            position_ids=rest.positions[:, :, :-1],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **_vision(
                [(p, cut_of[i].videos, len(p.grid)) for i, p in enumerate(prompts)], model.device
            ),
        )
    if n > 1:
        cache.batch_repeat_interleave(n)
    offsets = torch.cat([offset for _, offset in located]).to(model.device)
    inner.rope_deltas = offsets.repeat_interleave(n, 0)
    begun = torch.cat([prefix.ids[rows], rest.ids], 1)
    try:
        sequences = model.generate(
            input_ids=begun.repeat_interleave(n, 0),
            attention_mask=mask.repeat_interleave(n, 0),
            past_key_values=cache,
            generation_config=generation_config,
            logits_processor=list(logits_processors),
        )
    finally:
        inner.rope_deltas = None  # they belong to this cache, not to the model's next caller
    answers: Tensor = sequences[:, begun.shape[1] :]
    return answers


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Parts of prompts side by side, filled up on the left.

    Attributes:
        ids, mask: int64 [B, L].
        positions: int64 [3, B, L].
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor

    @classmethod
    def of(
        cls,
        ids: Sequence[Tensor],
        positions: Sequence[Tensor],
        pad_token: int,
        device: torch.device,
    ) -> _Columns:
        """Rows of ids [L_i] and positions [3, L_i]."""
        return cls(
            pad_left(ids, pad_token).to(device),
            pad_left([torch.ones_like(row) for row in ids], 0).to(device),
            pad_left([row.T for row in positions], 0).permute(2, 0, 1).to(device),
        )


def _positions(inner: Any, prompt: EncodedPrompt) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Positions [3, P] for mRoPE, and what `generate` adds to a cache position [1, 1]."""
    positions, offset = inner.get_rope_index(
        prompt.input_ids[None], prompt.token_types[None], video_grid_thw=prompt.grid
    )
    return positions[:, 0], offset


def _vision(
    parts: Sequence[tuple[EncodedPrompt, int, int]], device: torch.device
) -> dict[str, Tensor]:
    """The videos `start` to `stop` of each prompt, by the names of the model's arguments."""
    patches, grids = [], []
    for prompt, start, stop in parts:
        if start == stop:
            continue
        until = [0, *prompt.grid.prod(1).cumsum(0).tolist()]
        patches.append(prompt.patches[until[start] : until[stop]])
        grids.append(prompt.grid[start:stop])
    if not patches:
        return {}
    return {
        "pixel_values_videos": scaled(torch.cat(patches).to(device)),
        "video_grid_thw": torch.cat(grids).to(device),
    }
