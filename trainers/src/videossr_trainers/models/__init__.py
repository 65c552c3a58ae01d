"""The policy: the tiny model of the demo, the 8B of the paper, adapters, and how a checkpoint is loaded."""
