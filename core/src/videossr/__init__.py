"""Verifiable questions from raw video, and the plugin framework that makes them.

A plugin needs this module alone: the markers, the values that hooks take and return, and the
errors that they raise. Names that need torch are loaded when they are first used, so that listing
plugins and asking for help stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from videossr._hooks import API_VERSION, hookimpl
from videossr.errors import (
    ConfigError,
    DatasetError,
    PluginError,
    Unparsable,
    Unsuitable,
    VideoError,
    VideossrError,
)

if TYPE_CHECKING:
    from videossr.calls import HookCall
    from videossr.clip import Clip, Segment
    from videossr.footage import Footage, Source
    from videossr.perturbations import Perturbations
    from videossr.ramp import Ramp
    from videossr.sample import Message, Sample

__all__ = [
    "API_VERSION",
    "Clip",
    "ConfigError",
    "DatasetError",
    "Footage",
    "HookCall",
    "Message",
    "Perturbations",
    "PluginError",
    "Ramp",
    "Sample",
    "Segment",
    "Source",
    "Unparsable",
    "Unsuitable",
    "VideoError",
    "VideossrError",
    "hookimpl",
]

_LAZY = {
    "Clip": "videossr.clip",
    "Segment": "videossr.clip",
    "Footage": "videossr.footage",
    "HookCall": "videossr.calls",
    "Message": "videossr.sample",
    "Perturbations": "videossr.perturbations",
    "Ramp": "videossr.ramp",
    "Sample": "videossr.sample",
    "Source": "videossr.footage",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_LAZY[name]), name)
