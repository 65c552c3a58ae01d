"""Reading what a server sent back, of which nothing is taken on trust."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from videossr.completion import said
from videossr_trainers.answering.answer import Answer
from videossr_trainers.answering.cost import shared_counts
from videossr_trainers.answering.faults import Unusable, short

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

#: No prompt has more tokens than the longest context there is, with room to grow.
_MOST_PROMPT_TOKENS: Final = 100_000_000

#: How a request is named in its header, and hence in what servers make of that.
REQUEST_ID: Final = re.compile(r"videossr-[0-9a-f]{32}")


class _Lenient(BaseModel):
    """Servers add fields of their own."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Part(_Lenient):
    type: str = ""
    text: str = ""


class _Message(_Lenient):
    content: str | list[_Part] | None = None
    refusal: str | None = None

    @property
    def spoken(self) -> str:
        """What was said, without what was thought."""
        content = self.content or ""
        if isinstance(content, list):
            content = "".join(part.text for part in content if part.type == "text")
        return said(content) or self.refusal or ""


class _Choice(_Lenient):
    message: _Message
    finish_reason: str | None = None


class _Usage(_Lenient):
    prompt_tokens: int = Field(ge=1, le=_MOST_PROMPT_TOKENS)
    completion_tokens: int


class _Completion(_Lenient):
    id: str | None = None
    object: Literal["chat.completion"] | None = None
    choices: list[_Choice] = Field(min_length=1)
    usage: Any = None


def read_reply(
    body: bytes,
    headers: Mapping[str, str],
    *,
    request_id: str,
    sent: Container[str],
    most: int,
    max_new_tokens: int,
    key: str | None = None,
) -> list[Answer]:
    """The answers in a server's reply: at least one, at most as many as were asked for.

    What a model thinks before it answers, in a field of its own or in the text, is no part of the
    answer; see `videossr.completion.said`.

    Args:
        body: JSON, if all is well.
        headers: of the reply.
        request_id: of the request that this is the reply to, as in `REQUEST_ID`.
        sent: the ids of all our requests, by which a reply to another one is noticed where servers name
            what they reply to.
        most: answers asked for.
        max_new_tokens: of each.
        key: kept out of what is said, should the server repeat it.

    Raises:
        Unusable: the reply holds no answer to this request.
    """
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
        raise Unusable("malformed", f"{problem}, in {_excerpt(body, key)}") from error
    named = {*REQUEST_ID.findall(f"{completion.id} {headers.get('x-request-id')}")}
    if any(name in sent for name in named - {request_id}):
        raise Unusable("misdirected", "the reply names another request")
    if len(completion.choices) > most:
        raise Unusable(
            "malformed", f"{len(completion.choices)} answers where {most} were asked for"
        )
    if any(choice.finish_reason == "content_filter" for choice in completion.choices):
        raise Unusable("withheld", "the server's filter withholds the answer", lasting=True)
    texts = [choice.message.spoken for choice in completion.choices]
    counts = _counts(completion.usage, texts, max_new_tokens)
    return [
        Answer(text, *tokens, truncated=choice.finish_reason == "length")
        for text, tokens, choice in zip(texts, counts, completion.choices, strict=True)
    ]


def _counts(usage: object, texts: list[str], limit: int) -> list[tuple[int | None, int | None]]:
    """The tokens of each answer; None where the server does not say, or says what cannot be."""
    try:
        used = _Usage.model_validate(usage)
    except ValidationError:
        return shared_counts(None, None, len(texts))
    spoken = sum(text != "" for text in texts)
    if not spoken <= used.completion_tokens <= limit * len(texts):
        return shared_counts(None, None, len(texts))
    return shared_counts(used.prompt_tokens, used.completion_tokens, len(texts))


def _excerpt(body: bytes, key: str | None) -> str:
    return repr(short(body.decode(errors="replace"), key, most=80))
