"""The real client library against a real server that misbehaves."""

from __future__ import annotations

import base64
import importlib
import io
import json
import random
import sys
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import anyio
import av
import numpy as np
import pytest
from asked_questions import GREEDY, answers_of, asked
from faulty_server import FaultyServer
from PIL import Image
from tiny_questions import random_clip

from videossr import ConfigError, Sample
from videossr.sample import question_prompt
from videossr_trainers.answering import Answer, Asked, Decoding
from videossr_trainers.answering.endpoint import EndpointAnswerer, checked_url
from videossr_trainers.answering.frames_as import AsImages, AsVideo, chat_of
from videossr_trainers.answering.limits import Pace, Patience, told_wait
from videossr_trainers.answering.sitting import Sitting, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

#: With a server that need not be waited for.
QUICK = Patience(tries=4, first_wait=0.001, longest_wait=0.01, longest_told=1.0, request=20.0)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever the machine is set to."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def endpoint(server: FaultyServer, **settings: object) -> EndpointAnswerer:
    """The model of a server, asked by somebody quick."""
    return EndpointAnswerer(server.url, "a-model", **{"patience": QUICK, **settings})


def right(name: str) -> tuple[Answer, ...]:
    """The one answer to a question, with the tokens that the server counts."""
    return (Answer(f"answer {name}", 100, 3),)


# Faults that pass


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("408", "408"),
        ("409", "409"),
        ("429", "429"),
        ("429 0.01", "429"),
        ("500", "500"),
        ("502", "502"),
        ("503 0.01", "503"),
        ("cut", "connection"),
        ("drop", "connection"),
        ("reset", "connection"),
        ("malformed", "malformed"),
        ("nothing", "malformed"),
        ("list_for_object", "malformed"),
        ("empty", "malformed"),
        ("no_message", "malformed"),
        ("other_object", "malformed"),
        ("error_with_200", "malformed"),
        ("html", "malformed"),
        ("binary", "malformed"),
        ("two_for_one", "malformed"),
    ],
)
def test_what_passes_is_tried_again(fault: str, kind: str) -> None:
    """A fault costs one more request, and no answer."""
    with FaultyServer({"a": [fault]}) as server:
        answerer = endpoint(server)
        assert {"a": right("a"), "b": right("b")} == answers_of(answerer, "ab")
        assert {"a": 2, "b": 1} == server.asked
        assert {kind: 1} == answerer.traffic.faults
        assert answerer.traffic.requests == 3


def test_what_was_asked_in_vain_is_told() -> None:
    """By kind, of this sitting alone, and without what the server does not take."""
    faults = {"a": ["500", "429 0.01"], "b": ["500"]}
    with FaultyServer(faults, takes=("max_tokens", "temperature")) as server:
        answerer = endpoint(server)
        assert "in vain" not in Usage().in_words()
        told = []
        for names in ("c", "a", "b"):
            sitting = Sitting(answerer)
            decoding = Decoding(temperature=1.0)
            assert len(list(sitting.answer(map(asked, names), decoding))) == 1
            told.append(sitting.usage)
        assert [{}, {"500": 1, "429": 1}, {"500": 1}] == [usage.faults for usage in told]
        assert "3 requests in vain (2 x 500, 1 x 429)" in sum(told, Usage()).in_words()
        (read, _) = Usage.read(json.loads(json.dumps(told[1].tree())))
        assert told[1] == read
        assert 1 == answerer.traffic.faults["refused seed"]


def test_nothing_is_lost_among_all_faults_at_once() -> None:
    """Forty questions with faults of every kind, eight at a time: each has its own right answer."""
    faults = ["429 0.01", "500", "cut", "malformed", "empty", "html", "slow", "reset"]
    names = [f"q{i}" for i in range(40)]
    plans = {name: faults[i % 8 :][: i % 3 + 1] for i, name in enumerate(names)}
    with FaultyServer(plans) as server:
        answerer = endpoint(server)
        assert {name: right(name) for name in names} == answers_of(answerer, names)
        assert dict.fromkeys(names, 1) == server.answered
        assert answerer.traffic.requests == server.asked.total()


def test_an_answer_to_another_question_is_no_answer() -> None:
    """A reply that names another request is dropped, and the question asked again."""
    with FaultyServer({"b": ["misdirected"]}) as server:
        answerer = endpoint(server, concurrency=1)
        assert {"a": right("a"), "b": right("b")} == answers_of(answerer, "ab")
        assert {"misdirected": 1} == answerer.traffic.faults


