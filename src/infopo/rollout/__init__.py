"""Rollout: episodes and groups, with deadlines, and failures as data."""

from infopo.rollout.config import RolloutConfig
from infopo.rollout.play import RolloutBatch, TaskSpec, play_groups

__all__ = ["RolloutBatch", "RolloutConfig", "TaskSpec", "play_groups"]
