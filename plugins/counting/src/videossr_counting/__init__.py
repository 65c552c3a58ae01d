"""Object counting: count the shapes drawn on frames of a video."""

from videossr_counting.counting import Counting, CountingConfig, plugin

__all__ = ["Counting", "CountingConfig", "plugin"]
