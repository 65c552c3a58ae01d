"""A server that speaks OpenAI's protocol, and misbehaves as it is told to.

It knows a question by its text, `question NAME`, and answers `answer NAME`. It counts the requests of each
question, and those that it answered to the end.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import Message


@dataclass
class Seen:
    """What the server saw of one question.

    Attributes:
        requests: their bodies, in order.
        headers: of each.
        at: seconds of each, on a clock that only goes forward.
        answered: requests that got a whole and right answer.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    answered: int = 0


class FaultyServer:
    """A server on loopback, for as long as a `with` takes.

    Args:
        faults: by question, what is done to its first request, its second, and so on; then it is
            answered. A status, perhaps with seconds of Retry-After ("429 0.2"), or a method of
            `_Handler`.
        otherwise: the faults of questions that are not named.
        takes: the parameters that it takes beside model and messages; others are refused with 400.
        most: answers to a request; further ones that are asked for are left out without a word.
        key: that it wants; None to let everybody in.
    """

    def __init__(
        self,
        faults: Mapping[str, Sequence[str]] | None = None,
        *,
        otherwise: Sequence[str] = (),
        takes: Sequence[str] = ("max_tokens", "temperature", "seed", "n"),
        most: int = 100,
        key: str | None = None,
    ) -> None:
        self.faults = dict(faults or {})
        self.otherwise = otherwise
        self.takes, self.most, self.key = takes, most, key
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.lock = threading.Lock()
        #: Set to let go of the requests that hang.
        self.release = threading.Event()
        self.hanging = threading.Semaphore(0)
        self.at_a_time = self.most_at_a_time = 0
        self._http = _Threads(("127.0.0.1", 0), _Handler)
        self._http.faulty = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it is to be asked."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def let_go(self, count: int) -> None:
        """Answer the requests that hang, once there are so many."""
        for _ in range(count):
            self.hanging.acquire(timeout=60)
        self.release.set()

    @property
    def answered(self) -> Counter[str]:
        """Right answers by question."""
        return Counter({name: seen.answered for name, seen in self.seen.items() if seen.answered})

    @property
    def asked(self) -> Counter[str]:
        """Requests by question."""
        return Counter({name: len(seen.requests) for name, seen in self.seen.items()})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    faulty: FaultyServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Threads

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        server = self.server.faulty
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = re.findall(r"question (\w+)", json.dumps(self.body["messages"]))
        self.name = texts[-1] if texts else "?"
        with server.lock:
            seen = server.seen[self.name]
            seen.requests.append(self.body)
            seen.headers.append(self.headers)
            seen.at.append(time.monotonic())
            plan = server.faults.get(self.name, server.otherwise)
            turn = len(seen.requests) - 1
            server.at_a_time += 1
            server.most_at_a_time = max(server.most_at_a_time, server.at_a_time)
        try:
            self._serve(plan[turn] if turn < len(plan) else "right")
        finally:
            with server.lock:
                server.at_a_time -= 1

    def _serve(self, fault: str) -> None:
        server = self.server.faulty
        if server.key is not None and self.headers["Authorization"] != f"Bearer {server.key}":
            self.refuse(401, f"Incorrect API key provided: {self.headers['Authorization']}")
            return
        for parameter in self.body.keys() - {"model", "messages", *server.takes}:
            said = f"Unsupported parameter: '{parameter}' is not supported with this model."
            if parameter == "max_tokens":
                said += " Use 'max_completion_tokens' instead."
            self.refuse(400, said, param=parameter, code="unsupported_parameter")
            return
        status, _, wait = fault.partition(" ")
        if status.isdigit():
            headers = {"Retry-After": wait} if wait else {}
            self.refuse(int(status), "not now, or not you", headers=headers)
        else:
            getattr(self, fault)()

    # Answers

    def completion(self, name: str, **changes: object) -> dict[str, Any]:
        """The right answer to a question, with changes to its fields."""
        request = self.body
        count = min(request.get("n", 1), self.server.faulty.most)
        drawn = f" {request['seed']}" if "seed" in request else ""
        texts = [f"answer {name}{drawn}" + (f".{i}" if count > 1 else "") for i in range(count)]
        return {
            # As vLLM makes it.
            "id": f"chatcmpl-{self.headers['X-Request-Id']}",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [
                {
                    "index": i,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }
                for i, text in enumerate(texts)
            ],
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": 3 * count,
                "total_tokens": 100 + 3 * count,
            },
        } | changes

    def reply(
        self,
        body: bytes,
        *,
        status: int = 200,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
        stop: int | None = None,
    ) -> None:
        """Send a body, or `stop` bytes of it and no more."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:stop])
        self.wfile.flush()

    def refuse(
        self, status: int, said: str, headers: Mapping[str, str] | None = None, **more: str
    ) -> None:
        error = {"message": said, "type": "error", "param": None, "code": None} | more
        self.reply(json.dumps({"error": error}).encode(), status=status, headers=headers)

    def right(
        self, completion: dict[str, Any] | None = None, kind: str = "application/json"
    ) -> None:
        """A right answer, which is counted if somebody is there to hear it."""
        if self._left():
            self.close_connection = True
            return
        with self.server.faulty.lock:
            self.server.faulty.seen[self.name].answered += 1
        self.reply(json.dumps(completion or self.completion(self.name)).encode(), kind=kind)

    def _left(self) -> bool:
        """Whether the client has closed the connection."""
        self.connection.settimeout(0.001)
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            with suppress(OSError):
                self.connection.settimeout(None)

    def slow(self) -> None:
        time.sleep(0.05)
        self.right()

    def hang(self) -> None:
        """Say nothing until the server is told to release, and then answer."""
        self.server.faulty.hanging.release()
        self.server.faulty.release.wait(60)
        self.right()

    # Faults

    def cut(self) -> None:
        """Half of a right answer, and the end of the connection."""
        body = json.dumps(self.completion(self.name)).encode()
        self.reply(body, stop=len(body) // 2)
        self.close_connection = True

    def drop(self) -> None:
        """The end of the connection, before any answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """As `drop`, and rudely."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.close()

    def malformed(self) -> None:
        self.reply(json.dumps(self.completion(self.name)).encode()[:-7])

    def nothing(self) -> None:
        self.reply(b"")

    def list_for_object(self) -> None:
        self.reply(b"[1, 2, 3]")

    def empty(self) -> None:
        self.reply(json.dumps(self.completion(self.name, choices=[])).encode())

    def no_message(self) -> None:
        self.reply(json.dumps(self.completion(self.name, choices=[{"index": 0}])).encode())

    def other_object(self) -> None:
        self.reply(json.dumps(self.completion(self.name, object="list")).encode())

    def error_with_200(self) -> None:
        self.reply(b'{"error": {"message": "the GPU is on fire"}}')

    def html(self) -> None:
        """What a proxy says that has lost its server."""
        self.reply(b"<html><body>Gateway</body></html>", kind="text/html")

    def binary(self) -> None:
        self.reply(bytes(range(256)), kind="application/octet-stream")

    def two_for_one(self) -> None:
        completion = self.completion(self.name)
        self.reply(json.dumps(completion | {"choices": completion["choices"] * 2}).encode())

    def misdirected(self) -> None:
        """The right answer to another question, which says so."""
        server = self.server.faulty
        other = next(name for name in server.seen if name != self.name)
        named = f"chatcmpl-{server.seen[other].headers[0]['X-Request-Id']}"
        self.reply(json.dumps(self.completion(other, id=named)).encode())

    def repeats_key(self) -> None:
        """What a careless proxy might say."""
        self.reply(f"you are {self.headers['Authorization']}".encode())

    def withheld(self) -> None:
        choice = {"message": {"content": ""}, "finish_reason": "content_filter"}
        self.reply(json.dumps(self.completion(self.name, choices=[choice])).encode())

    def elsewhere(self) -> None:
        self.reply(b"", status=307, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"})

    def too_long(self) -> None:
        said = "maximum context length is 4096 tokens, and you requested 5000 (8 for max_tokens)"
        self.refuse(400, said, param="input_tokens")

    def no_quota(self) -> None:
        self.refuse(429, "You exceeded your current quota", code="insufficient_quota")

    # Right answers that are told otherwise than usual

    def under_wrong_type(self) -> None:
        self.right(kind="text/plain")

    def no_usage(self) -> None:
        self.right(self.completion(self.name, usage=None))

    def negative_usage(self) -> None:
        used = {"prompt_tokens": -5, "completion_tokens": -1}
        self.right(self.completion(self.name, usage=used))

    def absurd_usage(self) -> None:
        used = {"prompt_tokens": 100, "completion_tokens": 10**12}
        self.right(self.completion(self.name, usage=used))

    def said(self, message: dict[str, Any], reason: str = "stop") -> None:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
        self.right(self.completion(self.name, choices=[choice]))

    def thinks(self) -> None:
        self.said({"content": f"answer {self.name}", "reasoning_content": "hm, 9-9-9"})

    def thinks_aloud(self) -> None:
        self.said({"content": f"<think>hm, 9-9-9</think>\n\nanswer {self.name}"})

    def thinks_on(self) -> None:
        self.said({"content": "<think>hm, 9-9-9, or"}, "length")

    def thinks_in_parts(self) -> None:
        parts = [
            {"type": "thinking", "thinking": []},
            {"type": "text", "text": f"answer {self.name}"},
        ]
        self.said({"content": parts})

    def truncated(self) -> None:
        self.said({"content": f"answer {self.name} and"}, "length")

    def refuses_to_say(self) -> None:
        self.said({"content": None, "refusal": "I would rather not."})
