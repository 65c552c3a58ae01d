"""The run configuration: one YAML tree, read with OmegaConf, checked by Pydantic."""

from videossr.config.load import load_config
from videossr.config.presets import preset_names
from videossr.config.resolve import resolve
from videossr.config.run_config import RunConfig, WeightedTask
from videossr.config.schema import BuildConfig, StoreConfig, VideoConfig

__all__ = [
    "BuildConfig",
    "RunConfig",
    "StoreConfig",
    "VideoConfig",
    "WeightedTask",
    "load_config",
    "preset_names",
    "resolve",
]
