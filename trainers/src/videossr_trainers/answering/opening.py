"""From options to what answers: a model on this machine, or one behind an endpoint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from videossr.errors import ConfigError, Mistake
from videossr_trainers.answering.choice import USUAL_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.answering.answer import Answerer
    from videossr_trainers.answering.choice import ModelOptions


def open_answerer(options: ModelOptions, cache: Path | None = None) -> Answerer:
    """The model, ready to be asked.

    Args:
        options: that go together.
        cache: a file of answers, made if need be; what it holds is not asked again.

    Raises:
        ConfigError: a model or server that cannot be used, or a file that holds no answers.
    """
    answerer = _local(options) if options.endpoint is None else _remote(options, options.endpoint)
    if cache is None:
        return answerer
    from videossr_trainers.answering.cache import AnswerCache  # noqa: PLC0415 - only with a cache
    from videossr_trainers.answering.cached import Cached  # noqa: PLC0415

    return Cached(answerer, AnswerCache(cache))


def _local(options: ModelOptions) -> Answerer:
    from videossr_trainers.answering.local import LocalAnswerer  # noqa: PLC0415 - needs torch

    return LocalAnswerer.load(options.model, options.revision, batch_size=options.batch_size)


def _remote(options: ModelOptions, url: str) -> Answerer:
    from videossr_trainers.answering.endpoint import EndpointAnswerer  # noqa: PLC0415 - an extra
    from videossr_trainers.answering.frames_as import AsImages, AsVideo  # noqa: PLC0415

    images, video = AsImages(options.jpeg_quality), AsVideo(options.video_crf)
    return EndpointAnswerer(
        url,
        options.model,
        key=_key(options.api_key_env),
        frames_as=images if options.show == "images" else video,
        concurrency=options.concurrency,
        requests_per_minute=options.requests_per_minute,
    )


def _key(variable: str) -> str | None:
    """The server's key; None where the usual variable is not set, for servers that need none."""
    key = os.environ.get(variable)
    if not key and variable != USUAL_KEY:
        problem = f"the environment variable {variable} is not set"
        raise ConfigError(Mistake("--api-key-env", problem, "set it to the key"))
    return key or None
