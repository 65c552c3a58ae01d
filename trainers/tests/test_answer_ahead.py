"""Work ahead of whoever takes it: in order, few at a time, and let go when it is left."""

from __future__ import annotations

import time
from itertools import count
from threading import Event, Timer

from videossr_trainers.answering.ahead import ahead


def test_results_come_in_order_and_faults_with_their_items() -> None:
    """Whichever thread is done first; a fault of one is none of the next."""

    def make(item: int) -> float:
        time.sleep(0.002 * (item % 3))
        return 1 / item

    taken = [
        (item, made.exception() or made.result()) for item, made in ahead(range(9), make, workers=3)
    ]
    assert list(range(9)) == [item for item, _ in taken]
    assert isinstance(taken[0][1], ZeroDivisionError)
    assert [1 / item for item in range(1, 9)] == [made for _, made in taken[1:]]


def test_few_are_made_ahead() -> None:
    """Two for each worker beside the one that is taken, however slowly they are, and of no end of them."""
    drawn: list[int] = []
    results = ahead((drawn.append(i) or i for i in count()), str, workers=2)
    for number in range(5):
        item, made = next(results)
        assert (number, str(number)) == (item, made.result())
        assert number + 1 + 2 * 2 == len(drawn)
    results.close()  # type: ignore[attr-defined]


def test_what_has_not_begun_is_let_go() -> None:
    """Left early, nothing more is begun: a run that is interrupted ends soon."""
    begun: list[int] = []
    go = Event()

    def make(item: int) -> int:
        begun.append(item)
        if item:
            go.wait(5)
        return item

    results = ahead(range(8), make, workers=1)
    next(results)
    Timer(0.3, go.set).start()
    results.close()  # type: ignore[attr-defined]
    assert begun in ([0], [0, 1])
