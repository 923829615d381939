"""The expected update of every method is what theory says of it; the page holds what the code computes."""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from infopo import algorithms
from infopo.algorithms import Credit, CreditBatch, LossConfig, Method
from infopo.algorithms.base import Floats
from infopo.algorithms.filters import GroupFilter, kept_groups
from infopo.algorithms.infopo_return import bounded
from infopo.algorithms.loss_config import Aggregation
from infopo.testing.exact_gradient_cases import CASES, SUM, Case
from infopo.testing.exact_gradient_table import (
    EXACT,
    gain_term,
    measured,
    method_of,
    predicted,
    tables,
    update,
    world,
)
from infopo.testing.exact_gradients import (
    CHOICES,
    LOGITS,
    POLICY,
    World,
    expected_gradient,
    mean_update,
    toy_world,
)
from infopo.training.loss import aggregate, policy_loss

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
CASE_IDS = [f"{index}-{case.method}" for index, case in enumerate(CASES)]
METHODS = {case.method: case for case in CASES}.values()  # the last case of each


def plain(advantages: Callable[[CreditBatch], Floats]) -> Method:
    """A method that is one expression."""
    return Method(name="plain", summary="", credit=lambda batch: Credit(advantages=advantages(batch), stats={}))


def apart(found: Floats, expected: Floats) -> float:
    return float(np.abs(found - expected).max())


@pytest.fixture(params=["outcome", "turns"])
def graded(request: pytest.FixtureRequest) -> World:
    return world(critic=request.param)


# The world


def test_the_episodes_of_a_task_are_all_there_are(graded: World) -> None:
    for colour in ("x", "y"):
        own = [episode.hidden == colour for episode in graded.episodes]
        assert graded.chance[own].sum() == pytest.approx(1, abs=1e-12)
    assert {len(episode.moves) for episode in graded.episodes} == {1, 2, 3}
    assert {len(move.words) for episode in graded.episodes for move in episode.moves} == {1, 2}


def test_the_exact_gradient_is_that_of_the_expected_outcome(graded: World) -> None:
    step = 1e-5
    for index, exact in enumerate(graded.gradient()):
        moved = np.where(np.arange(len(LOGITS)) == index, step, 0.0)
        higher, lower = (toy_world(logits=LOGITS + sign * moved).expected_outcome for sign in (1, -1))
        assert (higher - lower) / (2 * step) == pytest.approx(exact, abs=1e-9)
    assert np.linalg.norm(graded.gradient()) > 0.01


def test_turn_rewards_sum_to_the_outcome(graded: World) -> None:
    assert np.nansum(graded.everything.turn_rewards, axis=1) == pytest.approx(graded.everything.outcome)


def test_a_gain_is_what_the_reply_changed() -> None:
    def log(context: str, word: str) -> float:
        return POLICY[context][word] - float(np.logaddexp.reduce(list(POLICY[context].values())))

    seen = set()
    for episode, gains in zip(world().episodes, world().everything.signals["gain"], strict=True):
        last = len(episode.moves) - 1
        assert np.isnan(gains[last:]).all()
        for turn, gain in enumerate(gains[:last]):
            guess = episode.moves[turn + 1].words[0]
            told = episode.moves[turn].reply == episode.hidden
            without = ("unsure", "last")[turn]
            assert gain == pytest.approx(log(f"told {episode.hidden}", guess) - log(without, guess) if told else 0)
            seen.add(told)
    assert seen == {True, False}


def test_values_are_exact() -> None:
    values, sampled = world().everything.values, world().everything.sampled
    assert values is not None
    assert values[:, 1] == pytest.approx(world().expected_outcome)
    # A one-step error has mean 0 under exact values only; so it may stand in place of the return.
    errors = np.zeros_like(values)
    for row, outcome in enumerate(world().everything.outcome):
        places = np.flatnonzero(sampled[row])
        errors[row, places] = np.diff([*values[row, places], outcome])
    mean = np.einsum("m,ml,mlp->p", world().chance / 2, errors, world().score)
    assert apart(mean, world().gradient()) < EXACT


# The harness


@pytest.mark.parametrize("size", [1, 2])
def test_the_plain_estimators_are_unbiased(graded: World, size: int) -> None:
    def to_go(batch: CreditBatch) -> Floats:
        """For every token the rewards of its own turn and of later ones."""
        found = np.zeros(batch.sampled.shape)
        rewards = np.nan_to_num(np.asarray(batch.turn_rewards))
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                found[row, span.start : span.end] = rewards[row, turn:].sum()
        return found

    for advantages in (lambda batch: batch.outcome[:, None] + np.zeros(batch.sampled.shape), to_go):
        for baseline in (0.0, 1.0):
            method = plain(lambda batch, f=advantages, b=baseline: f(batch) - b * np.asarray(batch.values))
            assert apart(expected_gradient(graded, method, SUM, size=size), graded.gradient()) < EXACT