@pytest.mark.parametrize("fault", ["500", "drop", "malformed"])
def test_after_so_many_tries_a_question_has_failed(fault: str) -> None:
    """A question that does not come through is yielded with the reason; the others are answered."""
    with FaultyServer({"b": [fault] * 9}) as server:
        answered = answers_of(endpoint(server), "abc")
        assert right("a") == answered["a"]
        assert right("c") == answered["c"]
        (failed,) = answered["b"]
        assert failed.text == ""
        assert failed.failure is not None
        assert failed.failure.endswith("; tried 4 times")
        assert server.asked["b"] == 4


def test_what_would_fail_again_is_not_tried_again() -> None:
    """A request that the server finds wrong, and an answer that it withholds, fail at once."""
    with FaultyServer({"a": ["400"], "b": ["413"], "c": ["withheld"]}) as server:
        answered = answers_of(endpoint(server), "abcd")
        assert {
            "a": "status 400: not now, or not you",
            "b": "status 413: not now, or not you",
            "c": "the server's filter withholds the answer",
            "d": None,
        } == {name: answers[0].failure for name, answers in answered.items()}
        assert dict.fromkeys("abcd", 1) == server.asked


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    """A request that takes longer than it may is given up, and sent again."""
    with FaultyServer({"a": ["hang"]}) as server:
        answerer = endpoint(server, patience=Patience(first_wait=0.001, request=0.5))
        assert {"a": right("a")} == answers_of(answerer, "a")
        assert {"timeout": 1} == answerer.traffic.faults


# Waiting


def test_retry_after_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is not sent again before the server's time is over, and the others rest as well."""
    rests: list[float] = []
    monkeypatch.setattr(Pace, "rest", lambda _, seconds: rests.append(seconds))
    with FaultyServer({"a": ["429 0.3"]}) as server:
        assert {"a": right("a")} == answers_of(endpoint(server), "a")
        first, again = server.seen["a"].at
    assert again - first >= 0.3
    assert [0.3] == rests


