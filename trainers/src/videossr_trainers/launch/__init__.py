"""Files for `accelerate launch --config_file`, one for each kind of machine."""

from videossr_trainers.launch.files import launch_file, launch_files

__all__ = ["launch_file", "launch_files"]
