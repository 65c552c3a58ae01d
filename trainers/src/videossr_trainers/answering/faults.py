"""What goes wrong between a request and its answer, and what that means for the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import openai

from videossr_trainers.answering.limits import told_wait

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Statuses after which the same request may succeed, beside all from 500.
_PASSING: Final = frozenset({408, 409, 425, 429})

#: Statuses that every other request would get as well.
_GENERAL: Final = {
    401: "the key is missing or wrong",
    402: "the account cannot pay",
    403: "the key may not ask this model",
    404: "there is no such model, or no such address",
    405: "the address is not that of a chat completions API",
    407: "a proxy on the way wants a password",
}

_MOST_LETTERS: Final = 300


class Unusable(Exception):  # noqa: N818 - no answer, which is an outcome
    """A request brought no answer.

    Attributes:
        kind: a word or two, to count by.
        detail: what happened, in words.
        wait: seconds after which the server wants to be asked again, where it says so.
        lasting: the same request would end the same way.
        general: so would all others.
        status: of HTTP; None where none came.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        wait: float | None = None,
        lasting: bool = False,
        general: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.wait = kind, detail, wait
        self.lasting, self.general, self.status = lasting, general, status


def fault_of(error: Exception, key: str | None = None) -> Unusable:
    """What an error of the client library means.

    Args:
        error: an `openai.APIError`, or a `TimeoutError`.
        key: kept out of what is said, should the server repeat it.
    """
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, key)
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Unusable("timeout", "no answer within the time limit")
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        why = f"{type(cause).__name__}: {cause}" if cause else str(error)
        return Unusable("connection", f"the connection failed ({_short(why, key)})")
    return Unusable("malformed", _short(str(error), key))


def _of_status(error: openai.APIStatusError, key: str | None) -> Unusable:
    status = error.status_code
    said = f"status {status}: {_short(_message(error), key)}"
    kind = str(status)
    if status == 429 and error.code == "insufficient_quota":  # noqa: PLR2004
        return Unusable(
            kind, f"the account's quota is used up ({said})", general=True, status=status
        )
    if status in _PASSING or status >= 500:  # noqa: PLR2004
        return Unusable(kind, said, wait=told_wait(error.response.headers), status=status)
    if status < 400:  # noqa: PLR2004
        there = _short(error.response.headers.get("location", "elsewhere"), key)
        why = f"the server sends us to {there}, where nothing is sent without being told so"
        return Unusable(kind, why, general=True, status=status)
    if status in _GENERAL:
        return Unusable(kind, f"{_GENERAL[status]} ({said})", general=True, status=status)
    return Unusable(kind, said, lasting=True, status=status)


def _message(error: openai.APIStatusError) -> str:
    """What the server says, without what the client library writes around it."""
    body = error.body
    if isinstance(body, dict):
        for part in (body.get("message"), body.get("detail"), body.get("error")):
            if part:
                return str(part)
    return str(body or error.message)


def _short(text: str, key: str | None) -> str:
    if key:
        text = text.replace(key, "***")
    text = " ".join(text.split())
    return text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + "..."


@dataclass(slots=True)
class Dialect:
    """Which parameters a server takes, found out by what it refuses.

    Attributes:
        many: several answers to one request.
        seed: a seed.
        temperature: a temperature.
        limit: by which name the most tokens of an answer go. The newer name is tried only when the old
            one is refused by name: servers that don't know it ignore it, and answer at any length.
    """

    many: bool = True
    seed: bool = True
    temperature: bool = True
    limit: str = "max_tokens"

    def learn(self, error: openai.APIStatusError, arguments: Mapping[str, object]) -> str | None:
        """Take in a refusal.

        Args:
            error: the refusal.
            arguments: of the request that was refused.

        Returns:
            The name of the parameter that it is about, one of those that can be done without; None
            where it is about something else.
        """
        if error.status_code not in {400, 422, 501}:
            return None
        said = str(error.body or error.message)

        def about(name: str) -> bool:
            quoted = re.search(rf"[`'\"]{name}[`'\"]", said)
            return name in arguments and (error.param == name or quoted is not None)

        if "max_tokens" in arguments and "max_completion_tokens" in said:
            self.limit = "max_completion_tokens"
            return "max_tokens"
        if about("temperature") and "unsupported" in said.lower():
            self.temperature = False
            return "temperature"
        if about("seed"):
            self.seed = False
            return "seed"
        if arguments.get("n", 1) != 1 and (about("n") or re.search(r"\bn\s*(>|=|must|is)", said)):
            self.many = False
            return "n"
        return None