def test_a_later_reward_is_missed() -> None:
    def own_turn(batch: CreditBatch) -> Floats:
        found = np.zeros(batch.sampled.shape)
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                found[row, span.start : span.end] = np.asarray(batch.turn_rewards)[row, turn]
        return found

    assert apart(expected_gradient(world(), plain(own_turn), SUM, size=2), world().gradient()) > 0.01


@pytest.mark.parametrize("aggregation", get_args(Aggregation))
def test_one_group_moves_the_policy_as_the_loss_of_training_does(aggregation: Aggregation) -> None:
    loss = LossConfig(aggregation=aggregation, normaliser_length=7)
    chosen = np.array([[0, 3, 9]])
    batch = world().batch(chosen)
    advantages = torch.tensor(algorithms.get("grpo").credit(batch).advantages)
    assert advantages.abs().max() > 0.1
    logits = torch.tensor(LOGITS, requires_grad=True)
    logs = {}
    for context in POLICY:
        own = [index for index, (other, _) in enumerate(CHOICES) if other == context]
        logs |= dict(zip([CHOICES[index] for index in own], torch.log_softmax(logits[own], 0), strict=True))
    rows = []
    for row in chosen[0]:
        places = iter([token for move in world().episodes[row].moves for token in move.tokens()])
        rows.append(
            torch.stack([logs[next(places)] if on else logits[0] * 0 for on in world().everything.sampled[row]])
        )
    new, mask = torch.stack(rows), torch.tensor(batch.sampled)
    token_losses = policy_loss(new, new.detach(), advantages, loss)[0]
    (gradient,) = torch.autograd.grad(-aggregate(token_losses, mask, loss), logits)
    assert apart(mean_update(world(), algorithms.get("grpo"), loss, chosen, np.ones(1)), gradient.numpy()) < 1e-12


@pytest.mark.parametrize("case", METHODS, ids=lambda case: case.method)
def test_the_order_of_a_group_and_its_neighbours_change_nothing(case: Case) -> None:
    """What lets groups be enumerated up to order, and many be handed over in one batch."""
    chosen, method = world(critic=case.critic), method_of(case)
    half = len(chosen.episodes) // 2
    ordered = np.array([pair for task in (0, half) for pair in itertools.product(range(task, task + half), repeat=2)])
    chances = chosen.chance[ordered].prod(axis=1) / 2
    assert chances.sum() == pytest.approx(1)
    one_by_one = mean_update(chosen, method, case.loss, ordered, chances)
    together = {} if case.whole_batch else {"together": 50}
    assert apart(one_by_one, expected_gradient(chosen, method, case.loss, size=2, **together)) < 1e-12


@pytest.mark.parametrize("kind", ["std", "std_rev", "dynamic"])
def test_a_filter_keeps_groups_as_often_as_in_every_pair_of_groups(kind: Any) -> None:
    rule, chosen = GroupFilter(kind=kind), world(binary=True)
    groups, chances = chosen.groups(2)
    outcomes = chosen.everything.outcome[groups]
    taken = np.zeros(len(groups))
    keep = cache(lambda *pair: kept_groups(rule, [np.array(values) for values in pair]))
    if kind == "dynamic":
        taken[kept_groups(rule, list(outcomes))] = 1
        taken *= chances / (taken @ chances)
    else:
        for pair in itertools.product(range(len(groups)), repeat=2):
            (kept,) = keep(*(tuple(outcomes[index]) for index in pair))
            taken[pair[kept]] += chances[pair[0]] * chances[pair[1]]
    assert taken.sum() == pytest.approx(1)
    direct = mean_update(chosen, algorithms.get("infopo"), SUM, groups, taken)
    assert apart(expected_gradient(chosen, algorithms.get("infopo"), SUM, size=2, rule=rule), direct) < 1e-12


# The methods


@pytest.mark.parametrize("index", range(len(CASES)), ids=CASE_IDS)
def test_every_method_is_as_theory_says(index: int) -> None:
    case, found = CASES[index], measured(index)
    theory = predicted(case)
    if theory is None:
        assert found.bias > 1e-5, "theory calls it biased, and it is not"
    else:
        assert found.bias < EXACT
        assert found.factor == pytest.approx(theory, abs=1e-8)


def test_the_page_holds_what_the_code_computes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in tables():
        assert table in page, "run benchmarks/exact_gradients.py and put its tables there"


@pytest.mark.parametrize("name", algorithms.names())
def test_every_method_has_a_row(name: str) -> None:
    assert name in {case.method for case in CASES}


