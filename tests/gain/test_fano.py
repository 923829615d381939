"""How much information a policy must have used to be right this often, and what each horizon sees of it.

A game of two questions: action 1 asks, reply 1 comes, action 2, reply 2, action 3 is the guess. With all replies so far
on every action, `I(O_1; A_2) + I(O_1, O_2; A_3 | A_2)` is the directed information, which Fano's inequality bounds from
below. All gains come from `turn_gain` against the true marginal; everything is in nats.
"""

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from infopo.gain import GainSpec
from infopo.gain.arithmetic import turn_gain

from .test_theory import entropy, mutual_information

MARGINAL = GainSpec(counterfactual="resample", reduction="sum")
Play = tuple[int, int, int, int, int]  # goal, reply 1, action 2, reply 2, action 3


class Game:
    """Tables: `first[g, o1]`, `second[o1, a2]`, `reply[g, a2, o2]`, `guess[o1, a2, o2, a3]`; goals equally likely."""

    def __init__(self, first: np.ndarray, second: np.ndarray, reply: np.ndarray, guess: np.ndarray) -> None:
        self.first, self.second, self.reply, self.guess = first, second, reply, guess
        self.goals = len(first)
        #: `[g, o1, a2, o2, a3]`
        self.joint = np.einsum("go,oa,gap,oaph->goaph", first, second, reply, guess) / self.goals

    def plays(self) -> Iterator[tuple[float, Play]]:
        for play in product(*map(range, self.joint.shape)):
            if self.joint[play] > 0:
                yield float(self.joint[play]), play  # type: ignore[misc]

    @property
    def error(self) -> float:
        """How often the guess is not the goal."""
        return 1 - float(sum(self.joint[goal, ..., goal].sum() for goal in range(self.goals)))

    def fano(self) -> float:
        """What must have been used, at the least, to be wrong so seldom among so many goals."""
        error = min(max(self.error, 0.0), 1.0)
        return math.log(self.goals) - entropy(np.array([error, 1 - error])) - error * math.log(self.goals - 1)

    def directed(self) -> float:
        """I(O_1; A_2) + I(O_1, O_2; A_3 | A_2), from entropies."""
        table = self.joint.sum(0)  # [o1, a2, o2, a3]
        total = mutual_information(table.sum((2, 3)))
        for second in range(table.shape[1]):
            part = table[:, second]  # [o1, o2, a3]
            if part.sum() > 0:
                total += part.sum() * mutual_information((part / part.sum()).reshape(-1, part.shape[-1]))
        return total

    def first_replies(self) -> np.ndarray:
        """`[o1]`."""
        return self.first.mean(0)

    def second_replies(self, first: int, second: int) -> np.ndarray:
        """Of what fits the history so far: `[o2]`."""
        goals = self.first[:, first] / self.first[:, first].sum()
        return goals @ self.reply[:, second]

    def second_turn(self, play: Play) -> float:
        """Reply 2 has the guess alone behind it: one number at any horizon."""
        _, one, second, two, third = play
        other = self.second_replies(one, second)
        return gain([self.guess[one, second, two, third]], self.guess[one, second, :, third][:, None], other)

    def horizon_one(self) -> float:
        """The sum of both turns' expected gains, each on the next action alone."""
        total = 0.0
        for chance, play in self.plays():
            _, one, second, _, _ = play
            first = gain([self.second[one, second]], self.second[:, second][:, None], self.first_replies())
            total += chance * (first + self.second_turn(play))
        return total

    def horizon_all(self) -> float:
        """As `horizon="all"` scores it: all later actions, later replies as they were."""
        total = 0.0
        for chance, play in self.plays():
            _, one, second, two, third = play
            real = [self.second[one, second], self.guess[one, second, two, third]]
            without = np.stack([self.second[:, second], self.guess[:, second, two, third]], 1)
            total += chance * (gain(real, without, self.first_replies()) + self.second_turn(play))
        return total

    def telescoped(self) -> float:
        """All later actions, later replies averaged over what they would have been."""
        total = 0.0
        for chance, play in self.plays():
            _, one, second, _, third = play
            later = [
                float(self.second_replies(o, second) @ self.guess[o, second, :, third])
                if self.first[:, o].any()
                else 1.0
                for o in range(self.first.shape[1])
            ]
            without = np.stack([self.second[:, second], later], 1)
            real = [self.second[one, second], later[one]]
            total += chance * (gain(real, without, self.first_replies()) + self.second_turn(play))
        return total


