"""Answers on disk: what is found again, what survives, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import torch
from asked_questions import GREEDY, answers_of, asked, names, remote
from faulty_server import FaultyServer

from videossr import ConfigError
from videossr.sample import question_prompt
from videossr_trainers.answering import Answer, Asked, Decoding
from videossr_trainers.answering.cache import AnswerCache, content_key
from videossr_trainers.answering.cached import Cached
from videossr_trainers.answering.cost import Prices, Spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Echo:
    """An answerer that says a question's key, four questions at a time, the last first.

    Args:
        failing: keys of questions that fail.
    """

    identity = '{"kind": "echo"}'

    def __init__(self, failing: Iterable[str] = ()) -> None:
        self.failing = set(failing)
        self.asked: list[str] = []
        self.starts = 0

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        self.starts += 1
        batch: list[Asked] = []
        for question in questions:
            batch.append(question)
            if len(batch) == 4:
                yield from self._say(batch, decoding)
                batch = []
        yield from self._say(batch, decoding)

    def _say(
        self, batch: list[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        for question in reversed(batch):
            self.asked.append(question.key)
            failure = "no" if question.key in self.failing else None
            answer = Answer(f"said {question.key}", 10, 2, failure=failure)
            yield question, (answer,) * decoding.answers


#: What `Echo` says to q0.
SAID: Final = (Answer("said q0", 10, 2),)


# What is found again


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    """A second run over more questions asks the new ones, and gives the same answers to the old."""
    path = tmp_path / "deep" / "answers.jsonl"
    first = answers_of(Cached(Echo(), AnswerCache(path)), names(10))
    echo = Echo()
    again = Cached(echo, AnswerCache(path))
    second = answers_of(again, names(15))
    assert second | first == second
    assert set(names(15, 10)) == set(echo.asked)
    assert 10 == again.found.answers


def test_a_failure_is_asked_again(tmp_path: Path) -> None:
    """Failures are yielded and not kept."""
    path = tmp_path / "answers.jsonl"
    answered = answers_of(Cached(Echo(["q1"]), AnswerCache(path)), names(3))
    assert answered["q1"][0].failure == "no"
    echo = Echo()
    assert answers_of(Cached(echo, AnswerCache(path)), names(3))["q1"][0].failure is None
    assert ["q1"] == echo.asked


def test_a_failure_cannot_be_kept(tmp_path: Path) -> None:
    """The file itself refuses one."""
    with pytest.raises(ValueError, match="a failure is not kept"):
        AnswerCache(tmp_path / "answers.jsonl").add("k", (Answer("", failure="no"),))


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    """Every field, and every letter that a model may say."""
    answers = (
        Answer('"\n\u2028é\ud800\0', 1, 2, truncated=True),
        Answer("", None, None),
    )
    path = tmp_path / "answers.jsonl"
    AnswerCache(path).add("k", answers)
    assert answers == AnswerCache(path).get("k")


def test_a_question_that_comes_twice_is_asked_once(tmp_path: Path) -> None:
    """The same content under two keys, at a time or later: one request, and an answer for each."""
    echo = Echo()
    # More than are held back at a time.
    twins = [Asked(f"twin{i}", asked("a").sample) for i in range(40)]
    cached = Cached(echo, AnswerCache(tmp_path / "answers.jsonl"))
    answered = {question.key: answers for question, answers in cached.answer(twins, GREEDY)}
    assert {twin.key for twin in twins} == set(answered)
    assert 1 == len(set(answered.values())) == len(echo.asked)
    # Nothing was in the cache before; the next time all is.
    assert (0, 39) == (cached.found.answers, cached.repeated.answers)
    list(cached.answer(twins, GREEDY))
    assert (40, 39) == (cached.found.answers, cached.repeated.answers)


def test_many_known_questions_do_not_pile_up(tmp_path: Path) -> None:
    """However many questions are known, few samples are in memory, and none waits for a missing one."""
    path = tmp_path / "answers.jsonl"
    answers_of(Cached(Echo(), AnswerCache(path)), names(100))
    alive: set[str] = set()
    most = 0

    def drawn() -> Iterator[Asked]:
        nonlocal most
        for name in ["new0", *names(100)[:50], "new1", *names(100)[50:], "new2"]:
            alive.add(name)
            most = max(most, len(alive))
            yield asked(name)

    echo = Echo()
    for question, _ in Cached(echo, AnswerCache(path)).answer(drawn(), GREEDY):
        alive.remove(question.key)
    assert not alive
    assert most <= 16 + 4 + 1
    assert ["new0", "new1", "new2"] == sorted(echo.asked)


def test_the_model_is_not_started_for_what_is_known(tmp_path: Path) -> None:
    """Where all is known, nobody is asked anything."""
    path = tmp_path / "answers.jsonl"
    answers_of(Cached(Echo(), AnswerCache(path)), names(40))
    echo = Echo()
    answers_of(Cached(echo, AnswerCache(path)), names(40))
    assert 0 == echo.starts


def test_the_key_is_the_content() -> None:
    """All that a model sees or is told of makes another key; answer, target and name do not."""
    (sample,) = [asked("a").sample]
    (clip,) = sample.clips
    brighter = clip.with_frames(clip.frames.clone().add_(1))
    later = replace(clip, times=clip.times + 0.1)
    key = content_key("{}", GREEDY, sample)
    others = [
        content_key("{1}", GREEDY, sample),
        content_key("{}", replace(GREEDY, seed=1), sample),
        content_key("{}", replace(GREEDY, max_new_tokens=9), sample),
        content_key("{}", GREEDY, replace(sample, clips=(brighter,))),
        content_key("{}", GREEDY, replace(sample, clips=(later,))),
        content_key("{}", GREEDY, replace(sample, prompt=question_prompt(None, "else?"))),
        content_key("{}", GREEDY, replace(sample, prompt=question_prompt("question a", None))),
    ]
    assert len({key, *others}) == 8
    assert key == content_key("{}", GREEDY, replace(sample, answer="8", target={"x": 1}))
    scattered = clip.with_frames(clip.frames.permute(1, 0, 2, 3).contiguous().permute(1, 0, 2, 3))
    assert torch.equal(scattered.frames, clip.frames)
    assert key == content_key("{}", GREEDY, replace(sample, clips=(scattered,)))


class Forgetful(Echo):
    """Loses every second question."""

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        yield from list(super().answer(questions, decoding))[::2]


def test_an_answerer_that_loses_questions_is_found_out(tmp_path: Path) -> None:
    """A question that never comes back is an error, not a gap."""
    with pytest.raises(RuntimeError, match="Forgetful lost the question 'q"):
        answers_of(Cached(Forgetful(), AnswerCache(tmp_path / "answers.jsonl")), names(6))


# What survives


def test_a_file_cut_at_any_byte_is_gone_on_with(tmp_path: Path) -> None:
    """Wherever a kill cuts the file, the whole lines before it are there, and writing goes on."""
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    for name in "abc":
        cache.add(name, SAID)
    whole = path.read_bytes()
    ends = [i for i in range(len(whole)) if whole[i : i + 1] == b"\n"]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        # At an end that lacks but its end of line, nothing is missing.
        sound = cut == 0 or cut - 1 in ends or cut in ends[1:]
        if sound:
            again = AnswerCache(path)
        else:
            with pytest.warns(UserWarning, match="torn by a kill"):
                again = AnswerCache(path)
        known = max(0, sum(end <= cut for end in ends[1:]))
        assert known == len(again)
        again.add("d", SAID)
        assert known + 1 == len(AnswerCache(path))


_ADD: Final = """
import sys
from pathlib import Path
from videossr_trainers.answering import Answer
from videossr_trainers.answering.cache import AnswerCache
cache, start = AnswerCache(Path(sys.argv[1])), int(sys.argv[2])
for i in range(start, start + 100):
    cache.add(f"k{i}", (Answer("x" * 3000),))
