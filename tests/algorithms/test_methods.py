"""What every method promises, as properties; the registry; the metrics."""

from collections.abc import Callable, Collection
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch, Method
from infopo.algorithms.group_stats import members, outcome_zscores, zscore
from infopo.core import InfopoError, UnknownNameError, UserError

from .conftest import (
    BATCH_WIDE,
    COUNTS_TOKENS,
    KEEPS_SINGLETONS,
    SCORES,
    batches,
    make_batch,
    no_signals,
    take,
)

FEW = settings(max_examples=20, deadline=None)  # there are many methods


def methods(without: Collection[str] = ()) -> Any:
    """One case a method, but for those of which the property does not hold."""
    found = [algorithms.get(name) for name in algorithms.names() if name not in without]
    return pytest.mark.parametrize("method", found, ids=lambda method: method.name)


METHODS = methods()


@METHODS
@FEW
@given(batch=batches(), data=st.data())
def test_rows_may_come_in_any_order(method: Method, batch: CreditBatch, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(batch.group))))
    plain, moved = method.credit(batch), method.credit(take(batch, order))
    np.testing.assert_allclose(moved.advantages, plain.advantages[order], atol=1e-9)
    assert moved.stats.keys() == plain.stats.keys()
    for name, value in plain.stats.items():
        assert moved.stats[name] == pytest.approx(value, abs=1e-9), name


@methods(without=BATCH_WIDE)
@FEW
@given(batch=batches())
def test_each_group_stands_for_itself(method: Method, batch: CreditBatch) -> None:
    together = method.credit(batch).advantages
    for rows in members(batch.group):
        part = take(batch, rows.tolist())
        np.testing.assert_array_equal(method.credit(part).advantages, together[rows])


@METHODS
@FEW
@given(batch=batches(), junk=st.sampled_from([np.nan, 1e9, -3.0, np.inf]))
def test_what_a_mask_hides_has_no_influence(method: Method, batch: CreditBatch, junk: float) -> None:
    signals = {name: np.where(batch.signal_masks[name], values, junk) for name, values in batch.signals.items()}
    rewards = np.where(batch.turn_reward_mask, batch.turn_rewards, junk)
    other = method.credit(replace(batch, signals=signals, turn_rewards=rewards))
    plain = method.credit(batch)
    np.testing.assert_array_equal(other.advantages, plain.advantages)
    assert other.stats == plain.stats
    assert np.isfinite(plain.advantages).all()
    assert all(np.isfinite(value) for value in plain.stats.values())


@METHODS
@FEW
@given(batch=batches(), data=st.data())
def test_zero_where_nothing_was_sampled(method: Method, batch: CreditBatch, data: st.DataObject) -> None:
    flat = data.draw(st.lists(st.booleans(), min_size=batch.sampled.size, max_size=batch.sampled.size))
    keep = batch.sampled & np.array(flat, dtype=bool).reshape(batch.sampled.shape)
    found = method.credit(replace(batch, sampled=keep)).advantages
    assert found.shape == batch.sampled.shape
    assert (found[~keep] == 0).all()
    if method.name not in COUNTS_TOKENS:
        np.testing.assert_array_equal(found[keep], method.credit(batch).advantages[keep])


