"""What theory says of every method's expected update, as data, before anything is computed. A new row is one `Case`."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from infopo.algorithms import LossConfig
from infopo.algorithms.filters import GroupFilter

SUM = LossConfig(aggregation="seq-mean-token-sum")
TOKENS = LossConfig(aggregation="token-mean")
EPISODES = LossConfig(aggregation="seq-mean-token-mean")
CONSTANT = LossConfig(aggregation="seq-mean-token-sum-norm", normaliser_length=6)
DYNAMIC = GroupFilter(kind="dynamic")
WIDEST = GroupFilter(kind="std")
OWN = Fraction(2, 3)  # (n - 1) / n, n = 3: the mean that is taken off holds the episode itself
ONE = Fraction(1)
CONSTANT_DEVIATION = 2 / 3 / (math.sqrt(1 / 3) + 1e-6)  # three outcomes 0 or 1, not all equal: always the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: a method under options, and what its expected update must be.

    `factor`: this multiple of the exact gradient (over the chance of a group that filter `dynamic` keeps, where that is
    the rule); None: another direction, for the reason `why`. `binary`: the outcome is 1 for a right guess and else 0.
    `critic`: what the exact values predict. `whole_batch`: the method has statistics over a whole batch, so that groups
    must not share one here. `unwhitened`: the returns for the critic less its values stand for the advantages.
    `silent`: no gain and no belief was measured. `information`: every episode fails, gains are exact (true marginal, in
    all), and what the update is held against is the exact gradient of the mean information of an episode.
    """

    method: str
    why: str
    factor: Fraction | float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    loss: LossConfig = SUM
    rule: GroupFilter | None = None
    size: int = 3
    binary: bool = False
    critic: Literal["outcome", "turns"] = "outcome"
    whole_batch: bool = False
    unwhitened: bool = False
    silent: bool = False
    information: bool = False


def _group_relative() -> tuple[Case, ...]:
    own, length = "the mean holds the episode itself: (n - 1) / n", "a token's weight depends on how long episodes are"
    return (
        Case(method="rloo", factor=ONE, why="the mean of the others knows nothing of the episode"),
        Case(method="rloo", factor=ONE, size=2, why="in the smallest group too"),
        Case(method="rloo", factor=ONE, rule=DYNAMIC, why="groups of equal outcomes have no update: a longer step"),
        Case(method="rloo", rule=WIDEST, why="groups that vary most are learnt from most often"),
        Case(method="rloo", loss=TOKENS, why=length),
        Case(method="rloo", loss=EPISODES, why="divided by the episode's own length: long ones count less"),
        Case(method="dr-grpo", factor=OWN, why=own),
        Case(method="dr-grpo", factor=Fraction(1, 2), size=2, why=own),
        Case(method="dr-grpo", factor=OWN / 2, loss=CONSTANT, why="as published; (n - 1) / n, times n / constant"),
        Case(method="dr-grpo", loss=TOKENS, why=f"the advantage alone is half of the method: {length}"),
        Case(method="grpo", why="each group is divided by its own deviation: those that vary little count more"),
        Case(method="grpo", factor=CONSTANT_DEVIATION, binary=True, why="the deviation of 3 such outcomes is constant"),
        Case(method="grpo", size=4, binary=True, why="one of four right and two of four right vary differently"),
        Case(method="grpo", loss=TOKENS, why=f"as trained by default; also {length}"),
        Case(method="search-r1", factor=CONSTANT_DEVIATION, binary=True, why="GRPO in the first update of a batch"),
        Case(method="dapo", factor=CONSTANT_DEVIATION, binary=True, rule=DYNAMIC, why="GRPO, in longer steps"),
        Case(method="dapo", loss=TOKENS, rule=DYNAMIC, why="as published: deviation and length, as in GRPO"),
        Case(method="reinforce++", whole_batch=True, why="whitening: the batch's deviation, and a mean over tokens"),
        Case(
            method="collabllm", why="among equal outcomes the price of a token decides, at the full size of a deviation"
        ),
        Case(method="collabllm", options={"lam": 0.0}, factor=CONSTANT_DEVIATION, binary=True, why="without it, GRPO"),
        Case(
            method="starpo",
            options={"normalisation": "identity"},
            factor=1 / (1 + 1e-6),
            why="the plain reward, over 1 + 1e-6",
        ),
        Case(method="starpo", options={"normalisation": "mean"}, factor=2 / 3 / (1 + 1e-6), why=own),
        Case(method="starpo", why="GRPO of the summed reward"),
        Case(
            method="starpo",
            options={"normalisation": "mean", "length_weight": True},
            whole_batch=True,
            why="divided by the episode's own length",
        ),
    )


def _by_turn() -> tuple[Case, ...]:
    centred = {"score": "Sum", "norm_std": False}
    return (
        Case(method="userrl", options=centred, factor=OWN, why="the sum of turn rewards is the outcome; (n - 1) / n"),
        Case(method="userrl", why="a mean over turns: long episodes are worth less; and the deviation"),
        Case(method="userrl", options=centred | {"score": "mean"}, why="a mean over turns alone"),
        Case(method="userrl", options=centred | {"score": "R2G"}, why="the reward of later turns is discounted"),
        Case(
            method="userrl",
            options=centred | {"credit": "R2G"},
            why="an episode without any reward teaches nothing, and a turn's share depends on later turns",
        ),
        Case(method="userrl", options=centred | {"credit": "EM"}, why="a turn's share depends on its own reward"),
        Case(method="mt-grpo", why="a turn's reward is paid beside the outcome that holds it, each by its deviation"),
        Case(method="gigpo", options={"omega": 0.0}, factor=OWN, why="the episode part alone: (n - 1) / n"),
        Case(
            method="gigpo",
            options={"gamma": 1.0},
            why="a step compared with m - 1 others has (m - 1) / m, and m depends on its state",
        ),
        Case(method="gigpo", why="and the reward of later turns is discounted"),
    )


