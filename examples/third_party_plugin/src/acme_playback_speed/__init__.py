"""A task for videossr: how many times as fast as its first half does a video's second half play?"""

from acme_playback_speed.playback_speed import PlaybackSpeed, PlaybackSpeedConfig, plugin

__all__ = ["PlaybackSpeed", "PlaybackSpeedConfig", "plugin"]
