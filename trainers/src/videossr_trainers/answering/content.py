"""What a question is made of, by which its answers are kept and drawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import xxhash

from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from videossr.clip import Clip
    from videossr.sample import Sample
    from videossr_trainers.answering.answer import Decoding


def sample_digest(sample: Sample) -> str:
    """A hash (XXH3, 128 bits, hexadecimal) of all that a model is shown and told.

    The prompt, the pixels and their times; neither the right answer nor where the sample comes from.
    """
    prompt = [[message["role"], message["content"]] for message in sample.prompt]
    hasher = xxhash.xxh3_128(json.dumps(prompt, sort_keys=True).encode())
    for clip in sample.clips:
        _take(hasher, clip)
    return hasher.hexdigest()


def clip_digest(clip: Clip) -> str:
    """A hash (XXH3, 128 bits, hexadecimal) of a clip's pixels, shape and times."""
    hasher = xxhash.xxh3_128()
    _take(hasher, clip)
    return hasher.hexdigest()


def _take(hasher: xxhash.xxh3_128, clip: Clip) -> None:
    hasher.update(str(tuple(clip.frames.shape)).encode())
    hasher.update(clip.frames.contiguous().numpy().data)
    hasher.update(clip.times.contiguous().numpy().data)


def answer_seeds(sample: Sample, decoding: Decoding) -> list[int]:
    """The seed of each answer to a question, by its content: what it is called does not matter.

    More answers, or longer ones, leave the first ones as they are.
    """
    digest = sample_digest(sample)
    return [
        derive_seed(decoding.seed, "answer", digest, f"{decoding.temperature:g}", i)
        for i in range(decoding.answers)
    ]
