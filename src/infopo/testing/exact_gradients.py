"""A world small enough to enumerate: the exact policy gradient, beside the expected update of any training method.

The policy guesses a colour, x or y, or first asks: for the colour, which the user tells in three of four cases, or for
the weather, which tells nothing. Who heard nothing guesses, or insists and is told in one of two cases. Who was told,
or has no turn left, can only guess. A guess is one token and ends the episode; to ask takes two tokens, to insist one.
Turn rewards: 0.2 for being told, 0.6 for a right guess; the outcome is their sum. The policy is a table of softmaxes.

What is computed: the expectation of `sum_k w_k A_k grad log pi_k` (the gradient of the clipped loss at ratio 1) over
every group of n episodes of a task and over both tasks, A from `infopo.algorithms`, w from `infopo.training.loss`. A
group is a step of its own. What is not: clipping, regularisers, more than one update on a batch.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms import CreditBatch, LossConfig, Method
from infopo.algorithms.base import Bools, Floats
from infopo.algorithms.filters import GroupFilter, kept_groups
from infopo.core import Span
from infopo.training.loss import token_weight

COLOURS = ("x", "y")
TURNS = 3
BY_TURN = ("signals", "signal_masks", "turn_rewards", "turn_reward_mask")  # `[N, T]` of a batch
UNREAD = 9.0  # the critic's value where nothing was sampled: nobody may read it

# What the policy knows, and in "ask" what it has begun to say -> its choices and their logits.
POLICY: dict[str, dict[str, float]] = {
    "open": {"x": 0.3, "y": -0.1, "ask": 0.6},
    "ask": {"colour": 0.2, "weather": -0.3},
    "unsure": {"x": 0.1, "y": 0.3, "insist": -0.2},
    "last": {"x": 0.1, "y": -0.4},
    "told x": {"x": 1.2, "y": 0.0},
    "told y": {"x": -0.2, "y": 0.7},
}
QUESTIONS = {  # what can be asked where, and the chance of being told
    "open": ((("ask", "colour"), 0.75), (("ask", "weather"), 0.0)),
    "unsure": ((("insist",), 0.5),),
}
UNHEARD = ("unsure", "last")  # what the policy knows behind each turn that told it nothing
CHOICES = tuple((context, word) for context, words in POLICY.items() for word in words)
LOGITS: Floats = np.array([POLICY[context][word] for context, word in CHOICES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One turn: what the policy knew, its words, the reply (None: the episode is over) and the turn's reward."""

    state: str
    words: tuple[str, ...]
    reply: str | None
    reward: float

    def tokens(self) -> tuple[tuple[str, str], ...]:
        """Context and word of each token; the words behind the first one stand in the context of the first."""
        return tuple(zip((self.state, *self.words[:-1]), self.words, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One complete episode of the task whose colour is `hidden`; `luck` is the chance of its replies."""

    hidden: str
    moves: tuple[Move, ...]
    luck: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All M episodes of both tasks as the arrays of a `CreditBatch`; `score` `[M, L, P]` is the gradient of every
    token's log-probability by the P logits, `chance` `[M]` that of the episode in its task. Tasks are equally likely.
    """

    episodes: tuple[Episode, ...]
    chance: Floats
    score: Floats
    everything: CreditBatch

    @property
    def expected_outcome(self) -> float:
        """The mean outcome over tasks and episodes."""
        return float(self.chance @ self.everything.outcome) / len(COLOURS)

    def gradient(self) -> Floats:
        """The exact gradient `[P]` of `expected_outcome`."""
        return self.gradient_of(self.everything.outcome)

    @property
    def information(self) -> Floats:
        """The gains `[M]` of each episode added up; where gains are exact, their mean is an amount of information."""
        return np.nansum(self.everything.signals["gain"], axis=1)

    def gradient_of(self, worth: Floats) -> Floats:
        """The gradient `[P]` of the mean of `worth` `[M]` by the chance of the episodes alone."""
        weighed: Floats = self.chance * worth / len(COLOURS)
        return np.einsum("m,mlp->p", weighed, self.score)

    def groups(self, size: int) -> tuple[NDArray[np.int64], Floats]:
        """Every group `[G, size]` of episodes of one task, up to order, and its chance `[G]`, all orders together."""
        tasks: list[tuple[int, ...]] = []
        for colour in COLOURS:
            own = [index for index, episode in enumerate(self.episodes) if episode.hidden == colour]
            tasks += itertools.combinations_with_replacement(own, size)
        groups = np.array(tasks, dtype=np.int64)
        # An episode that stands in a group r times leaves the group size! / r! orders.
        repeats = run = np.ones(len(groups))
        for place in range(1, size):
            run = np.where(groups[:, place] == groups[:, place - 1], run + 1, 1)
            repeats = repeats * run
        return groups, math.factorial(size) / repeats * self.chance[groups].prod(axis=1) / len(COLOURS)

    def batch(self, groups: NDArray[np.int64]) -> CreditBatch:
        """The batch of these groups `[G, size]` of episodes."""
        rows = groups.reshape(-1)
        turns = max(len(self.everything.action_spans[row]) for row in rows)  # no column without a turn, as in training
        chosen = {
            one.name: _rows(getattr(self.everything, one.name), rows, turns if one.name in BY_TURN else None)
            for one in fields(CreditBatch)
        }
        return CreditBatch(**chosen | {"group": np.repeat(np.arange(len(groups)), groups.shape[1])})


def toy_world(
    *,
    told: float = 0.2,
    right: float = 0.6,
    critic: Literal["outcome", "turns"] = "outcome",
    gain: Literal["placeholder", "marginal"] = "placeholder",
    logits: Floats = LOGITS,
) -> World:
    """The world of this module with turn rewards `told` and `right`.

    `critic`: whether values are the exact expectation of the outcome, or of the turn rewards still to come. `gain`:
    against the reply "nothing", by token; or in all, against every reply that could have come, by its chance.
    """
    episodes = tuple(episode for colour in COLOURS for episode in _episodes(colour, told, right))
    length = max(1 + sum(len(move.words) + 1 for move in episode.moves) for episode in episodes)
    logs = _log_policy(logits)
    score = np.zeros((len(episodes), length, len(CHOICES)))
    sampled, chance = np.zeros((len(episodes), length), dtype=np.bool_), np.zeros(len(episodes))
    spans = tuple(tuple(_spans(episode)) for episode in episodes)
    for index, episode in enumerate(episodes):
        chance[index] = episode.luck
        for move, span in zip(episode.moves, spans[index], strict=True):
            for place, token in enumerate(move.tokens(), start=span.start):
                sampled[index, place] = True
                score[index, place] = _score(logs, token)
                chance[index] *= math.exp(logs[token])
    rewards, rewarded = _turns([[move.reward for move in episode.moves] for episode in episodes])
    told_by = _gains if gain == "placeholder" else _marginal_gains
    gains, gained = _turns([told_by(episode, logs) for episode in episodes])
    belief, believed = _turns([[logs[move.state, one.hidden] for move in one.moves] for one in episodes])
    outcome = np.array([sum(move.reward for move in episode.moves) for episode in episodes])
    everything = CreditBatch(
        group=np.zeros(len(episodes), dtype=np.int64),
        sampled=sampled,
        action_spans=spans,
        outcome=outcome,
        signals={"gain": gains, "belief": belief},
        signal_masks={"gain": gained, "belief": believed},
        turn_rewards=rewards,
        turn_reward_mask=rewarded,
        state_keys=tuple(("start", *(move.state for move in episode.moves[1:])) for episode in episodes),
        values=_values(episodes, chance, outcome, sampled, spans, critic),
    )
    return World(episodes=episodes, chance=chance, score=score, everything=everything)


def expected_gradient(
    world: World,
    method: Method,
    loss: LossConfig,
    *,
    size: int = 3,
    rule: GroupFilter | None = None,
    where: Callable[[Floats], bool] | None = None,
    together: int = 1,
) -> Floats:
    """The expectation `[P]` of the method's update, in ascent direction, over all groups of `size` episodes.

    `rule` filters groups as training does: `dynamic` draws until a group is kept, `std` draws two and keeps of these.
    `where` looks at the outcomes `[size]` of a group: only groups for which it holds enter, with the chance they have.
    `together` groups are handed to the method in one batch: faster, and the same where no statistic crosses groups.
    """
    groups, chances = world.groups(size)
    outcomes = world.everything.outcome[groups]
    if rule is not None:
        chances = chances * _kept(rule, outcomes, chances)
    if where is not None:
        chosen = np.array([where(values) for values in outcomes])
        groups, chances = groups[chosen], chances[chosen]
    return mean_update(world, method, loss, groups, chances, together=together)


def mean_update(
    world: World, method: Method, loss: LossConfig, groups: NDArray[np.int64], chances: Floats, *, together: int = 1
) -> Floats:
    """The sum `[P]` of the updates on these groups `[G, size]`, each a step of its own, weighed by `chances`."""
    sampled = world.everything.sampled
    lengths = sampled.sum(axis=1)
    weight = np.zeros(sampled.shape)  # of each token's score, over all groups
    for start in range(0, len(groups), together):
        rows = groups[start : start + together]
        advantages = method.credit(world.batch(rows)).advantages.reshape(*rows.shape, -1)
        shares = np.array([_shares(tuple(row), loss) for row in lengths[rows].tolist()])
        np.add.at(weight, rows, chances[start : start + together, None, None] * shares[..., None] * advantages)
    return np.einsum("ml,mlp->p", np.where(sampled, weight, 0.0), world.score)


@cache
def _shares(lengths: tuple[int, ...], loss: LossConfig) -> list[float]:
    """The weight of a token in each episode of a step with these `lengths`."""
    sizes = {"tokens": sum(lengths), "episodes": len(lengths)}
    return [token_weight(length, **sizes, config=loss) for length in lengths]


def _kept(rule: GroupFilter, outcomes: Floats, chances: Floats) -> Floats:
    """How much more often `[G]` each group is learnt from than it is drawn."""
    kinds, which = np.unique(np.sort(outcomes, axis=1), axis=0, return_inverse=True)
    which = which.reshape(-1)
    odds = np.bincount(which, weights=chances)
    if rule.kind == "dynamic":
        kept = np.zeros(len(kinds))
        kept[kept_groups(rule, list(kinds))] = 1.0
        factor: Floats = kept / float(odds @ kept)
        return factor[which]
    factor = np.zeros(len(kinds))
    for mine, other in itertools.product(range(len(kinds)), repeat=2):
        first = kept_groups(rule, [kinds[mine], kinds[other]])
        second = kept_groups(rule, [kinds[other], kinds[mine]])
        factor[mine] += odds[other] * ((0 in first) / len(first) + (1 in second) / len(second))
    return factor[which]


def _rows(value: Any, rows: NDArray[np.int64], turns: int | None) -> Any:
    """The same rows of what a field of a batch holds, and its first turns; what has no rows stays as it is."""
    if isinstance(value, dict):
        return {name: _rows(one, rows, turns) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(value[row] for row in rows) if value else value
    if not isinstance(value, np.ndarray):
        return value
    return value[rows] if turns is None else value[rows, :turns]


def _episodes(hidden: str, told: float, right: float) -> Iterator[Episode]:
    def play(state: str, done: tuple[Move, ...], luck: float) -> Iterator[Episode]:
        for word in COLOURS:
            move = Move(state=state, words=(word,), reply=None, reward=right if word == hidden else 0.0)
            yield Episode(hidden=hidden, moves=(*done, move), luck=luck)
        for words, chance in QUESTIONS.get(state, ()):
            for heard, part in ((True, chance), (False, 1 - chance)):
                if part:
                    reply, after = (hidden, f"told {hidden}") if heard else ("nothing", UNHEARD[len(done)])
                    move = Move(state=state, words=words, reply=reply, reward=told if heard else 0.0)
                    yield from play(after, (*done, move), luck * part)

    yield from play("open", (), 1.0)


def _spans(episode: Episode) -> Iterator[Span]:
    """Where the actions lie: behind one token of the task, and each followed by one token of its reply."""
    start = 1
    for move in episode.moves:
        yield Span(start=start, end=start + len(move.words))
        start += len(move.words) + 1


def _log_policy(logits: Floats) -> dict[tuple[str, str], float]:
    """The log-probability of each word in each context."""
    logs: dict[tuple[str, str], float] = {}
    for context in POLICY:
        own = [index for index, (other, _) in enumerate(CHOICES) if other == context]
        total = float(np.logaddexp.reduce(logits[own]))
        logs |= {CHOICES[index]: float(logits[index]) - total for index in own}
    return logs


def _score(logs: dict[tuple[str, str], float], token: tuple[str, str]) -> Floats:
    """The gradient `[P]` of one log-probability: the choice itself, less each choice of its context by its chance."""
    return np.array(
        [float(choice == token) - (math.exp(logs[choice]) if choice[0] == token[0] else 0.0) for choice in CHOICES]
    )


def _turns(given: Sequence[Sequence[float | None]]) -> tuple[Floats, Bools]:
    """Values and mask `[M, TURNS]`; what is missing is NaN, so that a method which looks shows it."""
    values = np.full((len(given), TURNS), np.nan)
    for row, numbers in enumerate(given):
        for turn, number in enumerate(numbers):
            values[row, turn] = np.nan if number is None else number
    return values, ~np.isnan(values)


def _gains(episode: Episode, logs: dict[tuple[str, str], float]) -> list[float | None]:
    """What each reply told: log-probabilities of the next action's tokens, less those had the reply been "nothing"."""
    found: list[float | None] = []
    for turn, following in enumerate(episode.moves[1:]):
        without = Move(state=UNHEARD[turn], words=following.words, reply=None, reward=0.0)
        pairs = zip(following.tokens(), without.tokens(), strict=True)
        found.append(sum(logs[token] - logs[other] for token, other in pairs) / len(following.words))
    return [*found, None]


def _marginal_gains(episode: Episode, logs: dict[tuple[str, str], float]) -> list[float | None]:
    """What each reply told: the log-probability of the next action, less that of the same one whatever the reply."""
    found: list[float | None] = []
    for turn, (move, following) in enumerate(itertools.pairwise(episode.moves)):
        chance = dict(QUESTIONS[move.state])[move.words]
        # Nobody has been told yet, so that both colours are equally likely.
        states = [(f"told {colour}", chance / len(COLOURS)) for colour in COLOURS] + [(UNHEARD[turn], 1 - chance)]
        said = {state: _likelihood(following.words, state, logs) for state, _ in states}
        whatever = sum(weight * said[state] for state, weight in states)
        found.append(math.log(said[following.state] / whatever))
    return [*found, None]


def _likelihood(words: tuple[str, ...], state: str, logs: dict[tuple[str, str], float]) -> float:
    """The chance of an action where the policy knows `state`; 0 where it is no choice."""
    tokens = Move(state=state, words=words, reply=None, reward=0.0).tokens()
    return math.exp(sum(logs.get(token, -math.inf) for token in tokens))


def _values(
    episodes: Sequence[Episode], chance: Floats, outcome: Floats, sampled: Bools, spans: Any, critic: str
) -> Floats:
    """Exact values `[M, L]` of the history before each token: the mean over all episodes that begin so."""
    mass: Counter[tuple[str, ...]] = Counter()
    total: Counter[tuple[str, ...]] = Counter()
    seen = []
    for row, episode in enumerate(episodes):
        history: tuple[str, ...] = ()
        received = 0.0
        for move, span in zip(episode.moves, spans[row], strict=True):
            for place, word in enumerate(move.words, start=span.start):
                seen.append((row, place, history, received))
                mass[history] += chance[row]
                total[history] += chance[row] * outcome[row]
                history = (*history, word)
            history = (*history, str(move.reply))
            received += move.reward if critic == "turns" else 0.0
    values = np.where(sampled, 0.0, UNREAD)
    for row, place, history, received in seen:
        values[row, place] = total[history] / mass[history] - received
    return values
