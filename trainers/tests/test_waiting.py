"""The share of a step that goes by waiting for data."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from videossr_trainers.console import StageConsole
from videossr_trainers.rollouts.waiting import DataWait


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_what_is_measured_is_the_wait() -> None:
    """By hand: 1 s of 4 s, then twice 1 s of 8 s, and nothing of what was before the training."""
    clock, logged = Clock(), []
    wait = DataWait(lambda name, value: logged.append((name, value)), clock)

    def slow() -> str:
        clock.now += 1.0
        return "batch"

    fetch = wait.around(slow)
    fetch()
    wait.on_train_begin(None, None, None)
    assert "batch" == fetch()
    clock.now += 3.0
    wait.on_step_end(None, None, None)
    fetch()
    fetch()
    clock.now += 6.0
    wait.on_step_end(None, None, None)
    assert [
        ("data_wait_s", 1.0),
        ("data_wait", 0.25),
        ("data_wait_s", 2.0),
        ("data_wait", 0.25),
    ] == logged


def test_a_fetch_that_fails_fails() -> None:
    """The end of the data is the end of the data; and was waited for."""
    clock, logged = Clock(), []
    wait = DataWait(lambda name, value: logged.append((name, value)), clock)

    def ends() -> str:
        clock.now += 1.0
        raise StopIteration

    wait.on_train_begin(None, None, None)
    with pytest.raises(StopIteration):
        wait.around(ends)()
    clock.now += 1.0
    wait.on_step_end(None, None, None)
    assert [("data_wait_s", 1.0), ("data_wait", 0.5)] == logged


def lines(*logs: dict[str, float]) -> list[str]:
    """What is told of steps where there is no terminal."""
    console = Console(width=200, record=True, file=StringIO())
    with StageConsole(console=console) as stages:
        for step, log in enumerate(logs, 1):
            stages.report("grpo", step, len(logs), log)
    return [line for line in console.export_text().splitlines() if line.startswith("grpo 1/")]


def test_a_long_wait_is_told_and_a_short_one_is_not() -> None:
    """Above a twentieth, beside the rewards of the tasks; their levels would fill the line."""
    log = {"loss": 0.5, "reward/first": 0.25, "reward/first/0.5": 0.125}
    assert ["grpo 1/1: first 0.25"] == lines({**log, "data_wait": 0.04})
    assert ["grpo 1/1: first 0.25, waits for data 12%"] == lines({**log, "data_wait": 0.12})
    assert ["grpo 1/1: loss 0.500"] == lines({"loss": 0.5})


def test_a_log_is_not_filled_with_steps() -> None:
    """The first and the last, and others only after a while."""
    told = lines(*[{"loss": 0.5}] * 12)
    assert ["grpo 1/12: loss 0.500"] == told
