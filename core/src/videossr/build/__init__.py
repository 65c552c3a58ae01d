"""Building a dataset: which question of which task about which video, and what it turns out to be."""

from videossr.build.building import Summary, build, build_to
from videossr.build.floors import floors_of
from videossr.build.planning import Plan, shares
from videossr.build.split import part_of

__all__ = ["Plan", "Summary", "build", "build_to", "floors_of", "part_of", "shares"]