OTHERWISE: list[tuple[str, dict[str, Any]]] = [  # other paths through a method than those of its defaults
    ("infopo", {"stats": "token_nonzero", "length_norm": "next_and_own", "magnitude_bound": True}),
    ("infopo", {"credit_to": "a_t+1", "no_norm": True}),
    ("infopo-official", {"overwrite_last": False, "credit": "R2G", "score": "R2G"}),
    ("userrl", {"credit": "EM"}),
    ("starpo", {"length_weight": True, "grouping": "batch"}),
    ("bi-level-gae", {"zero_ends_turn": False}),
    ("igpo", {"normalisation": "joint", "zero": "missing", "weigh": "before", "kind": "prob_diff"}),
    ("gigpo", {"episode_stats_over": "steps", "mode": "mean_std"}),
]


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in algorithms.names()), *OTHERWISE])
@FEW
@given(batch=batches(), tokens=st.integers(0, 3), turns=st.integers(0, 2))
def test_padding_changes_nothing(
    name: str, options: dict[str, Any], batch: CreditBatch, tokens: int, turns: int
) -> None:
    def wider(values: Any, more: int, fill: Any) -> Any:
        return np.pad(values, ((0, 0), (0, more)), constant_values=fill)

    batch = replace(batch, token_penalty=np.where(batch.sampled, 0.1, np.nan))
    padded = replace(
        batch,
        sampled=wider(batch.sampled, tokens, False),
        values=wider(batch.values, tokens, 7.0),
        token_penalty=wider(batch.token_penalty, tokens, np.nan),
        signals={name: wider(values, turns, np.nan) for name, values in batch.signals.items()},
        signal_masks={name: wider(mask, turns, False) for name, mask in batch.signal_masks.items()},
        turn_rewards=wider(batch.turn_rewards, turns, np.nan),
        turn_reward_mask=wider(batch.turn_reward_mask, turns, False),
        state_keys=tuple((*keys, *[None] * turns) for keys in batch.state_keys or ()),
    )
    method = algorithms.get(name, **options)
    plain, found = method.credit(batch), method.credit(padded)
    length = batch.sampled.shape[1]
    for one, other in ((found.advantages, plain.advantages), (found.returns, plain.returns)):
        if one is not None and other is not None:
            np.testing.assert_allclose(one[:, :length], other, atol=1e-12)
            assert (one[:, length:] == 0).all()
    assert (found.returns is None) == (plain.returns is None)
    assert found.stats == pytest.approx(plain.stats)


@METHODS
@FEW
@given(batch=batches())
def test_a_batch_is_read_and_not_written(method: Method, batch: CreditBatch) -> None:
    arrays = {"outcome": batch.outcome, "turn_rewards": batch.turn_rewards, "values": batch.values, **batch.signals}
    before = {name: array.copy() for name, array in arrays.items()}
    first, second = method.credit(batch), method.credit(batch)
    np.testing.assert_array_equal(first.advantages, second.advantages)
    assert first.stats == second.stats
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


@METHODS
@FEW
@given(batch=batches())
def test_a_group_of_one_learns_nothing_from_its_outcome(method: Method, batch: CreditBatch) -> None:
    single = [int(rows[0]) for rows in members(batch.group) if rows.size == 1]
    credit = method.credit(no_signals(batch))
    assert credit.stats["adv/singleton_groups"] == len(single)
    if method.name not in KEEPS_SINGLETONS:
        assert (credit.advantages[single] == 0).all()


@METHODS
def test_an_episode_without_a_turn_gets_nothing(method: Method) -> None:
    spans = [[(0, 2)], [], [(1, 2), (3, 4)]]
    gains, rewards = [[0.5], [], [0.1, None]], [[1.0], [], [0.0, 0.2]]
    batch = make_batch([0, 0, 0], [1.0, 0.0, 0.5], spans, gains, rewards=rewards)
    batch = replace(
        batch,
        signals={**batch.signals, "belief": batch.signals["gain"]},
        signal_masks={**batch.signal_masks, "belief": batch.signal_masks["gain"]},
        values=np.full(batch.sampled.shape, 0.5),
        state_keys=(("start",), (), ("start", "a")),
    )
    credit = method.credit(batch)
    assert (credit.advantages[1] == 0).all()
    assert np.isfinite(credit.advantages).all()


@given(
    values=st.lists(SCORES, min_size=2, max_size=9).map(np.array),
    shift=st.floats(-10, 10),
    scale=st.floats(0.5, 4),
)
def test_zscores_ignore_shift_and_scale(values: Any, shift: float, scale: float) -> None:
    assume(np.ptp(values) == 0 or values.std(ddof=1) > 0.01)  # the added epsilon is no longer small beside less
    np.testing.assert_allclose(zscore(values * scale + shift), zscore(values), atol=1e-3)