"""


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """Both write at a time; no line is torn or lost, and each finds what the other has written."""
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    words = [sys.executable, "-c", _ADD, str(path)]
    writers = [subprocess.Popen([*words, start]) for start in ("0", "100")]
    assert [0, 0] == [writer.wait() for writer in writers]
    assert all(cache.get(f"k{i}") is not None for i in range(200))
    assert 201 == len(path.read_bytes().splitlines())


def test_what_another_adds_is_found(tmp_path: Path) -> None:
    """Two at one file, adding in turn, have all answers at any time."""
    path = tmp_path / "answers.jsonl"
    one, other = AnswerCache(path), AnswerCache(path)
    for i in range(3):
        one.add(f"one{i}", SAID)
        assert SAID == other.get(f"one{i}")
        other.add(f"other{i}", SAID)
        one.add(f"again{i}", SAID)
    assert SAID == one.get("other2")
    assert 9 == len(one)


_ASK: Final = """
import sys
from pathlib import Path
sys.path[:0] = {folders!r}
from asked_questions import GREEDY, asked, names, remote
for question, answers in remote({url!r}, Path({path!r})).answer(map(asked, names(12)), GREEDY):
    print(question.key, flush=True)
"""


def test_a_killed_run_asks_nothing_twice(tmp_path: Path) -> None:
    """Kill -9 with answers there and others awaited: over both runs, each question is answered once."""
    path = tmp_path / "answers.jsonl"
    hanging = names(8, 5)
    faults = {"q1": ["500"], "q3": ["malformed"], **{key: ["hang"] for key in hanging}}
    folders = [str(Path(__file__).parent)]
    with FaultyServer(faults) as server:
        script = _ASK.format(folders=folders, url=server.url, path=str(path))
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in hanging:
            assert server.hanging.acquire(timeout=120)
        assert child.stdout is not None
        told = {child.stdout.readline().strip() for _ in range(5)}
        os.kill(child.pid, signal.SIGKILL)
        assert -signal.SIGKILL == child.wait()
        child.stdout.close()
        assert set(names(5)) == told
        assert dict.fromkeys(names(5), 1) == server.answered
        server.release.set()

        again = remote(server.url, path)
        answered = answers_of(again, names(12))
        assert {name: f"answer {name}" for name in names(12)} == {
            name: answers[0].text for name, answers in answered.items()
        }
        assert dict.fromkeys(names(12), 1) == server.answered
        asked_for = dict.fromkeys(names(12), 1) | dict.fromkeys(["q1", "q3", *hanging], 2)
        assert asked_for == server.asked
        assert 5 == again.found.answers


def test_an_answer_is_kept_before_it_is_taken(tmp_path: Path) -> None:
    """What has arrived is on disk, even if whoever asked is busy with the answer before."""
    path = tmp_path / "answers.jsonl"
    with FaultyServer() as server:
        cached = remote(server.url, path)
        answers = cached.answer(map(asked, names(3)), GREEDY)
        next(answers)
        kept = AnswerCache(path)
        keys = [content_key(cached.identity, GREEDY, asked(name).sample) for name in names(3)]
        # The caller takes nothing, and yet they come.
        for _ in range(3000):
            if all(kept.get(key) for key in keys):
                break
            time.sleep(0.01)
        assert all(kept.get(key) for key in keys)
        answers.close()  # type: ignore[attr-defined]


# What is refused


def filled(path: Path) -> list[str]:
    """A file of three answers, by lines."""
    cache = AnswerCache(path)
    for name in "abc":
        cache.add(name, SAID)
    return path.read_text().splitlines(keepends=True)


def test_a_changed_line_is_refused(tmp_path: Path) -> None:
    """An answer that is not as it was written is no answer; file and line are named."""
    path = tmp_path / "answers.jsonl"
    lines = filled(path)
    path.write_text("".join([*lines[:2], lines[2].replace("said q0", "said q1"), lines[3]]))
    with pytest.raises(ConfigError, match=r"answers\.jsonl: line 3 is damaged; take that line out"):
        AnswerCache(path)


@pytest.mark.parametrize("line", ["\n", "{}\n", "[1]\n", "null\n", "{\n", '"check"\n', "\0\0\0\n"])
def test_a_line_that_is_no_entry_is_refused(tmp_path: Path, line: str) -> None:
    """Whatever a disk or an editor has put there, it is a clear error."""
    path = tmp_path / "answers.jsonl"
    lines = filled(path)
    path.write_text("".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(ConfigError, match="line 3 is damaged"):
        AnswerCache(path)


@pytest.mark.parametrize("content", ["key,answer\na,b\n", "{}", '{"videossr": "results"}\n', "\0"])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    """A file of something else is named, and not a byte of it changes."""
    path = tmp_path / "answers.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match="is no file of answers"):
        AnswerCache(path)
    assert content == path.read_text()


def test_a_file_that_shrinks_in_use_is_refused(tmp_path: Path) -> None:
    """Somebody else's hand in the file is noticed before more is written."""
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    cache.add("a", SAID)
    path.unlink()
    with pytest.raises(ConfigError, match="has shrunk while in use"):
        cache.add("b", SAID)


# What it took


def test_tokens_and_cost_are_those_that_are_known() -> None:
    """By hand: 110 x 2 + 7 x 10 millionths; failures and uncounted answers are told apart."""
    answers = [
        Answer("a", 100, 3),
        Answer("b", 10, 4, truncated=True),
        Answer("c"),
        Answer("d", 5, None),
        Answer("", failure="no"),
    ]
    spent = Spent.on(answers)
    assert Spent(5, 1, 1, 2, 110, 7) == spent
    assert spent.cost(Prices(2.0, 10.0)) == pytest.approx(290e-6)
    assert Spent(10, 2, 2, 4, 220, 14) == spent + spent
    assert spent.in_words(Prices(2.0, 10.0)) == (
        "4 answers, 110 + 7 tokens, cost at least 0.0003, 1 failed, "
        "1 cut off by --max-new-tokens, 2 without a token count"
    )


def test_lines_are_json(tmp_path: Path) -> None:
    """Whoever wants to can read the file without us."""
    path = tmp_path / "answers.jsonl"
    head, first, *_ = map(json.loads, filled(path))
    assert {"videossr": "answers", "version": 1} == head
    assert "said q0" == first["answers"][0]["text"]
