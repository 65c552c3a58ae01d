"""One question at a time with a server: asked, asked again, and given up."""

from __future__ import annotations

import random
import uuid
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
import openai

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.answering.answer import Answer
from videossr_trainers.answering.content import answer_seeds
from videossr_trainers.answering.faults import Dialect, Unusable, fault_of
from videossr_trainers.answering.frames_as import chat_of
from videossr_trainers.answering.reply import read_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.sample import Sample
    from videossr_trainers.answering.answer import Decoding
    from videossr_trainers.answering.frames_as import FramesAs
    from videossr_trainers.answering.limits import Pace, Patience
    from videossr_trainers.answering.traffic import Traffic

#: Seeds that servers take: what 32 bits with a sign hold.
_SEEDS: Final = 2**31

#: Statuses by which a server asks for rest, from everybody.
_OVERLOADED: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Conversation:
    """A server, and the manners to be kept with it.

    Args:
        client: of OpenAI's library, which itself tries nothing again.
        key: the server's, to be kept out of what is said; None where it needs none.
        model: the server's name for it.
        frames_as: how clips are shown.
        patience, pace: how long it is waited for, and how often it is asked.
        dialect, traffic: what has been learnt so far, to go on from.
    """

    client: openai.AsyncOpenAI
    key: str | None
    model: str
    frames_as: FramesAs
    patience: Patience
    pace: Pace
    dialect: Dialect
    traffic: Traffic

    async def answers(self, sample: Sample, decoding: Decoding) -> tuple[Answer, ...]:
        """All answers to a question, as many as asked for; those that did not come say why.

        Raises:
            ConfigError: no other question would do better.
        """
        messages = await anyio.to_thread.run_sync(chat_of, sample, self.frames_as)
        greedy = decoding.temperature == 0
        seeds = [0] if greedy else answer_seeds(sample, decoding)
        answers: list[Answer] = []
        while missing := seeds[len(answers) :]:
            try:
                answers += await self._some(messages, decoding, missing)
            except Unusable as fault:
                if fault.general:
                    raise ConfigError(self._mistake(fault)) from fault
                answers += [Answer("", failure=fault.detail)] * len(missing)
        if greedy:
            again = answers[0]
            if again.failure is None and again.prompt_tokens is not None:
                again = replace(again, prompt_tokens=0, completion_tokens=0)  # asked and paid once
            answers += [again] * (decoding.answers - 1)
        return tuple(answers)

    async def _some(
        self, messages: list[dict[str, Any]], decoding: Decoding, missing: Sequence[int]
    ) -> list[Answer]:
        """At least one of the answers that are missing, by one request that succeeds.

        Args:
            missing: the seeds of these answers.

        Raises:
            Unusable: none does.
        """
        dice = random.Random()  # noqa: S311 - for waits alone; no answer depends on it
        faults = 0
        while True:
            try:
                return await self._request(messages, decoding, missing)
            except Unusable as fault:
                self.traffic.faults[fault.kind] += 1
                if fault.kind.startswith("refused "):
                    continue  # the next request does without; nothing is wrong with the server
                faults += 1
                if fault.lasting or fault.general:
                    raise
                if faults >= self.patience.tries:
                    raise self._given_up(fault) from fault
                wait = self.patience.wait(faults, dice)
                if fault.wait is not None:
                    if fault.wait > self.patience.longest_told:
                        why = f"asks to wait {fault.wait:.0f} s, which is too long ({fault.detail})"
                        raise Unusable(fault.kind, f"the server {why}") from fault
                    # What all wait for ends for all at once; the rest of the wait is by chance.
                    wait = fault.wait + wait / 4
                    if fault.status in _OVERLOADED:
                        self.pace.rest(fault.wait)
            await anyio.sleep(wait)

    async def _request(
        self, messages: list[dict[str, Any]], decoding: Decoding, missing: Sequence[int]
    ) -> list[Answer]:
        """The answers that one request brings.

        Raises:
            Unusable: it brings none; of the kind `refused NAME` if the next one should do without that.
        """
        arguments = self._arguments(decoding, missing)
        await self.pace.turn()
        request_id = f"videossr-{uuid.uuid4().hex}"
        self.traffic.requests += 1
        self.traffic.sent.add(request_id)
        try:
            with anyio.fail_after(self.patience.request):
                reply = await self.client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=messages,  # type: ignore[arg-type] # video parts are beyond its types
                    extra_headers={"X-Request-Id": request_id},
                    **arguments,
                )
        except openai.APIStatusError as error:
            self.traffic.reached = True
            refused = self.dialect.learn(error, arguments)
            if refused is None:
                raise fault_of(error, self.key) from error
            if refused == "temperature":
                warnings.warn(
                    f"{self.model} takes no temperature: its answers are drawn at its own, not "
                    f"{decoding.temperature}",
                    stacklevel=2,
                )
            raise Unusable(f"refused {refused}", str(error)) from error
        except (openai.APIError, TimeoutError) as error:
            raise fault_of(error, self.key) from error
        self.traffic.reached = True
        return read_reply(
            reply.content,
            reply.headers,
            request_id=request_id,
            sent=self.traffic.sent,
            most=arguments.get("n", 1),
            max_new_tokens=decoding.max_new_tokens,
            key=self.key,
        )

    def _arguments(self, decoding: Decoding, missing: Sequence[int]) -> dict[str, Any]:
        arguments: dict[str, Any] = {self.dialect.limit: decoding.max_new_tokens}
        if self.dialect.temperature:
            arguments["temperature"] = decoding.temperature
        if decoding.temperature > 0 and self.dialect.seed:
            # One answer a request: of several under one seed, some servers make the same one each time.
            arguments["seed"] = missing[0] % _SEEDS
        elif len(missing) > 1 and self.dialect.many:
            arguments["n"] = len(missing)
        return arguments

    def _given_up(self, fault: Unusable) -> Unusable:
        if self.traffic.reached:
            return Unusable(fault.kind, f"{fault.detail}; tried {self.patience.tries} times")
        return Unusable(fault.kind, fault.detail, general=True)

    def _mistake(self, fault: Unusable) -> Mistake:
        url = str(self.client.base_url).rstrip("/")
        right = {
            401: "put the key into the variable that --api-key-env names",
            403: "use a key that may, or another --model",
            404: f"look at {url}/models for the names that it knows",
        }.get(fault.status or 0, "see to the server, then start again: nothing is asked twice")
        return Mistake(f"--endpoint {url}, --model {self.model}", fault.detail, right)
