"""How episodes are run: limits, deadlines, temperature."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutConfig:
    """How episodes are run."""

    temperature: float = 1.0  # of sampling and of scoring: one setting
    max_new_tokens: int = 64  # of one action
    max_turns: int | None = None  # None: the environment's own limit
    alternatives: int = 0  # replies to draw under other hidden goals, each turn, where the environment offers them
    concurrency: int = 16  # environments and users that work at one time
    start_seconds: float = 60.0  # deadlines, per stage ...
    step_seconds: float = 60.0
    outcome_seconds: float = 60.0
    total_seconds: float = 3600.0  # ... and one for the whole batch