def gain(real: list[float], without: np.ndarray, weights: np.ndarray) -> float:
    """`turn_gain` of probabilities `[n]` and `[K, n]`, replies that cannot be left out."""
    with np.errstate(divide="ignore"):
        edited = [np.log(row).tolist() for row, weight in zip(without, weights, strict=True) if weight > 0]
    return turn_gain(np.log(real).tolist(), edited, spec=MARGINAL, weights=weights[weights > 0].tolist()).value


def bits(goal: int) -> tuple[int, int]:
    return goal // 2, goal % 2


def two_questions(noise: float = 0.0) -> Game:
    """Four goals of two bits. Two fixed questions, each told one bit; then the goal is said."""
    first, reply, guess = np.zeros((4, 2)), np.zeros((4, 1, 2)), np.full((2, 1, 2, 4), noise / 4)
    for goal in range(4):
        one, two = bits(goal)
        first[goal, one] = reply[goal, 0, two] = 1
        guess[one, 0, two, goal] += 1 - noise
    return Game(first, np.ones((2, 1)), reply, guess)


def echo(reads: int) -> Game:
    """The same reply comes twice and says all; the policy reads the first one (0) or the second (1)."""
    guess = np.zeros((4, 1, 4, 4))
    for one, two in product(range(4), repeat=2):
        guess[one, 0, two, (one, two)[reads]] = 1
    return Game(np.eye(4), np.ones((4, 1)), np.eye(4)[:, None], guess)


def random_game(seed: int, *, apart: bool = False) -> Game:
    """`apart`: reply 2 says nothing of reply 1 (two bits, a noisy word on each; action 2 chooses no question)."""
    generator = np.random.default_rng(seed)

    def table(*shape: int) -> np.ndarray:
        return generator.dirichlet(np.full(shape[-1], 0.4), size=shape[:-1])

    first, reply = table(4, 3), table(4, 2, 3)
    if apart:
        about_one, about_two = table(2, 3), table(2, 3)
        first = np.stack([about_one[bits(goal)[0]] for goal in range(4)])
        reply = np.stack([np.stack([about_two[bits(goal)[1]]] * 2) for goal in range(4)])
    return Game(first, table(3, 2), reply, table(3, 2, 3, 4))


@pytest.mark.parametrize("seed", range(8))
def test_the_directed_information_is_bounded_and_telescopes(seed: int) -> None:
    game = random_game(seed)
    assert game.joint.sum() == pytest.approx(1)
    assert game.telescoped() == pytest.approx(game.directed(), abs=1e-12)
    assert game.directed() >= game.fano()
    assert game.horizon_one() <= game.directed() + 1e-12  # a reply that is used later than at once is missed


def test_a_policy_that_is_always_right_reaches_the_bound() -> None:
    game = two_questions()
    assert game.error == pytest.approx(0)
    assert game.fano() == pytest.approx(2 * math.log(2))
    assert game.directed() == pytest.approx(game.fano())


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
def test_the_sum_at_horizon_one_breaks_the_bound_and_all_keeps_it(noise: float) -> None:
    """The counterexample: the first reply changes no question, only the answer. 1 bit of 2 is seen."""
    game = two_questions(noise)
    assert game.horizon_one() < game.fano() - 0.1 * (1 - noise)
    assert game.horizon_all() >= game.fano()
    if not noise:
        assert game.horizon_one() / math.log(2) == pytest.approx(1)
        assert game.horizon_all() / math.log(2) == pytest.approx(2)


@pytest.mark.parametrize("seed", range(8))
def test_horizon_all_keeps_the_bound_where_replies_do_not_repeat_each_other(seed: int) -> None:
    game = random_game(seed, apart=True)
    assert game.horizon_all() >= game.directed() - 1e-12
    assert game.directed() >= game.fano()


def test_horizon_all_misses_what_is_told_twice() -> None:
    """The limit: later replies stay as they were. One that repeats the first leaves nothing to be missed without it."""
    game = echo(reads=1)
    assert game.error == pytest.approx(0)
    assert game.directed() == pytest.approx(2 * math.log(2))
    assert game.fano() == pytest.approx(2 * math.log(2))
    assert game.horizon_all() == pytest.approx(0, abs=1e-12)
    assert echo(reads=0).horizon_all() == pytest.approx(2 * math.log(2))