class Clock:
    """Time that passes by being slept through."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def turns(pace: Pace, clock: Clock, count: int) -> list[float]:
    """When so many requests may go, in a row."""

    async def go() -> list[float]:
        times = []
        for _ in range(count):
            await pace.turn()
            times.append(clock.now)
        return times

    return anyio.run(go)


def test_requests_per_minute_spreads_requests() -> None:
    """At 30 a minute a request goes every two seconds, and those that come late go at once."""
    clock = Clock()
    pace = Pace(30, clock=clock, sleep=clock.sleep)
    assert [100, 102, 104] == turns(pace, clock, 3)
    clock.now = 150
    assert [150, 152] == turns(pace, clock, 2)


def test_without_a_limit_nobody_waits_but_for_rest() -> None:
    """The longest rest that was asked for counts."""
    clock = Clock()
    pace = Pace(None, clock=clock, sleep=clock.sleep)
    assert [100, 100] == turns(pace, clock, 2)
    pace.rest(5)
    pace.rest(3)
    assert [105, 105] == turns(pace, clock, 2)


def test_waits_double_up_to_the_longest() -> None:
    """After the first fault half a second to one, twice as long after the next, never beyond a minute."""
    patience = Patience()
    for faults, full in ((1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (2000, 60)):
        waits = {patience.wait(faults, random.Random(seed)) for seed in range(50)}
        assert len(waits) == 50
        assert all(full / 2 <= wait <= full for wait in waits)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "inf"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """Forty seconds after 1970, each header means so many seconds, or nothing."""
    assert seconds == told_wait(headers, now=40)


def test_a_server_that_wants_hours_is_refused() -> None:
    """A wait beyond all patience is a failure that says so."""
    with FaultyServer({"a": ["429 3600"]}) as server:
        (failed,) = answers_of(endpoint(server), "a")["a"]
        assert failed.failure is not None
        assert failed.failure.startswith("the server asks to wait 3600 s, which is too long")
        assert server.asked["a"] == 1


def test_no_more_questions_are_under_way_than_may_be() -> None:
    """Samples are drawn as there is room: with three at a time, the server sees three, and so do we."""
    alive = set()

    def drawn() -> Iterator[Asked]:
        for i in range(12):
            alive.add(f"q{i}")
            assert len(alive) <= 3
            yield asked(f"q{i}")

    with FaultyServer({key: ["hang"] for key in ("q0", "q1", "q2")}) as server:
        Thread(target=server.let_go, args=(3,)).start()
        answerer = endpoint(server, concurrency=3)
        for question, _ in answerer.answer(drawn(), GREEDY):
            alive.remove(question.key)
        assert server.most_at_a_time == 3
        # The first three were let go because they were there together, not given up one by one.
        assert not answerer.traffic.faults


# Faults that end the run


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("401", "the key is missing or wrong"),
        ("403", "the key may not ask this model"),
        ("404", "there is no such model"),
        ("elsewhere", "sends us to http://127.0.0.1:9/v1/chat/completions"),
        ("no_quota", "quota is used up"),
    ],
)
def test_what_all_would_meet_ends_the_run(fault: str, said: str) -> None:
    """A wrong key, model or address stops everything at the first request, and names the remedy."""
    names = [f"q{i}" for i in range(50)]
    with FaultyServer(otherwise=[fault]) as server:
        with pytest.raises(ConfigError, match=said) as caught:
            answers_of(endpoint(server, concurrency=2), names)
        (mistake,) = caught.value.mistakes
        assert mistake.where == f"--endpoint {server.url}, --model a-model"
        assert mistake.right
        assert server.asked.total() <= 4


def test_a_server_that_was_never_there_ends_the_run() -> None:
    """Where nothing was ever heard, further questions are not tried for hours."""
    with FaultyServer() as server:
        answerer = endpoint(server, concurrency=2)
    with pytest.raises(ConfigError, match="the connection failed"):
        answers_of(answerer, [f"q{i}" for i in range(50)])


def test_the_key_goes_to_the_server_and_into_no_message() -> None:
    """The server gets the key; an error in which it repeats the key does not show it."""
    with FaultyServer(key="sk-right") as server:
        assert {"a": right("a")} == answers_of(endpoint(server, key="sk-right"), "a")
        with pytest.raises(ConfigError, match=r"Bearer \*\*\*") as caught:
            answers_of(endpoint(server, key="sk-wrong"), "a")
        assert "sk-wrong" not in str(caught.value)
    with FaultyServer({"a": ["repeats_key"] * 9}) as server:
        (failed,) = answers_of(endpoint(server, key="sk-right"), "a")["a"]
        assert failed.failure is not None
        assert "'you are Bearer ***'" in failed.failure


def test_leaving_early_ends_what_is_under_way() -> None:
    """A caller that stops taking answers is not kept waiting by those that hang."""
    with FaultyServer({"b": ["hang"]}) as server:
        answers = endpoint(server, concurrency=2).answer(map(asked, "ab"), GREEDY)
        question, _ = next(answers)
        assert question.key == "a"
        answers.close()  # type: ignore[attr-defined]
        server.release.set()
        assert {"a": 1} == server.answered


# What an answer is


@pytest.mark.parametrize(
    ("manner", "answer"),
    [
        ("under_wrong_type", Answer("answer a", 100, 3)),
        ("no_usage", Answer("answer a")),
        ("negative_usage", Answer("answer a")),
        ("absurd_usage", Answer("answer a")),
        ("thinks", Answer("answer a", 100, 3)),
        ("thinks_aloud", Answer("answer a", 100, 3)),
        ("thinks_on", Answer("", 100, 3, truncated=True)),
        ("thinks_in_parts", Answer("answer a", 100, 3)),
        ("truncated", Answer("answer a and", 100, 3, truncated=True)),
        ("refuses_to_say", Answer("I would rather not.", 100, 3)),
    ],
)
def test_the_answer_is_what_was_said(manner: str, answer: Answer) -> None:
    """Thoughts are no part of it, counts that cannot be are not believed, and a cut end is noted."""
    with FaultyServer({"a": [manner]}) as server:
        assert {"a": (answer,)} == answers_of(endpoint(server), "a")


# Several answers

FOUR = Decoding(max_new_tokens=8, answers=4, temperature=1.0, seed=3)


def test_each_answer_has_a_seed_of_its_own() -> None:
    """A hash of the question's content and the answer's number: whatever it is called, and of how many."""
    with FaultyServer() as server:
        answers = answers_of(endpoint(server), "a", FOUR)["a"]
        seeds = [body["seed"] for body in server.seen["a"].requests]
        assert len({*seeds}) == 4
        assert [f"answer a {seed}" for seed in seeds] == [answer.text for answer in answers]
        named = Asked("another name", asked("a").sample)
        two = list(endpoint(server).answer([named], replace(FOUR, answers=2)))
        assert [(named, answers[:2])] == two
        assert all("n" not in body for body in server.seen["a"].requests)
        (other,) = answers_of(endpoint(server), "b", replace(FOUR, answers=1))["b"]
        assert not any(str(seed) in other.text for seed in seeds)


def test_without_seeds_several_answers_come_by_one_request() -> None:
    """A server that takes `n` is asked once, and its tokens are shared out so that sums stay right."""
    with FaultyServer(takes=["max_tokens", "temperature", "n"]) as server:
        answers = answers_of(endpoint(server), "a", FOUR)["a"]
        assert [f"answer a.{i}" for i in range(4)] == [answer.text for answer in answers]
        assert [(100, 3), (0, 3), (0, 3), (0, 3)] == [
            (answer.prompt_tokens, answer.completion_tokens) for answer in answers
        ]


@pytest.mark.parametrize(
    ("manner", "requests"),
    [
        ({"most": 1, "takes": ["max_tokens", "temperature", "n"]}, [4, 3, 2, 1]),
        ({"takes": ["max_tokens", "temperature"]}, [4, 1, 1, 1, 1]),
        ({"most": 3, "takes": ["max_tokens", "temperature", "n"]}, [4, 1]),
    ],
    ids=["ignores n", "refuses n", "has a limit"],
)
def test_without_n_they_come_by_several_requests(
    manner: dict[str, Any], requests: list[int]
) -> None:
    """A server that ignores `n`, refuses it or gives fewer is asked again for those that are missing."""
    with FaultyServer(**manner) as server:
        answers = answers_of(endpoint(server), "a", FOUR)["a"]
        assert all(answer.failure is None for answer in answers)
        found = [body.get("n", 1) for body in server.seen["a"].requests if "seed" not in body]
        assert requests == found


def test_greedy_answers_are_one() -> None:
    """At temperature 0 a question is asked, and paid, once."""
    with FaultyServer() as server:
        answers = answers_of(endpoint(server), "a", Decoding(answers=3))["a"]
        assert (Answer("answer a", 100, 3), *[Answer("answer a", 0, 0)] * 2) == answers
        assert {"a": 1} == server.asked


def test_answers_that_came_are_kept_beside_one_that_failed() -> None:
    """Of four answers by four requests, those after the fault say why they are missing."""
    with FaultyServer({"a": ["right", "right", "400"]}, most=1) as server:
        answers = answers_of(endpoint(server), "a", FOUR)["a"]
        assert [False, False, True, True] == [answer.failure is not None for answer in answers]


# What servers take


def test_parameters_that_a_server_refuses_are_left_out() -> None:
    """Seed and the old name of the limit are done without, and that is remembered."""
    with FaultyServer(takes=["max_completion_tokens", "temperature"]) as server:
        answerer = endpoint(server, concurrency=1)
        warm = Decoding(max_new_tokens=8, temperature=0.5)
        answered = answers_of(answerer, "ab", warm)
        assert {"a": right("a"), "b": right("b")} == answered
        (body,) = server.seen["b"].requests
        assert body["max_completion_tokens"] == 8
        assert body["temperature"] == 0.5
        assert {"max_tokens", "seed"}.isdisjoint(body)
        assert {"refused max_tokens": 1, "refused seed": 1} == answerer.traffic.faults


def test_a_server_without_temperature_is_noted() -> None:
    """Answers at another temperature than asked for are not passed off in silence."""
    with FaultyServer(takes=["max_tokens"]) as server:
        with pytest.warns(UserWarning, match="takes no temperature"):
            answered = answers_of(endpoint(server), "a")
        assert {"a": right("a")} == answered


def test_a_prompt_that_is_too_long_changes_no_parameter() -> None:
    """A refusal that mentions a parameter in passing is no refusal of the parameter."""
    with FaultyServer({"a": ["too_long"]}) as server:
        answerer = endpoint(server, concurrency=1)
        answered = answers_of(answerer, "ab")
        assert answered["a"][0].failure is not None
        assert server.seen["b"].requests[0]["max_tokens"] == 8
        assert {"400": 1} == answerer.traffic.faults


# What the model is shown


def decoded(part: dict[str, Any], kind: str) -> bytes:
    """The file in a data URL."""
    head, _, data = part[f"{kind}_url"]["url"].partition(",")
    assert head.startswith("data:")
    return base64.b64decode(data)


def two_clips() -> Sample:
    """A sample with labels before its clips, which lie at uneven times."""
    clips = (random_clip(1, frames=3), random_clip(2, frames=2, width=32))
    prompt = question_prompt("Clip 1: ", None, "Clip 2: ", None, "question a")
    return Sample(
        [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, *prompt],
        clips,
        "7",
    )


def test_frames_are_images_after_their_times() -> None:
    """The server gets every frame to the bit, its time before it, and the labels in their places."""
    sample = two_clips()
    with FaultyServer() as server:
        list(endpoint(server).answer([Asked("a", sample)], GREEDY))
        system, user = server.seen["a"].requests[0]["messages"]
    assert {"role": "system", "content": "Be brief."} == system
    times = [f"<{time:.1f} seconds>" for clip in sample.clips for time in clip.times.tolist()]
    texts = [part["text"] for part in user["content"] if part["type"] == "text"]
    assert ["Clip 1: ", *times[:3], "Clip 2: ", *times[3:], "question a"] == texts
    kinds = [part["type"] for part in user["content"]]
    pair = ["text", "image_url"]
    assert ["text", *pair * 3, "text", *pair * 2, "text"] == kinds
    images = [part for part in user["content"] if part["type"] == "image_url"]
    frames = [frame for clip in sample.clips for frame in clip.frames]
    for part, frame in zip(images, frames, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(decoded(part, "image"))))
        assert (frame.permute(1, 2, 0).numpy() == shown).all()


def test_jpeg_is_shown_where_it_is_asked_for() -> None:
    """Quality is a choice, and the images are JPEG then."""
    _, user = chat_of(two_clips(), AsImages(80))
    image = next(part for part in user["content"] if part["type"] == "image_url")
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(decoded(image, "image"))).size == (64, 32)


def test_a_video_has_the_pixels_and_the_times() -> None:
    """The file gives every frame to the bit at its own time, and the times are in the text as well."""
    sample = two_clips()
    _, user = chat_of(sample, AsVideo())
    parts = user["content"]
    assert ["text", "text", "video_url", "text", "text", "video_url", "text"] == [
        part["type"] for part in parts
    ]
    for clip, text, video in zip(sample.clips, parts[1::3], parts[2::3], strict=False):
        stated = ", ".join(f"{time:.1f}" for time in clip.times.tolist())
        assert f"<frames at {stated} seconds>" == text["text"]
        with av.open(io.BytesIO(decoded(video, "video"))) as container:
            frames = list(container.decode(video=0))
        assert len(clip) == len(frames)
        for frame, pixels, time in zip(frames, clip.frames, clip.times.tolist(), strict=True):
            assert frame.time == pytest.approx(time, abs=1 / 90_000)
            shown = frame.to_ndarray(format="rgb24")
            assert (pixels.permute(1, 2, 0).numpy() == shown).all()


def test_a_lossy_video_keeps_the_times() -> None:
    """With a crf the file is the usual kind, with an even size, and still on time."""
    clip = random_clip(1, frames=4, height=31, width=33)
    _, video = AsVideo(20).parts(clip)
    with av.open(io.BytesIO(decoded(video, "video"))) as container:
        frames = list(container.decode(video=0))
    assert {("yuv420p", 34, 32)} == {(f.format.name, f.width, f.height) for f in frames}
    assert clip.times.tolist() == pytest.approx([frame.time for frame in frames], abs=1 / 90_000)


def test_a_single_frame_is_a_video_too() -> None:
    """A clip of one frame has a file of one frame."""
    _, video = AsVideo().parts(random_clip(1, frames=1))
    with av.open(io.BytesIO(decoded(video, "video"))) as container:
        assert len(list(container.decode(video=0))) == 1


def test_identity_tells_apart_what_answers_differently() -> None:
    """Server, model, form of the frames and their quality make another answerer; limits do not."""
    url, other = "http://localhost:8000/v1", "http://localhost:8001/v1"
    answerers = [
        EndpointAnswerer(url, "m"),
        EndpointAnswerer(other, "m"),
        EndpointAnswerer(url, "n"),
        *(EndpointAnswerer(url, "m", frames_as=AsImages(q)) for q in (80, 90)),
        EndpointAnswerer(url, "m", frames_as=AsVideo()),
        EndpointAnswerer(url, "m", frames_as=AsVideo(23)),
    ]
    assert len(answerers) == len({answerer.identity for answerer in answerers})
    same = EndpointAnswerer(f"{url}/", "m", key="k", concurrency=1, requests_per_minute=5)
    assert answerers[0].identity == same.identity
    assert json.loads(same.identity)["url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://user:sk-secret@host/v1",
        "http://host/v1?key=sk-secret",
        "http://host/v1/chat/completions",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Something else than a server's root is named, and a key in it is not repeated."""
    with pytest.raises(ConfigError, match="--endpoint: ") as caught:
        checked_url(url)
    assert "sk-secret" not in str(caught.value)


def test_without_the_client_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed it is told how."""
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.delitem(sys.modules, "videossr_trainers.answering.endpoint")
    with pytest.raises(ConfigError, match=r"pip install 'videossr-trainers\[endpoint\]'"):
        importlib.import_module("videossr_trainers.answering.endpoint")
