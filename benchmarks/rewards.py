"""What a million answers cost to grade, most of which nobody asked for.

    uv run python benchmarks/rewards.py                    # a million of each task; fewer: --answers 20000

Puts random and adversarial answers through the reward of each task, by `Task.score` as training does: near
misses, digits at random, numbers that no float holds, digits of other scripts, control characters, prose,
code fences whole and broken, and runs of up to 100,000 characters. The same seed makes the same answers.
Each has to come out as a finite number in [0, 1]; what raises anything ends the run.

The peer is the same reward, called as the function that it is; the limit is a bare regular expression and
`float()` on the same answers, which grades nothing. They take turns, and in turn are the first at a batch,
while its texts are not in the caches yet. Prints for each task the CPU seconds that a million answers take,
the share that had the form of an answer, and the seconds of peer and limit; last the ratio of all the
seconds to all of the peer's.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import time
from collections import Counter, defaultdict
from functools import partial
from importlib.metadata import entry_points
from inspect import signature
from itertools import islice
from typing import TYPE_CHECKING, Any

from videossr import Perturbations, Unparsable
from videossr.completion import said
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from videossr.facades import Task

MILLION = 1_000_000
BATCH = 10_000  # answers that are made, and then graded

#: One answer in so many is a long run.
RUN_EVERY = 1_000
LONGEST_RUN = 100_000  # characters

#: CPU seconds on one core that the project allows for a million.
ALLOWED = 60

#: A true answer to each task, and what its reward looks at.
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "anomaly": ("14.5-26.2", {"start": 14.5, "end": 26.2}),
    "counting": ("3,1,4", {"counts": [3, 1, 4]}),
    "jigsaw": ("341562", {"order": [3, 4, 1, 5, 6, 2]}),
}

NUMBER = re.compile(r"[0-9]+")
BARE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:[,-][0-9]{1,9}(?:\.[0-9]{1,9})?)*")
JOINT = re.compile("[,-]")

FORM = "0123456789,.- "
SPECIAL = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "1e5",
    "1e999",
    "1e-999",
    "0x10",
    "1_0",
    "",
    "+1",
    "00",
    "1/2",
)
SCRIPTS = (0x0660, 0x06F0, 0x0966, 0xFF10, 0x1D7CE, 0x2080)  # where their digits begin
MARKS = ("\0", "\u200f", "\u202e", "\u200b", "\ufeff", "\x1b[31m", "\ud800", "\x85", "\u2028", "\n")
PROSE = (
    "The answer is {}.",
    "I think {}",
    "{} because of the light",
    "Answer: {}",
    "<answer>{}</answer>",
    "**{}**",
    '{{"answer": "{}"}}',
    "from {} on",
    "{} or {}",
    "I do not know.",
)
FENCES = (
    "```\n{}\n```",
    "```text\n{}```",
    "```{}",
    "{}```",
    "``{}``",
    "```json\n{}\n",
    "```\n```{}",
)
AROUND = ("{}", " {}", "{} ", "\t{}\n", "{}.", "{} .", "{}\r\n", "  {}  ")
RUNS = (" ", "0", "9", ",", "-", "1,", "1 ", ". ", "\n", "`", "```\n", "1-", "s ", "\u0663", "\0")


def answers(true: str, count: int, seed: int = 0) -> Iterator[str]:
    """Answers to a question with this true answer: as many as asked for, from the seed alone."""
    rng = random.Random(f"{seed} {true}")  # noqa: S311 - reproducible, not secret
    ways: tuple[Callable[[str, random.Random], str], ...] = (
        near_miss,
        near_miss,
        lenient,
        lenient,
        scrambled,
        defaced,
        special,
        huge,
        foreign,
        marked,
        prose,
        fenced,
    )
    for number in range(count):
        yield (run if number % RUN_EVERY == 0 else rng.choice(ways))(true, rng)


def near_miss(true: str, rng: random.Random) -> str:
    """The true answer with other digits here and there."""
    share = rng.random()
    return "".join(
        rng.choice("0123456789") if one.isdigit() and rng.random() < share else one for one in true
    )


def lenient(true: str, rng: random.Random) -> str:
    """A near miss with form around it and within that may be forgiven."""
    answer = near_miss(true, rng)
    for joint, others in (("-", (" - ", " to ", "s-", "\u2013")), (",", (", ", " , ", ",  "))):
        answer = answer.replace(joint, rng.choice((joint, *others)))
    return rng.choice(AROUND).format(answer)


def scrambled(true: str, rng: random.Random) -> str:
    """The characters of answers, in any order."""
    return "".join(rng.choices(FORM, k=rng.randrange(3 * len(true))))


def defaced(true: str, rng: random.Random) -> str:
    """A near miss with one character taken out, put in or changed."""
    answer, at = near_miss(true, rng), rng.randrange(len(true))
    put = rng.choice(("", chr(rng.randrange(0xD800)), rng.choice(FORM)))
    return answer[:at] + put + answer[at + rng.randrange(2) :]


def special(true: str, rng: random.Random) -> str:
    """Other ways to write numbers in the place of the first, or of all."""
    return NUMBER.sub(rng.choice(SPECIAL), true, count=rng.randrange(2))


def huge(true: str, rng: random.Random) -> str:
    """A number of up to 400 digits in the place of the first, negative at times."""
    digits = rng.choice(("", "-")) + str(rng.getrandbits(rng.randrange(1, 1300)))
    return NUMBER.sub(digits, true, count=1)


def foreign(true: str, rng: random.Random) -> str:
    """The digits of another script."""
    zero = rng.choice(SCRIPTS)
    return near_miss(true, rng).translate({48 + digit: zero + digit for digit in range(10)})


def marked(true: str, rng: random.Random) -> str:
    """A near miss with a character in it that cannot be seen."""
    at = rng.randrange(len(true) + 1)
    answer = near_miss(true, rng)
    return answer[:at] + rng.choice(MARKS) + answer[at:]


def prose(true: str, rng: random.Random) -> str:
    """A near miss in words."""
    answer = near_miss(true, rng)
    return rng.choice(PROSE).format(answer, answer)


def fenced(true: str, rng: random.Random) -> str:
    """A near miss in a code fence, whole or broken."""
    return rng.choice(FENCES).format(near_miss(true, rng))


def run(true: str, rng: random.Random) -> str:
    """A long run before, within, after or in place of the true answer."""
    piece = rng.choice(RUNS)
    times = int(LONGEST_RUN ** rng.uniform(0.25, 1) / len(piece))
    at = rng.randrange(len(true) + 1)
    return rng.choice((true[:at] + piece * times + true[at:], piece * times))


def bound_tasks() -> dict[str, Task]:
    """The tasks, found as in a run and bound to their defaults."""
    registry = Registry()
    mirror = registry.perturbation("mirror", registry.schema("mirror")())
    settings = {"anomaly": {"perturbations": Perturbations({"mirror": (mirror, 1.0)})}}
    return {
        name: registry.task(name, registry.schema(name)(**settings.get(name, {})), 0.5)
        for name in ASKED
    }


def graded(task: Task, completions: list[str], true: str, target: dict[str, Any]) -> int:
    """How many of the answers had the form of one; each was worth a finite number in [0, 1]."""
    parsed = 0
    for completion in completions:
        score = task.score(completion, true, target)
        assert math.isfinite(score.value), completion[:80]
        assert 0 <= score.value <= 1, completion[:80]
        parsed += score.parsed
    return parsed


def read(completions: list[str]) -> int:
    """The limit: how many of the answers are numbers and joints alone."""
    found = 0
    for completion in completions:
        if BARE.fullmatch(completion):
            found += all(float(number) >= 0 for number in JOINT.split(completion))
    return found


def bare(name: str, config: BaseModel) -> Callable[[list[str], str, dict[str, Any]], int]:
    """The peer: a plugin's reward as a function, of what an answer says."""
    (point,) = entry_points(group="videossr", name=name)
    reward = point.load().reward
    wanted = signature(reward).parameters

    def grade(completions: list[str], true: str, target: dict[str, Any]) -> int:
        given = {"answer": true, "target": target, "config": config}
        fixed = {argument: value for argument, value in given.items() if argument in wanted}
        parsed = 0
        for completion in completions:
            try:
                reward(completion=said(completion), **fixed)
            except Unparsable:
                continue
            parsed += 1
        return parsed

    return grade


