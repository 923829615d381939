"""What a gain is worth in expectation, on worlds small enough to be added up exactly.

The arithmetic under test is `turn_gain`; log-probabilities are those of the world. `test_enumerated_model.py` does the
same with a real model. Everything is in nats, and `information` is computed from the joint table, never from a gain.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.gain import GainSpec
from infopo.gain.arithmetic import turn_gain

MARGINAL = GainSpec(counterfactual="resample", reduction="sum")
PLACEHOLDER = GainSpec(reduction="sum")
END = 2  # of the tokens 0, 1, END
Logs = list[float]
Action = tuple[int, ...]


class Writer:
    """A policy that writes actions of tokens 0 and 1, at most `longest` of them; END ends one before. Random tables."""

    def __init__(self, seed: int, longest: int, *, fixed: bool = False) -> None:
        self.generator = np.random.default_rng(seed)
        self.longest = longest
        self.fixed = fixed  # no END: every action has `longest` tokens
        self.tables: dict[Action, np.ndarray] = {}

    def next(self, prefix: Action) -> np.ndarray:
        if prefix not in self.tables:
            odds = self.generator.dirichlet(np.ones(3))
            if self.fixed:
                odds[END] = 0
            self.tables[prefix] = odds / odds.sum()
        return self.tables[prefix]

    def actions(self) -> Iterator[Action]:
        for size in range(1, self.longest + 1):
            for action in product(range(3), repeat=size):
                ended = action[-1] == END
                if END not in action[:-1] and (size == self.longest or ended) and not (self.fixed and ended):
                    yield action

    def logs(self, action: Action) -> Logs:
        return [math.log(self.next(action[:index])[token]) for index, token in enumerate(action)]


class World:
    """One history, replies `o` with probabilities, and a policy behind each of them."""

    def __init__(self, seed: int, replies: int, **options: Any) -> None:
        self.prior = np.random.default_rng(seed).dirichlet(np.ones(replies))
        self.behind = [Writer(1000 * seed + reply, **options) for reply in range(replies)]
        self.actions = list(self.behind[0].actions())

    def probability(self, reply: int, action: Action) -> float:
        return math.exp(math.fsum(self.behind[reply].logs(action)))

    def outcomes(self) -> Iterator[tuple[float, int, Action]]:
        for reply, action in product(range(len(self.prior)), self.actions):
            yield self.prior[reply] * self.probability(reply, action), reply, action

    def marginal(self, action: Action) -> float:
        return sum(self.prior[reply] * self.probability(reply, action) for reply in range(len(self.prior)))

    def expected(self, spec: GainSpec, without: Sequence[Any], weights: Sequence[float] | None = None) -> float:
        """The expected gain where `without` are the policies behind the edited histories."""
        return sum(
            chance
            * turn_gain(
                self.behind[reply].logs(action), [one.logs(action) for one in without], spec=spec, weights=weights
            ).value
            for chance, reply, action in self.outcomes()
        )

    def information(self) -> float:
        """I(O; A | this history), from entropies of the joint table."""
        joint = [[self.prior[o] * self.probability(o, a) for a in self.actions] for o in range(len(self.prior))]
        return mutual_information(np.array(joint))

    def divergence(self, other: Any) -> float:
        """KL of the marginal policy from another one."""
        return sum(
            self.marginal(action) * (math.log(self.marginal(action)) - math.fsum(other.logs(action)))
            for action in self.actions
        )


def entropy(table: np.ndarray) -> float:
    table = table[table > 0]
    return float(-(table * np.log(table)).sum())


def mutual_information(joint: np.ndarray) -> float:
    """Of the first axis and all the others together."""
    flat = joint.reshape(len(joint), -1)
    return entropy(flat.sum(0)) + entropy(flat.sum(1)) - entropy(flat)


@pytest.mark.parametrize("seed", range(4))
def test_against_the_true_marginal_a_gain_is_the_mutual_information(seed: int) -> None:
    world = World(seed, 4, longest=3)
    assert sum(chance for chance, _, _ in world.outcomes()) == pytest.approx(1)
    assert world.expected(MARGINAL, world.behind, world.prior) == pytest.approx(world.information(), abs=1e-12)
    assert world.information() > 0.05


@pytest.mark.parametrize("seed", range(4))
def test_against_a_placeholder_it_is_more_by_how_odd_the_placeholder_is(seed: int) -> None:
    world = World(seed, 4, longest=3)
    placeholder = Writer(77 + seed, 3)
    expected = world.expected(PLACEHOLDER, [placeholder])
    assert expected == pytest.approx(world.information() + world.divergence(placeholder), abs=1e-12)
    assert expected > world.information() + 0.05


def test_gains_against_several_placeholders_are_averaged() -> None:
    world = World(5, 3, longest=3)
    texts = [Writer(90, 3), Writer(91, 3)]
    gap = (world.divergence(texts[0]) + world.divergence(texts[1])) / 2
    assert world.expected(PLACEHOLDER, texts) == pytest.approx(world.information() + gap, abs=1e-12)


def test_the_mean_is_a_rate_only_where_actions_have_one_length() -> None:
    mean = GainSpec(counterfactual="resample", reduction="mean")
    even = World(6, 4, longest=3, fixed=True)
    assert even.expected(mean, even.behind, even.prior) == pytest.approx(even.information() / 3, abs=1e-12)
    ragged = World(6, 4, longest=3)
    length = sum(chance * len(action) for chance, _, action in ragged.outcomes())
    difference = ragged.expected(mean, ragged.behind, ragged.prior) - ragged.information() / length
    assert abs(difference) > 0.01  # neither the information nor the information a token
    assert abs(ragged.expected(mean, ragged.behind, ragged.prior) - ragged.information()) > 0.1


def against_draws(world: World, draws: int) -> float:
    """The expected gain against `draws` independent replies of the true marginal, over every outcome of the draw."""
    total = 0.0
    for counts in product(range(draws + 1), repeat=len(world.prior)):
        if sum(counts) == draws:
            ways = math.factorial(draws) / math.prod(map(math.factorial, counts))
            chance = ways * math.prod(p**count for p, count in zip(world.prior, counts, strict=True))
            drawn = [reply for reply, count in enumerate(counts) if count]
            weights = [counts[reply] / draws for reply in drawn]
            total += chance * world.expected(MARGINAL, [world.behind[reply] for reply in drawn], weights)
    return total


def test_draws_of_the_marginal_come_close_to_it_from_above() -> None:
    """With K draws the excess falls about as 1/K: a mixture of few replies is too sure of itself."""
    world = World(7, 3, longest=2)
    excess = [against_draws(world, draws) - world.information() for draws in (1, 2, 4, 8, 16)]
    assert excess == sorted(excess, reverse=True)
    assert excess[-1] > 0
    assert excess[-1] < excess[0] / 10
    assert excess[-1] / excess[-2] == pytest.approx(0.5, abs=0.1)


def test_replies_of_the_own_group_erase_what_is_sought() -> None:
    """Episodes of one group share the hidden goal: their replies give the information *beyond* the goal."""
    generator = np.random.default_rng(8)
    goals, world = np.array([0.5, 0.3, 0.2]), World(8, 3, longest=2)
    noisy = generator.dirichlet(np.ones(3), size=3)  # reply given goal
    for told, about_the_goal in ((np.eye(3), True), (noisy, False)):
        world.prior = goals @ told
        in_group = 0.0
        for goal, reply in product(range(3), range(3)):
            for action in world.actions:
                chance = goals[goal] * told[goal, reply] * world.probability(reply, action)
                possible = [other for other in range(3) if told[goal, other] > 0]
                if chance > 0:
                    gain = turn_gain(
                        world.behind[reply].logs(action),
                        [world.behind[other].logs(action) for other in possible],
                        spec=GainSpec(counterfactual="swap", reduction="sum"),
                        weights=[told[goal, other] for other in possible],
                    )
                    in_group += chance * gain.value
        policy = np.array([[world.probability(reply, action) for action in world.actions] for reply in range(3)])
        of_the_goal = mutual_information(goals[:, None] * (told @ policy))
        assert in_group == pytest.approx(world.information() - of_the_goal, abs=1e-12)
        if about_the_goal:  # the reply says the goal and nothing else
            assert in_group == 0.0
            assert of_the_goal > 0.05


def test_a_reply_that_nothing_depends_on() -> None:
    world = World(9, 3, longest=3)
    world.behind = [world.behind[0]] * 3
    placeholder = Writer(92, 3)
    gap = world.divergence(placeholder)
    for _, reply, action in world.outcomes():
        logs = world.behind[reply].logs(action)
        assert turn_gain(logs, [logs] * 3, spec=MARGINAL, weights=world.prior).value == pytest.approx(0, abs=1e-15)
        assert turn_gain(logs, [logs], spec=PLACEHOLDER).value == 0.0
    assert world.expected(PLACEHOLDER, [placeholder]) == pytest.approx(gap, abs=1e-12)
    assert gap > 0.05  # paid for nothing


def test_averaging_log_probabilities_would_pay_too_much() -> None:
    """The difference is how far the replies' policies are from their own mixture, and never negative."""
    world = World(10, 4, longest=2)
    mixture = world.expected(MARGINAL, world.behind, world.prior)
    logs = world.expected(PLACEHOLDER, world.behind, world.prior)
    gap = sum(share * world.divergence(one) for share, one in zip(world.prior, world.behind, strict=True))
    assert logs - mixture == pytest.approx(gap, abs=1e-12)
    assert gap > 0.05


numbers = st.floats(-30, 0)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(data=st.data(), tokens=st.integers(1, 4), histories=st.integers(1, 4))
def test_a_mixture_never_pays_more_than_the_average_of_logs(data: st.DataObject, tokens: int, histories: int) -> None:
    real = data.draw(st.lists(numbers, min_size=tokens, max_size=tokens))
    edited = [data.draw(st.lists(numbers, min_size=tokens, max_size=tokens)) for _ in range(histories)]
    mixture = turn_gain(real, edited, spec=MARGINAL).value
    assert mixture <= turn_gain(real, edited, spec=PLACEHOLDER).value + 1e-9
    ratios = [math.fsum(real) - math.fsum(one) for one in edited]
    assert min(ratios) - 1e-9 <= mixture <= max(ratios) + 1e-9
