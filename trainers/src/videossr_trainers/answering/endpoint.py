"""Asking a model behind a server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.installing import install_command

try:
    import openai
    from anyio.from_thread import start_blocking_portal
except ImportError as error:
    raise ConfigError(
        Mistake(
            "--endpoint",
            "needs OpenAI's client library, which is not installed",
            install_command("videossr-trainers[endpoint]"),
        )
    ) from error

from videossr_trainers.answering.conversation import Conversation
from videossr_trainers.answering.faults import Dialect
from videossr_trainers.answering.frames_as import AsImages, FramesAs
from videossr_trainers.answering.limits import Pace, Patience
from videossr_trainers.answering.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from videossr_trainers.answering.answer import Answer, Asked, Decoding

#: Another number wherever a sample reaches the model, or its answer us, in another form than before.
_FORM: Final = 2


class EndpointAnswerer:
    """A model that a server answers for.

    Several questions are on their way at a time. What may pass is tried again, as `Patience` says; a
    question that does not come through has a failure for an answer. A fault that every question would
    meet, such as a wrong key, ends the run.

    At temperature 0 a question is asked once, and all its answers are that one. Otherwise each is asked
    for with a seed of its own; where the server takes none they come by one request, if it can do so.

    Args:
        url: of the server, up to and without `/chat/completions`.
        model: the server's name for it.
        key: sent to that server, and shown nowhere; None where it needs none.
        frames_as: how clips are shown; by default as images without loss.
        concurrency: questions on their way at a time; as many samples are in memory, and no more.
        requests_per_minute: at most; None for no limit.
        patience: with a server that is slow or at fault.

    Attributes:
        traffic: requests and faults so far.

    Raises:
        ConfigError: the URL is no address of a server.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        frames_as: FramesAs | None = None,
        concurrency: int = 8,
        requests_per_minute: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.url: Final = checked_url(url)
        self.model: Final = model
        self.frames_as: Final = frames_as or AsImages()
        self.concurrency: Final = concurrency
        self.requests_per_minute: Final = requests_per_minute
        self.patience: Final = patience or Patience()
        self.traffic: Final = Traffic()
        self._dialect: Final = Dialect()
        self._key: Final = key

    @property
    def identity(self) -> str:
        """Server, model, and how it is shown a sample."""
        parts = {"form": _FORM, "url": self.url, "model": self.model, **self.frames_as.identity}
        return json.dumps({"kind": "endpoint", **parts}, sort_keys=True)

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """As `Answerer` has it.

        Raises:
            ConfigError: the server cannot be reached, or would answer no question.
        """
        return self.ask(questions, decoding, lambda *_: None)

    def ask(
        self,
        questions: Iterable[Asked],
        decoding: Decoding,
        heard: Callable[[Asked, tuple[Answer, ...]], object],
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """As `answer`, and `heard` is called, from another thread, as soon as a question is through.

        What is yielded waits until it is taken, which a kill may forestall.
        """
        done: SimpleQueue[Future[tuple[Asked, tuple[Answer, ...]]]] = SimpleQueue()
        under_way: set[Future[tuple[Asked, tuple[Answer, ...]]]] = set()

        async def put(asked: Asked) -> tuple[Asked, tuple[Answer, ...]]:
            answers = await conversation.answers(asked.sample, decoding)
            heard(asked, answers)
            return asked, answers

        def first_done() -> tuple[Asked, tuple[Answer, ...]]:
            future = done.get()
            under_way.remove(future)
            return future.result()

        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            client = stack.enter_context(portal.wrap_async_context_manager(self._client()))
            # Those still under way when this is left early, before the client is closed under them.
            stack.callback(lambda: [future.cancel() for future in under_way])
            conversation = Conversation(
                client,
                self._key,
                self.model,
                self.frames_as,
                self.patience,
                Pace(self.requests_per_minute),
                self._dialect,
                self.traffic,
            )
            for asked in questions:
                future = portal.start_task_soon(put, asked)
                under_way.add(future)
                future.add_done_callback(done.put)
                while under_way and (len(under_way) >= self.concurrency or not done.empty()):
                    yield first_done()
            while under_way:
                yield first_done()

    def _client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=self.url,
            # The client insists on one; servers that need none ignore it.
            api_key=self._key or "none",
            max_retries=0,
            timeout=self.patience.request,
            # What is meant for one server goes to no other.
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, timeout=self.patience.request
            ),
        )


def checked_url(url: str) -> str:
    """The URL of a server without a slash at its end.

    Raises:
        ConfigError: it is none, has a key or password in it, or goes further than the server's root.
    """
    right = "give the address up to its version, such as http://localhost:8000/v1"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(Mistake("--endpoint", f"{url!r} is no http or https address", right))
    if parts.username or parts.password or parts.query or parts.fragment:
        key = "no user, key or query belongs in it: give the key by --api-key-env"
        raise ConfigError(Mistake("--endpoint", key, right))
    if parts.path.rstrip("/").endswith("/completions"):
        raise ConfigError(Mistake("--endpoint", f"{url!r} goes too far", right))
    return url.rstrip("/")
