"""Questions handed over to other trainers: their files, the rendered videos beside, and our rewards."""

from videossr.export.rewards import Rewards

__all__ = ["Rewards"]