def test_the_bias_of_igpo_2025_is_the_gradient_of_the_last_belief() -> None:
    """Gains add up to the last belief less the one before the action, and the latter is a baseline."""
    beliefs = world().everything.signals["belief"]
    last = np.array([np.exp(row[~np.isnan(row)][-1]) for row in beliefs])
    paid = np.einsum("m,mlp->p", world().chance / 2 * (world().everything.outcome + last), world().score)
    (case,) = (case for case in CASES if case.method == "igpo-2025" and not case.silent)
    assert apart(update(case), 2 / 3 * paid) < EXACT


def test_the_bias_of_gigpo_is_how_often_its_states_are_shared() -> None:
    """A step among m in its state keeps (m - 1) / m of its gradient; m - 1 of the two other episodes come there."""
    chosen, n = world(), 3
    expected = np.zeros(len(CHOICES))
    rewards, keys = np.nan_to_num(np.asarray(chosen.everything.turn_rewards)), chosen.everything.state_keys
    assert keys is not None
    for row, episode in enumerate(chosen.episodes):
        for turn, span in enumerate(chosen.everything.action_spans[row]):
            comes = sum(
                chosen.chance[other]
                for other, one in enumerate(chosen.episodes)
                if one.hidden == episode.hidden and keys[row][turn] in keys[other]
            )
            shared = 1 - (1 - (1 - comes) ** n) / (n * comes)
            score = chosen.score[row, span.start : span.end].sum(axis=0)
            expected += chosen.chance[row] / 2 * ((n - 1) / n + shared) * rewards[row, turn:].sum() * score
    (case,) = (case for case in CASES if case.method == "gigpo" and case.options == {"gamma": 1.0})
    assert apart(update(case), expected) < EXACT


# InfoPO


def test_where_all_failed_grpo_stands_still_and_infopo_does_not() -> None:
    for temperature in (0.5, 0.02):
        _, grpo, infopo = gain_term(temperature)
        assert grpo == 0
        assert infopo > 1e-3


def test_the_gain_vanishes_as_the_gate_closes() -> None:
    """In groups whose outcomes differ; in the others the gate stands at one half, whatever its temperature."""
    mixed = [gain_term(temperature)[0] for temperature in (0.5, 0.2, 0.1, 0.05, 0.02)]
    assert mixed[0] > 1e-3
    assert all(later < earlier / 4 for earlier, later in itertools.pairwise(mixed))
    assert mixed[-1] < 1e-12
    assert gain_term(0.5)[2] == pytest.approx(gain_term(0.02)[2], rel=1e-9)


def test_among_single_questions_the_gain_prefers_one_and_does_not_pay_for_asking() -> None:
    """Scores are centred among the scored turns of a group, and a guess is none of them."""
    groups, chances = world().groups(3)
    short = np.array([all(len(world().episodes[row].moves) <= 2 for row in group) for group in groups])
    updates = [
        mean_update(world(), algorithms.get(name), SUM, groups[short], chances[short]) for name in ("infopo", "grpo")
    ]
    added = dict(zip(CHOICES, updates[0] - updates[1], strict=True))
    assert all(abs(added["open", word]) < 1e-15 for word in POLICY["open"])
    assert added["ask", "colour"] > 1e-3


# InfoPO-return


def information_world(logits: Floats = LOGITS) -> World:
    return toy_world(told=0.0, right=0.0, gain="marginal", logits=logits)


def test_the_gradient_of_information_is_that_of_the_episodes_alone() -> None:
    """Actions are distributed as the mixture that they are held against: its own gradient has mean 0."""

    def mean(logits: Floats) -> float:
        chosen = information_world(logits)
        return float(chosen.chance @ chosen.information) / 2

    exact, step = information_world().gradient_of(information_world().information), 1e-5
    for index in range(len(LOGITS)):
        moved = np.where(np.arange(len(LOGITS)) == index, step, 0.0)
        assert (mean(LOGITS + moved) - mean(LOGITS - moved)) / (2 * step) == pytest.approx(exact[index], abs=1e-9)
    assert np.linalg.norm(exact) > 0.01
    assert mean(LOGITS) > 0


