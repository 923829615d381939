"""How episodes are run: limits, deadlines, temperature."""

from dataclasses import dataclass

from infopo.core import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutConfig:
    """How episodes are run. Raises `UserError` for a limit that no episode could keep."""

    temperature: float = 1.0  # of sampling and of scoring: one setting; 0, the likeliest token, only to evaluate
    max_new_tokens: int = 64  # of one action
    max_turns: int | None = None  # None: the environment's own limit
    alternatives: int = 0  # replies to draw under other hidden goals, each turn, where the environment offers them
    concurrency: int = 16  # environments and users that work at one time
    start_seconds: float = 60.0  # deadlines, per stage ...
    step_seconds: float = 60.0
    outcome_seconds: float = 60.0
    total_seconds: float = 3600.0  # ... and one for the whole batch

    def __post_init__(self) -> None:
        positive = ("start_seconds", "step_seconds", "outcome_seconds", "total_seconds")
        checks = {name: getattr(self, name) > 0 for name in positive} | {
            "temperature": self.temperature >= 0,
            "max_new_tokens": self.max_new_tokens >= 1,
            "max_turns": self.max_turns is None or self.max_turns >= 1,
            "alternatives": self.alternatives >= 0,
            "concurrency": self.concurrency >= 1,
        }
        for name, good in checks.items():
            if not good:
                raise UserError(f"config: rollout.{name} is out of range, got {getattr(self, name)!r}")