def main() -> None:
    """Grade the answers of each task and print the table."""
    parser = argparse.ArgumentParser(description="A million answers through each reward.")
    parser.add_argument("--answers", type=int, default=MILLION)
    count = parser.parse_args().answers
    per_million = MILLION / count
    print(
        f"{'task':10}{'CPU s a million':>17}{'allowed':>9}{'parsed':>9}{'bare s':>9}{'ratio':>8}"
        f"{'limit s':>9}"
    )
    spent: dict[str, float] = defaultdict(float)
    for name, task in bound_tasks().items():
        true, target = ASKED[name]
        assert task.score(true, true, target).value == 1.0
        made, reward = answers(true, count), bare(name, task.config)
        own: dict[str, float] = defaultdict(float)
        parsed: Counter[str] = Counter()
        first = 0
        while batch := list(islice(made, BATCH)):
            ways = {
                "ours": partial(graded, task, batch, true, target),
                "bare": partial(reward, batch, true, target),
                "limit": partial(read, batch),
            }
            order = [*ways]
            for way in order[first % 3 :] + order[: first % 3]:
                started = time.process_time()
                parsed[way] += ways[way]()
                own[way] += time.process_time() - started
            first += 1
        assert parsed["ours"] == parsed["bare"]
        print(
            f"{name:10}{own['ours'] * per_million:17.1f}{ALLOWED:9}{parsed['ours'] / count:9.3f}"
            f"{own['bare'] * per_million:9.2f}{own['ours'] / own['bare']:8.2f}"
            f"{own['limit'] * per_million:9.2f}"
        )
        for way, seconds in own.items():
            spent[way] += seconds
    print(f"rewards: {spent['ours'] / spent['bare']:.2f}")


if __name__ == "__main__":
    main()
