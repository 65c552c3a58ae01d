"""Numbers in sentences."""

from __future__ import annotations

import pytest

from videossr.wording import counted, how_often


def test_one_is_no_plural() -> None:
    """Nought and many are."""
    assert ["0 workers", "1 worker", "2,000 workers"] == [
        counted(n, "worker") for n in (0, 1, 2000)
    ]
    assert ["1 process", "2 processes"] == [counted(n, "process", "processes") for n in (1, 2)]


@pytest.mark.parametrize(
    ("times", "words"), [(1, "once"), (1.04, "once"), (2.0, "2 times"), (12.34, "12.3 times")]
)
def test_a_rate_has_no_decimals_that_say_nothing(times: float, words: str) -> None:
    """To a tenth."""
    assert words == how_often(times)
