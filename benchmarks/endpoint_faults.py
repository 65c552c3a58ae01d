"""What a server's faults cost: the log of a run in which each is met on purpose.

    uv run --group test python benchmarks/endpoint_faults.py

A real server on loopback misbehaves, the real client library asks it. For each fault, four questions whose
first requests meet it: the requests that they took, those beyond one each, how long that was waited for,
and how they ended. Then one run of 200 questions with all faults that pass mixed, killed by SIGKILL when
half of it is there, and resumed.

Exits with 1 if a question was lost, or answered with another's answer, or if after the kill one was
answered twice. Prints last the answers that questions with passing faults ended with, to the questions.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from videossr.errors import ConfigError

TESTS = Path(__file__).parents[1] / "trainers" / "tests"
sys.path.insert(0, str(TESTS))

from asked_questions import answers_of, names, remote  # noqa: E402 - in tests
from faulty_server import FaultyServer  # noqa: E402

from videossr_trainers.answering.endpoint import EndpointAnswerer  # noqa: E402
from videossr_trainers.answering.limits import Patience  # noqa: E402

#: As usual, but for shorter waits.
PATIENCE = Patience(tries=5, first_wait=0.05, longest_wait=1.0, longest_told=5.0, request=1.0)

#: What a question's first requests meet.
PASSING = {
    "slow": ["slow"],
    "timeout (silent)": ["hang"],
    "408": ["408"],
    "409": ["409"],
    "429": ["429"],
    "429, Retry-After 0.5": ["429 0.5"],
    "500": ["500"],
    "503, twice": ["503", "503"],
    "cut mid-body": ["cut"],
    "closed before an answer": ["drop"],
    "reset": ["reset"],
    "malformed JSON": ["malformed"],
    "empty body": ["nothing"],
    "empty choices": ["empty"],
    "no message": ["no_message"],
    "another object": ["other_object"],
    "error under 200": ["error_with_200"],
    "HTML under 200": ["html"],
    "bytes under 200": ["binary"],
    "two answers for one": ["two_for_one"],
    "answer to another request": ["misdirected"],
    "right, as text/plain": ["under_wrong_type"],
    "usage missing": ["no_usage"],
    "usage negative": ["negative_usage"],
    "usage absurd": ["absurd_usage"],
    "thoughts": ["thinks"],
    "cut off by the limit": ["truncated"],
}
LASTING = {
    "500, for ever": ["500"] * 9,
    "malformed, for ever": ["malformed"] * 9,
    "429, Retry-After 3600": ["429 3600"],
    "400": ["400"],
    "413": ["413"],
    "content filter": ["withheld"],
}
ENDING = {
    "401": ["401"] * 9,
    "403": ["403"] * 9,
    "404": ["404"] * 9,
    "307 to elsewhere": ["elsewhere"] * 9,
    "quota used up": ["no_quota"] * 9,
}


def outcome(fault: str, plan: list[str], table: Table) -> int:
    """Ask four questions that meet a fault, add a row, and count the answers.

    A fifth question before them meets none, so that there is another request to be taken for.
    """
    four = names(5, 1)
    with FaultyServer(dict.fromkeys(four, plan)) as server:
        answerer = EndpointAnswerer(server.url, "m", concurrency=4, patience=PATIENCE)
        start = time.monotonic()
        try:
            answers_of(answerer, names(1))
            answered = answers_of(answerer, four)
        except ConfigError as error:
            result, right = f"run ended: {error.mistakes[0].problem}", 0
        else:
            lost = set(four) - set(answered)
            wrong = [
                name
                for name, (answer,) in answered.items()
                if answer.failure is None and not answer.text.startswith(f"answer {name}")
            ]
            if lost or wrong:
                raise SystemExit(f"{fault}: lost {lost}, answered wrongly {wrong}")
            (answer,) = answered[four[0]]
            right = sum(answers[0].failure is None for answers in answered.values())
            result = f"{right} answered" if right else f"4 failed: {answer.failure}"
            if right and answer.truncated:
                result += ", noted as cut off"
            if right and answer.prompt_tokens is None:
                result += ", tokens unknown"
        seconds = time.monotonic() - start
        requests = sum(server.asked[name] for name in four)
        counted = ", ".join(f"{n} {kind}" for kind, n in sorted(answerer.traffic.faults.items()))
        again = max(0, requests - len([name for name in four if server.asked[name]]))
        table.add_row(fault, str(requests), str(again), counted, f"{seconds:.2f}", result)
    return right


_ASK = """
import sys
sys.path[:0] = [{folder!r}]
from pathlib import Path
from asked_questions import GREEDY, asked, names, remote
for _ in remote({url!r}, Path({path!r})).answer(map(asked, names(200)), GREEDY):
    pass
"""


def killed_and_resumed(console: Console) -> None:
    """Kill a run of 200 questions with mixed faults half-way, resume it, and count."""
    every = names(200)
    short = ["429 0.01", "500", "cut", "malformed", "empty", "html", "slow", "reset", "binary"]
    # Every fourth question meets a fault. The 101st and the two after it are awaited at the kill.
    plans = dict(zip(every[::4], ([fault] for fault in cycle(short)), strict=False))
    plans |= {name: ["hang"] for name in islice(every, 101, 104)}
    with tempfile.TemporaryDirectory() as folder, FaultyServer(plans) as server:
        path = Path(folder, "answers.jsonl")
        script = _ASK.format(folder=str(TESTS), url=server.url, path=str(path))
        child = subprocess.Popen([sys.executable, "-c", script])
        for _ in range(3):
            server.hanging.acquire()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        before, lines = server.answered.total(), len(path.read_bytes().splitlines()) - 1
        server.release.set()
        again = remote(server.url, path)
        answered = answers_of(again, every)
        right = {name: f"answer {name}" for name in every}
        if right != {name: answers[0].text for name, answers in answered.items()}:
            raise SystemExit("a question was lost, or answered wrongly")
        twice = [name for name, count in server.answered.items() if count != 1]
        if twice or len(server.answered) != len(every):
            raise SystemExit(f"answered otherwise than once: {twice}")
        found = again.found.answers
        console.print(
            f"200 questions, killed with {before} answered ({lines} on disk) and 3 awaited; resumed: "
            f"{found} found, {len(answered) - found} asked, {len(answered)} answered; "
            f"{server.asked.total()} requests in all, right answers by the server: exactly one for each"
        )


def main() -> None:
    """Meet every fault, print the log, and the share of answers."""
    console = Console(width=160)
    table = Table("fault", "requests", "again", "counted as", "s", "outcome", box=None)
    with_answer = 0
    for fault, plan in PASSING.items():
        with_answer += outcome(fault, plan, table)
    for fault, plan in (LASTING | ENDING).items():
        outcome(fault, plan, table)
    console.print("four questions each, five tries at most")
    console.print(table)
    killed_and_resumed(console)
    print(f"endpoint_faults: {with_answer / (4 * len(PASSING)):.3f}")


if __name__ == "__main__":
    main()
