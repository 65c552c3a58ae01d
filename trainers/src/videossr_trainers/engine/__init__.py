"""GRPO on video: the trainer, the prefix that its completions share, and the oracle that repeats it.

`grpo` says at its head in what it differs from TRL's. Nothing here knows of plugins, of run folders or of how a run is configured.
"""
