"""Which stretch of a video a question looks at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr import Unsuitable
from videossr.config import VideoConfig
from videossr.video_table import VideoRow
from videossr.windows import Window, window_of


def video(first: float = 0.0, last: float = 10.0, content: str = "c0ffee") -> VideoRow:
    """A video between two times."""
    return VideoRow("a.mp4", "ok", hash=content, first=first, last=last)


def config(**settings: object) -> VideoConfig:
    """Eight frames to a window."""
    return VideoConfig.model_validate({"num_frames": 8, "min_frames": 8, **settings})


def test_without_spacing_it_is_the_whole_video() -> None:
    """From the first frame to the last, whoever asks."""
    row = video(0.04, 9.96)
    for index in range(3):
        assert Window(0.04, 9.96, 8) == window_of(row, config(), 1, "pick", index)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (2.0, Window(0.0, 2.0, 5)),  # 0, 0.5, 1, 1.5, 2
        (2.4, Window(0.0, 2.0, 5)),
        (3.0, Window(0.0, 3.0, 7)),
        (3.5, Window(0.0, 3.5, 8)),
        (60.0, Window(0.0, 60.0, 8)),  # the cap: eight frames over the minute
    ],
)
def test_a_fixed_rate_has_a_cap(last: float, expected: Window) -> None:
    """Two frames a second, until eight frames are reached."""
    assert expected == window_of(video(0.0, last), config(fps=2), 1, "pick", 0)


def test_both_ends_may_be_trimmed() -> None:
    """A tenth of ten seconds at either end, for the whole video and for windows of it."""
    row = video(0.5, 10.5)
    assert Window(1.5, 9.5, 8) == window_of(row, config(trim=0.1), 1, "pick", 0)
    assert Window(1.5, 9.0, 7) == window_of(row, config(trim=0.1, fps=0.8), 1, "pick", 0)
    windows = [window_of(row, config(trim=0.1, spacing=0.5), 1, "pick", i) for i in range(50)]
    assert min(window.start for window in windows) >= 1.5
    assert max(window.stop for window in windows) <= 9.5


@given(st.floats(0, 1e4), st.floats(0.01, 100), st.floats(0, 0.49))
def test_a_fixed_rate_stays_within_the_video(length: float, fps: float, trim: float) -> None:
    """Never more frames than asked for, never a time outside, and the gaps are those of the rate."""
    window = window_of(video(3.0, 3.0 + length), config(fps=fps, trim=trim), 1, "pick", 0)
    assert 1 <= window.frames <= 8
    assert 3.0 <= window.start <= window.stop <= 3.0 + length + 1e-6 / fps + 1e-9
    if window.frames < 8:
        assert window.stop - window.start == pytest.approx((window.frames - 1) / fps, abs=1e-9)


def test_two_ways_to_say_how_far_apart_frames_are() -> None:
    """Only one of them."""
    with pytest.raises(ValueError, match=r"fps 2 and spacing \[0\.5\] both say"):
        config(fps=2, spacing=0.5)


@given(
    st.floats(-10, 1000),
    st.floats(1, 1000),
    st.lists(st.floats(0.01, 10), min_size=1, max_size=3),
    st.integers(1, 3) | st.none(),
    st.integers(0, 50),
)
def test_a_window_lies_within_its_video(
    first: float, length: float, spacing: list[float], per_video: int | None, index: int
) -> None:
    """And is as long as one of the spacings makes it: seven gaps between eight frames."""
    row, settings = (
        video(first, first + length),
        config(spacing=spacing, windows_per_video=per_video),
    )
    try:
        window = window_of(row, settings, 1, "pick", index)
    except Unsuitable:
        assert 7 * min(spacing) > row.last - row.first
        return
    assert row.first <= window.start
    assert window.stop <= row.last + 1e-9
    span = window.stop - window.start
    assert any(span == pytest.approx(7 * step, abs=1e-9) for step in spacing)


def test_a_window_depends_on_who_asks_and_what_is_there() -> None:
    """The same again for the same; another for another index, task, seed or content."""
    settings = config(spacing=0.5)

    def window(seed: int = 1, task: str = "pick", index: int = 0, content: str = "a") -> Window:
        return window_of(video(content=content), settings, seed, task, index)

    assert window() == window()
    others = [window(seed=2), window(task="halves"), window(index=1), window(content="b")]
    assert 5 == len({window(), *others})


def test_a_file_may_be_renamed() -> None:
    """Content counts, not the name."""
    settings = config(spacing=0.5)
    other = VideoRow("b.mp4", "ok", hash="c0ffee", first=0.0, last=10.0)
    assert window_of(video(), settings, 1, "pick", 0) == window_of(other, settings, 1, "pick", 0)


def test_windows_spread_over_the_video() -> None:
    """Two hundred starts between 0 and 6.5 s: every tenth of that has some."""
    starts = [window_of(video(), config(spacing=0.5), 1, "pick", i).start for i in range(200)]
    assert set(range(10)) == {int(start / 0.65) for start in starts}


def test_all_spacings_that_fit_are_drawn() -> None:
    """7 x 0.5 and 7 x 1 s fit into ten seconds, 7 x 2 s do not."""
    settings = config(spacing=[0.5, 1, 2])
    windows = [window_of(video(), settings, 1, "pick", index) for index in range(50)]
    assert {3.5, 7.0} == {round(stop - start, 6) for start, stop, _ in windows}


@pytest.mark.parametrize("most", [1, 3])
def test_windows_of_a_video_are_limited(most: int) -> None:
    """So many and no more, however many questions and tasks; all of them are used."""
    settings = config(spacing=[0.25, 0.5], windows_per_video=most)
    by_task = {
        task: {window_of(video(), settings, 1, task, index) for index in range(50)}
        for task in ("pick", "halves")
    }
    assert most == len(by_task["pick"])
    assert by_task["pick"] == by_task["halves"]
    other = {window_of(video(content="b"), settings, 1, "pick", index) for index in range(50)}
    assert most == len(other)
    assert set() == other & by_task["pick"]


def test_a_window_may_fill_the_video() -> None:
    """Seven gaps of half a second in a video of exactly 3.5 s."""
    window = window_of(video(1.0, 4.5), config(spacing=0.5), 1, "pick", 0)
    assert Window(1.0, 4.5, 8) == window


def test_a_video_that_is_too_short_will_not_do() -> None:
    """By the shortest window, and in the same words for all videos, since they are counted."""
    settings = config(spacing=[1, 0.5])
    reasons = set()
    for last in (3.4, 1.0, 0.0):
        with pytest.raises(Unsuitable) as caught:
            window_of(video(0.0, last), settings, 1, "pick", 0)
        reasons.add(str(caught.value))
    assert {"shorter than a window of 3.5 s"} == reasons