@given(values=st.lists(SCORES, min_size=2, max_size=9).map(np.array))
def test_zscores_are_centred_with_deviation_one(values: Any) -> None:
    assume(values.std(ddof=1) > 0.01)
    found = zscore(values)
    assert found.mean() == pytest.approx(0, abs=1e-9)
    assert found.std(ddof=1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.3], [0.1 + 0.2, 0.3, 0.3]])
def test_equal_or_lonely_values_score_exactly_zero(values: list[float]) -> None:
    assert zscore(np.array(values)).tolist() == [0.0] * len(values)


@given(batch=batches())
def test_infopo_without_gains_or_weight_is_grpo(batch: CreditBatch) -> None:
    plain = algorithms.get("grpo").credit(batch).advantages
    np.testing.assert_array_equal(algorithms.get("infopo").credit(no_signals(batch)).advantages, plain)
    np.testing.assert_array_equal(algorithms.get("infopo", beta=0.0).credit(batch).advantages, plain)


def test_equal_outcomes_are_told_apart_by_their_gains() -> None:
    batch = make_batch([0, 0], [1.0, 1.0], [[(0, 2), (4, 5)], [(1, 2), (3, 5)]], [[0.9, None], [0.1, None]])
    assert (algorithms.get("grpo").credit(batch).advantages == 0).all()
    found = algorithms.get("infopo").credit(batch).advantages
    value = 0.5 * 0.5 / np.sqrt(2)  # weight, open gate, standard score of one of two
    np.testing.assert_allclose(found[0], [value, value, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found[1], [0, -value, 0, 0, 0], atol=1e-5)


@pytest.mark.parametrize("gains", [[[0.4, None], [None, None]], [[0.2, None], [0.2, None]]])
def test_one_gain_or_equal_gains_change_nothing(gains: list[list[float | None]]) -> None:
    batch = make_batch([0, 0], [1.0, 0.0], [[(0, 2), (4, 5)], [(1, 2), (3, 5)]], gains)
    found = algorithms.get("infopo").credit(batch).advantages
    np.testing.assert_array_equal(found, algorithms.get("grpo").credit(batch).advantages)


def test_a_missing_gain_is_not_a_gain_of_zero() -> None:
    spans = [[(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3), (4, 5)]]
    missing = make_batch([0, 0], [1.0, 1.0], spans, [[1.0, None, None], [3.0, None, None]])
    zero = make_batch([0, 0], [1.0, 1.0], spans, [[1.0, 0.0, None], [3.0, None, None]])
    credit = algorithms.get("infopo").credit
    assert credit(missing).advantages[0, 0] != pytest.approx(credit(zero).advantages[0, 0])
    assert credit(zero).advantages[0, 2] < 0 == credit(missing).advantages[0, 2]


def test_metrics_of_a_batch_by_hand() -> None:
    batch = make_batch(
        [0, 0, 1, 1, 2],
        [1.0, 0.0, 1.0, 1.0, 0.5],
        [[(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3)], [(0, 1), (2, 3)], [(0, 1)], [(0, 1), (2, 3)]],
        [[0.6, -0.2, None], [0.4, None], [0.0, None], [None], [None, 0.8]],
    )
    stats = algorithms.get("infopo").credit(batch).stats
    expected = {
        "group/equal_ratio": 0.5,
        "group/all_one": 0.5,
        "group/all_zero": 0.0,
        "group/mixed": 0.5,
        "adv/zero_var_groups": 1.0,
        "adv/singleton_groups": 1.0,
        "info/scored_turns_frac": 0.5,
        "info/turn_gain_mean": 0.32,
        "info/turn_gain_min": -0.2,
        "info/turn_gain_max": 0.8,
        "info/turn_gain_frac_neg": 0.2,
        "info/turn_gain_at_1": 1 / 3,
        "info/turn_gain_at_2": 0.3,
        "info/gain_early_third": 0.3,
        "info/gain_late_third": 0.1,
        "info/gate_max": 0.5,
        "info/group_std_min": 0.0,
        "info/group_std_max": np.sqrt(0.5),
    }
    assert {name: stats[name] for name in expected} == pytest.approx(expected)
    assert "info/turn_gain_at_3" not in stats
    policy = batch.sampled
    outcome = algorithms.get("grpo").credit(batch).advantages[policy]
    intrinsic = algorithms.get("infopo").credit(batch).advantages[policy] - outcome
    share = np.abs(intrinsic).mean() / (np.abs(intrinsic).mean() + np.abs(outcome).mean())
    assert stats["info/contribution_ratio"] == pytest.approx(share)
    assert stats["info/outcome_adv_mean"] == pytest.approx(outcome.mean())
    assert stats["info/intrinsic_adv_std"] == pytest.approx(intrinsic.std(ddof=1))
    assert stats["info/outcome_std"] == pytest.approx(outcome.std(ddof=1))


def test_metrics_list_at_most_sixteen_turns() -> None:
    turns = 20
    spans = [[(2 * turn, 2 * turn + 1) for turn in range(turns)]] * 2
    batch = make_batch([0, 0], [0.0, 1.0], spans, [[0.1] * turns, [0.3] * turns])
    stats = algorithms.get("infopo").credit(batch).stats
    assert sum(name.startswith("info/turn_gain_at_") for name in stats) == 16


@METHODS
def test_an_empty_batch_is_no_error(method: Method) -> None:
    empty = np.zeros((0, 0), dtype=bool)
    batch = replace(
        make_batch([], [], [], [], rewards=[]),
        signals={"gain": empty * 1.0, "belief": empty * 1.0},
        signal_masks={"gain": empty, "belief": empty},
        values=empty * 1.0,
        state_keys=(),
    )
    credit = method.credit(batch)
    assert credit.advantages.shape == (0, 0)
    assert all(np.isfinite(value) for value in credit.stats.values())


def test_infopo_names_the_signal_it_lacks() -> None:
    with pytest.raises(InfopoError, match="gain"):
        algorithms.get("infopo").credit(make_batch([0, 0], [0.0, 1.0], [[(0, 1)], [(0, 1)]]))


def test_needs() -> None:
    assert algorithms.names()[:3] == ("infopo", "infopo-official", "grpo")
    assert algorithms.get("infopo").needs == algorithms.get("infopo-official").needs == {"gain"}
    nothing = ("grpo", "dr-grpo", "rloo", "reinforce++", "dapo", "userrl", "starpo", "mt-grpo", "collabllm")
    assert all(not algorithms.get(name).needs for name in nothing)


@METHODS
def test_options_are_frozen_and_explained(method: Method) -> None:
    options = algorithms.options_of(method.name)
    assert options == algorithms.options_of(method.name)
    with pytest.raises(FrozenInstanceError):
        setattr(options, fields(options)[0].name, None)
    assert options.__doc__ is not None


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [("infopoo", {}, "infopo"), ("infopo", {"betta": 1.0}, "beta"), ("grpo", {"beta": 1.0}, "singleton")],
)
def test_unknown_names_come_with_the_nearest(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownNameError, match=says):
        algorithms.get(name, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("infopo", {"beta": -0.1}),
        ("infopo", {"beta": float("nan")}),
        ("infopo", {"beta": "0.5"}),
        ("infopo", {"beta": True}),
        ("infopo", {"gate_temperature": 0.0}),
        ("infopo", {"gate_temperature": float("inf")}),
        ("infopo", {"gate_temperature": None}),
        ("grpo", {"singleton": "drop"}),
    ],
)
def test_bad_values_are_refused_by_name(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        algorithms.get(name, **options)


def test_outcome_scores_are_read_by_group() -> None:
    found = outcome_zscores(np.array([1, 0, 1, 0]), np.array([0.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(found, [-np.sqrt(0.5), 0, np.sqrt(0.5), 0], atol=1e-5)


@given(sigma=st.floats(0, 1e6), temperature=st.floats(1e-3, 1e3))
def test_the_gate_is_at_most_half_open(sigma: float, temperature: float) -> None:
    gate: Callable[[float, float], float] = algorithms.infopo.gate
    assert 0 <= gate(sigma, temperature) <= 0.5