def _critics() -> tuple[Case, ...]:
    token: dict[str, Any] = {"method": "starpo-s", "unwhitened": True}
    turn: dict[str, Any] = {"method": "turn-ppo", "unwhitened": True, "critic": "turns"}
    both: dict[str, Any] = {"method": "bi-level-gae", "unwhitened": True, "critic": "turns"}
    wrong = "a discount, and the outcome has none"
    whitening = "whitening: the batch's deviation, and a mean over tokens"
    return (
        Case(**token, factor=ONE, why="the outcome, less a value that knows no later token"),
        Case(**token, factor=ONE, options={"lam": 0.9}, why="exact values may stand for what comes later"),
        Case(**token, options={"gamma": 0.95}, why=wrong),
        Case(method="starpo-s", whole_batch=True, why=whitening),
        Case(method="starpo-s", whole_batch=True, rule=WIDEST, why="as published: and the filter"),
        Case(**turn, factor=ONE, options={"gamma": 1.0}, why="exact values may stand for what comes later"),
        Case(**turn, why=wrong),
        Case(method="turn-ppo", critic="turns", whole_batch=True, why="as published: discount and whitening"),
        Case(**both, factor=ONE, options={"gamma_high": 1.0}, why="rewards to come, less a value"),
        Case(**both, factor=ONE, options={"gamma_high": 1.0, "lam": 0.9}, why="exact values may stand for them"),
        Case(**both, why=wrong),
        Case(method="bi-level-gae", critic="turns", whole_batch=True, why="as published: discount and whitening"),
    )


def _by_belief() -> tuple[Case, ...]:
    population = 2 / 3 / (math.sqrt(2 / 9 + 1e-8) + 1e-6)  # a deviation with n
    return (
        Case(method="igpo", factor=population, binary=True, silent=True, why="GRPO, with n in the deviation"),
        Case(method="igpo", why="a gain in belief is paid whatever comes of it, each kind by its deviation"),
        Case(method="igpo", options={"normalisation": "joint"}, why="the same, by one deviation for both"),
        Case(method="igpo-2025", factor=OWN, silent=True, why="a mean at the same token is a baseline: (n - 1) / n"),
        Case(method="igpo-2025", why="gains add up to the last belief, less what was known before: it is paid too"),
        Case(method="sweet-rl", options={"weight": 0.0}, factor=CONSTANT_DEVIATION, binary=True, why="GRPO"),
        Case(method="sweet-rl", why="GRPO, and a turn's change in belief, whatever comes of it"),
    )


def _by_gain() -> tuple[Case, ...]:
    none: dict[str, Any] = {"no_std": True}
    released = {"norm_std": False, "overwrite_last": False}
    return (
        Case(method="infopo", options=none | {"beta": 0.0}, factor=OWN, why="without the gain: Dr. GRPO"),
        Case(method="infopo", options=none, silent=True, factor=OWN, why="where nothing was answered: Dr. GRPO"),
        Case(method="infopo", options={"beta": 0.0}, factor=CONSTANT_DEVIATION, binary=True, why="GRPO"),
        Case(method="infopo", binary=True, why="GRPO, and the gain pays what it pays, whatever the outcome"),
        Case(method="infopo", why="the same, and the deviation of outcomes"),
        Case(method="infopo", options={"no_outcome": True}, binary=True, why="the gain alone: not the outcome's"),
        Case(method="infopo", options={"gate": "none"}, binary=True, why="the gain at full weight in every group"),
        Case(method="infopo", information=True, why="scores of turns: what to ask is paid for, to ask is not"),
        Case(method="infopo", options={"credit_to": "a_t+1"}, binary=True, why="the gain credits the next action"),
        Case(
            method="infopo-official",
            options=released | {"beta": 0.0},
            factor=OWN,
            why="without the gain, the deviation and the overwritten reward",
        ),
        Case(
            method="infopo-official",
            options={"norm_std": False, "beta": 0.0},
            why="the last reward becomes the outcome: being told counts twice",
        ),
        Case(method="infopo-official", whole_batch=True, why="as released: that, the deviation, and the gain"),
    )


def _by_return() -> tuple[Case, ...]:
    centred: dict[str, Any] = {"no_std": True}
    exact: dict[str, Any] = {"beta": 1.0, "draws": None}
    return (
        Case(method="infopo-return", options=centred | {"beta": 0.0}, factor=OWN, why="without the gain: Dr. GRPO"),
        Case(method="infopo-return", options={"beta": 0.0}, factor=CONSTANT_DEVIATION, binary=True, why="GRPO"),
        Case(method="infopo-return", options=exact, information=True, factor=ONE, why="the others' line is a baseline"),
        Case(method="infopo-return", options=exact, information=True, factor=ONE, size=2, why="in the smallest group"),
        Case(
            method="infopo-return",
            options={"beta": 1.0},
            information=True,
            why="capped, and not by draws: gains here are exact",
        ),
        Case(method="infopo-return", binary=True, why="GRPO, and in groups that failed altogether the information"),
        Case(method="infopo-return", why="the same, and the deviation of outcomes"),
    )


CASES = (*_group_relative(), *_by_turn(), *_critics(), *_by_belief(), *_by_gain(), *_by_return())
