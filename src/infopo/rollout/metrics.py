"""What a step's episodes looked like, as flat numbers. Means are over episodes with an outcome; others are counted."""

from collections.abc import Sequence

import numpy as np

from infopo.core import Group, Trajectory


def rollout_metrics(groups: Sequence[Group], *, by_environment: bool = False) -> dict[str, float]:
    """Success, score, length, behaviour and failures of the groups of one step.

    What an environment does not tell (`Turn.facts`), and what nobody did, is left out: not measured is not zero.
    `by_environment`: the main figures of each environment besides, as `env/ID/success` and so on.
    """
    played = [trajectory for group in groups for trajectory in group.trajectories]
    survivors = [trajectory for group in groups for trajectory in group.survivors]
    metrics = {
        "rollout/episodes": float(len(played)),
        "rollout/failed_episodes": float(len(played) - len(survivors)),
        "rollout/lost_groups": float(sum(len(group.survivors) < 2 for group in groups)),
    }
    if by_environment:
        for env_id in sorted({trajectory.env for trajectory in played}):
            metrics |= _environment_metrics(env_id, [trajectory for trajectory in played if trajectory.env == env_id])
    if not survivors:
        return metrics
    outcomes = [t.outcome for t in survivors if t.outcome is not None]
    lengths = np.array([len(t.token_ids) for t in survivors], dtype=np.float64)
    scores = np.array([outcome.score for outcome in outcomes])
    actions = [turn for t in survivors for turn in t.turns]
    metrics |= {
        "train/success": float(np.mean([outcome.success for outcome in outcomes])),
        "train/score": float(scores.mean()),
        "turns/mean": len(actions) / len(survivors),
        "len/mean": float(lengths.mean()),
    }
    if actions:
        metrics |= {
            "len/action": float(np.mean([len(turn.action) for turn in actions])),
            "rollout/incomplete_actions": float(np.mean([not turn.complete for turn in actions])),
        }
    if any(turn.facts for turn in actions):
        metrics |= {
            "questions/mean": float(np.mean([questions(t) for t in survivors])),
            "questions/repeated": float(np.mean([_count(t, "repeated") for t in survivors])),
            "hidden/mean": float(np.mean([len(t.hidden) for t in survivors])),
            "hidden/revealed": float(np.mean([len(revealed(t)) for t in survivors])),
            "rollout/invalid_actions": float(np.mean([_kind(turn) == "invalid" for turn in actions])),
        }
    for reason in ("done", "truncated", "turn_limit", "token_limit"):
        metrics[f"stop/{reason}"] = float(np.mean([t.stop_reason == reason for t in survivors]))
    if len(survivors) > 1 and np.ptp(lengths) > 0 and np.ptp(scores) > 0:
        metrics["corr/len_reward"] = float(np.corrcoef(lengths, scores)[0, 1])
    return metrics


def _environment_metrics(env_id: str, played: Sequence[Trajectory]) -> dict[str, float]:
    survivors = [trajectory for trajectory in played if trajectory.failure is None]
    metrics = {"episodes": float(len(played)), "failed_episodes": float(len(played) - len(survivors))}
    if survivors:
        outcomes = [t.outcome for t in survivors if t.outcome is not None]
        metrics["success"] = float(np.mean([outcome.success for outcome in outcomes]))
        metrics["score"] = float(np.mean([outcome.score for outcome in outcomes]))
        metrics["turns"] = float(np.mean([len(t.turns) for t in survivors]))
        if any(turn.facts for t in survivors for turn in t.turns):
            metrics["questions"] = float(np.mean([questions(t) for t in survivors]))
    return {f"env/{env_id}/{name}": value for name, value in metrics.items()}


def questions(trajectory: Trajectory) -> int:
    """How many questions the policy asked."""
    return sum(_kind(turn) == "ask" for turn in trajectory.turns)


def revealed(trajectory: Trajectory) -> set[str]:
    """The hidden facts that came to light."""
    return {fact for turn in trajectory.turns if turn.facts for fact in turn.facts.revealed}


def _kind(turn: object) -> str:
    facts = getattr(turn, "facts", None)
    return str(facts.kind) if facts else ""


def _count(trajectory: Trajectory, flag: str) -> int:
    return sum(bool(turn.facts and getattr(turn.facts, flag)) for turn in trajectory.turns)