def test_in_groups_that_failed_it_follows_the_information_of_failed_episodes() -> None:
    """For each task q^(n - 1), q its chance to fail, times two parts: the gradient of the mean of D where an episode
    fails, D held still, less what two others expect before an action times how it changes the chance to fail."""
    chosen = toy_world(told=0.0, right=1.0, gain="marginal")
    method = algorithms.get("infopo-return", beta=1.0, draws=None)
    found = expected_gradient(chosen, method, SUM, where=lambda outcomes: not outcomes.any(), together=64)
    failed = 1 - chosen.everything.outcome
    expected = np.zeros(len(LOGITS))
    for colour in ("x", "y"):
        own = failed * [episode.hidden == colour for episode in chosen.episodes]
        weights = chosen.chance * own
        line = np.zeros(3)  # by all pairs of failed episodes; all turns but the last are answered
        for pair in itertools.product(np.flatnonzero(weights), repeat=2):
            points = [
                (turn, chosen.information[row]) for row in pair for turn, _ in enumerate(chosen.episodes[row].moves)
            ]
            line += weights[list(pair)].prod() * drawn(*np.array(points).T)
        for row in np.flatnonzero(weights):
            for turn, span in enumerate(chosen.everything.action_spans[row]):
                change = weights[row] / 2 * chosen.score[row, span.start : span.end].sum(axis=0)
                expected -= line[turn] * change
        expected += weights.sum() ** 2 * chosen.gradient_of(own * chosen.information)
    assert apart(found, expected) < EXACT
    assert np.linalg.norm(found) > 1e-3


def drawn(answers: Floats, worth: Floats) -> Floats:
    """The line through these points at 0, 1 and 2: a ridge regression with weight 1."""
    centred = answers - answers.mean()
    slope = centred @ (worth - worth.mean()) / (centred @ centred + 1.0)
    return worth.mean() + slope * (np.arange(3) - answers.mean())


def test_it_pays_for_asking_where_infopo_does_not() -> None:
    groups, chances = world().groups(3)
    single = [len(world().episodes[row].moves) <= 2 for row in range(len(world().episodes))]
    short = np.array([all(single[row] for row in group) for group in groups])
    silent = toy_world(told=0.0, right=0.0, gain="marginal")
    paid = {
        name: dict(
            zip(
                CHOICES,
                mean_update(silent, algorithms.get(name, beta=1.0), SUM, groups[short], chances[short]),
                strict=True,
            )
        )
        for name in ("infopo", "infopo-return")
    }
    assert abs(paid["infopo"]["open", "ask"]) < 1e-15
    assert paid["infopo-return"]["open", "ask"] > 1e-3
    assert paid["infopo-return"]["ask", "colour"] > 1e-3


def test_it_vanishes_with_the_gate_where_outcomes_differ() -> None:
    chosen = toy_world(told=0.0, right=1.0, gain="marginal")

    def added(temperature: float) -> float:
        methods = algorithms.get("infopo-return", beta=1.0, gate_temperature=temperature), algorithms.get("grpo")
        mixed = [
            expected_gradient(chosen, one, SUM, where=lambda outcomes: np.ptp(outcomes) > 0, together=64)
            for one in methods
        ]
        return apart(*mixed)

    sizes = [added(temperature) for temperature in (0.5, 0.2, 0.1, 0.05, 0.02)]
    assert sizes[0] > 1e-3
    assert all(later < earlier / 4 for earlier, later in itertools.pairwise(sizes[:-1]))
    assert sizes[-2:] == [0, 0]  # 0.05 is the default


@pytest.mark.parametrize("draws", [1, 2])
def test_the_capped_gain_has_an_exact_gradient_for_every_number_of_draws(draws: int) -> None:
    """Three replies, two actions; the reply and K others are drawn, and every way that can come out is listed."""
    chance = np.array([0.5, 0.3, 0.2])
    logits = np.array([[0.4, -0.2], [-0.9, 0.3], [0.1, 1.2]])

    def capped(table: Floats) -> Iterator[tuple[float, int, int, float]]:
        """Chance, reply, action and capped gain of every outcome."""
        policy = np.exp(table) / np.exp(table).sum(axis=1, keepdims=True)
        for replies in itertools.product(range(3), repeat=draws + 1):
            for action in range(2):
                gain = math.log(policy[replies[0], action] / policy[list(replies[1:]), action].mean())
                value = float(bounded(np.array([gain]), draws)[0])
                yield float(chance[list(replies)].prod() * policy[replies[0], action]), replies[0], action, value

    def mean(table: Floats) -> float:
        return sum(weight * value for weight, _, _, value in capped(table))

    policy = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scored = np.zeros_like(logits)
    for weight, reply, action, value in capped(logits):
        scored[reply] += weight * value * (np.arange(2) == action)
        scored[reply] -= weight * value * policy[reply]
    for place in np.ndindex(*logits.shape):
        moved = np.zeros_like(logits)
        moved[place] = 1e-5
        assert (mean(logits + moved) - mean(logits - moved)) / 2e-5 == pytest.approx(scored[place], abs=1e-9)
    whole = sum(
        c * p * math.log(p / m)
        for c, row in zip(chance, policy, strict=True)
        for p, m in zip(row, chance @ policy, strict=True)
    )
    assert 0 < mean(logits) < min(whole, math.log(draws + 1))
