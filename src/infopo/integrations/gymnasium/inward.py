"""A Gymnasium environment that speaks and takes text, as an environment of this project.

Limit: it runs in the thread of the rollout, where a step that takes long holds up the other episodes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium

from infopo.core import Message, Outcome, TurnFacts, UserError
from infopo.envs.base import Env, Expert, Opening, parse_action
from infopo.envs.episode import Episode, Result
from infopo.envs.registry import EnvSpec, ExpertKind, Split

TEST_SEEDS = 1 << 30  # from where on the seeds of test tasks count

Make = Callable[[Split], "gymnasium.Env[str, str]"]
Judge = Callable[[list[float], dict[str, Any]], Outcome]


def usual_outcome(rewards: list[float], info: dict[str, Any]) -> Outcome:
    """The sum of the rewards, cut to [0, 1], and success at 1; or `score` and `success` where the last info has them.

    >>> usual_outcome([0.5, 0.75], {})
    Outcome(score=1.0, success=True)
    """
    score = float(info.get("score", min(1.0, max(0.0, sum(rewards)))))
    return Outcome(score=score, success=bool(info.get("success", score >= 1.0)))


class TextEnv(Episode):
    """One episode, from one seed. A thought before an action is not passed on; a call is passed on as text."""

    def __init__(
        self, env_id: str, gym: "gymnasium.Env[str, str]", *, seed: int, max_turns: int, pays: bool, judge: Judge
    ) -> None:
        super().__init__(task_id=f"{env_id}/{seed}", max_turns=max_turns, pays=pays)
        self.env_id = env_id
        self._gym, self._seed, self._judge = gym, seed, judge
        self._rewards: list[float] = []
        self._info: dict[str, Any] = {}

    def _open(self) -> Opening:
        observation, _ = self._gym.reset(seed=self._seed)
        return Opening(messages=(Message(role="user", content=observation),))

    async def _execute(self, action: Message) -> Result:
        parsed = parse_action(action)
        text = parsed.content if parsed.choice is None else f"[{parsed.choice}] {parsed.content}".rstrip()
        observation, reward, done, truncated, self._info = self._gym.step(text)
        self._rewards.append(float(reward))
        return Result(
            text=observation,
            kind="env",
            facts=TurnFacts(kind="act"),
            reward=float(reward),
            done=bool(done),
            truncated=bool(truncated) or (self._at_limit and not done),
        )

    async def outcome(self) -> Outcome:
        """What the judge says of the rewards and the last info."""
        return self._judge(self._rewards, self._info)

    def reference_answer(self) -> str | None:
        """Gymnasium knows none."""
        return None

    def state_key(self) -> str | None:
        """Gymnasium knows none."""
        return None

    async def close(self) -> None:
        """Close both."""
        await super().close()
        self._gym.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """Keyword options of a Gymnasium text environment. `reward` upstream: its own, step by step. `max_turns` None: the
    limit that its spec names."""

    reward: str = "outcome"
    max_turns: int | None = None

    def __post_init__(self) -> None:
        if self.reward not in ("outcome", "upstream"):
            raise UserError(f"option reward must be outcome or upstream, got {self.reward!r}")
        if self.max_turns is not None and self.max_turns < 1:
            raise UserError(f"option max_turns must be at least 1, got {self.max_turns!r}")


def text_spec(
    env_id: str,
    make: Make,
    *,
    train: int,
    test: int,
    max_turns: int = 16,
    judge: Judge = usual_outcome,
    expert: Callable[[ExpertKind, int, Any], Expert] | None = None,
) -> EnvSpec:
    """A spec for `--env MODULE:NAME`, of `train` and `test` tasks; a task is a seed for `reset`, and no seed is both.

    `make(split)` makes a fresh environment whose observations and actions are text, with tasks of that split where it
    knows any; one that ends by itself after some steps
    should have these for `max_turns`. `expert` is what a `nano` policy would
    learn from; without one only other models can be trained. Raises `UserError` where observations are no text.
    """
    probe = make("train")
    for name, space in (("observations", probe.observation_space), ("actions", probe.action_space)):
        if not isinstance(space, gymnasium.spaces.Text):
            raise UserError(f"{env_id}: its {name} must be text, they are of {space}")
    probe.close()

    def build(task: int, split: Split, seed: int, user: str | None, options: TextOptions) -> Env:
        if user not in (None, "scripted"):
            raise UserError(f"{env_id} has no user {user!r}")
        return TextEnv(
            env_id,
            make(split),
            seed=task + (TEST_SEEDS if split == "test" else 0),
            max_turns=max_turns if options.max_turns is None else options.max_turns,
            pays=options.reward == "upstream",
            judge=judge,
        )

    def no_expert(kind: ExpertKind, seed: int, options: TextOptions) -> Expert:
        raise UserError(f"{env_id} brings no expert for a warm start; train another model than nano")

    return EnvSpec(
        env_id=env_id,
        summary=f"{env_id}, a Gymnasium environment",
        options=TextOptions,
        num_tasks=lambda split, options: train if split == "train" else test,
        build=build,
        expert=expert or no_expert,
    )
