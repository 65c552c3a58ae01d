"""Temporal jigsaw: put the shuffled parts of a video in order."""

from videossr_jigsaw.jigsaw import Jigsaw, JigsawConfig, plugin

__all__ = ["Jigsaw", "JigsawConfig", "plugin"]
