"""The loss: golden numbers, sums that do not depend on how a batch is cut, log-probs of exactly the right tokens."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infopo.algorithms.loss_config import KLEstimator, LossConfig
from infopo.core import Outcome, Span, StopReason, Trajectory, Turn, UserError
from infopo.testing.tiny import FAMILIES, tiny_folder, tiny_model, tiny_policy, tiny_tokenizer
from infopo.tokens.sampled_tokens import TokenLogProbs
from infopo.training.loss import Row, aggregate, collate, kl_estimate, loss_sums, policy_loss, token_weight, value_loss


def masked(case: dict[str, Any], name: str, field: str = "inputs") -> torch.Tensor:
    mask = torch.tensor(case["inputs"]["mask"]).bool()
    return torch.tensor(case[field][name], dtype=torch.float64)[mask]


@pytest.mark.parametrize("name", ["ppo_loss_symmetric", "ppo_loss_clip_higher", "ppo_loss_no_dual_clip"])
def test_golden_token_losses(golden: dict[str, Any], name: str) -> None:
    case = golden["cases"][name]
    bound = case["inputs"]["c"]
    config = LossConfig(
        clip_low=case["inputs"]["clip_low"],
        clip_high=case["inputs"]["clip_high"],
        dual_clip=None if bound > 1e6 else bound,
    )
    new, old = masked(case, "new_prob").log(), masked(case, "old_prob").log()
    loss, cut = policy_loss(new, old, masked(case, "adv"), config)
    torch.testing.assert_close(loss, masked(case, "token_loss", "expected"), atol=1e-6, rtol=0)
    whole = torch.zeros(2, 4, dtype=torch.float64)
    mask = torch.tensor(case["inputs"]["mask"]).bool()
    whole[mask] = loss
    for aggregation, expected in case["expected"]["agg"].items():
        found = aggregate(whole, mask, replace(config, aggregation=aggregation, normaliser_length=4))
        assert float(found) == pytest.approx(expected, abs=1e-6), aggregation
    # The golden file counts tokens cut by the clip and by the dual clip apart; no token is cut by both here.
    expected = case["expected"]["clip_frac"] + case["expected"]["clip_frac_lower"]
    assert float(cut.double().mean()) == pytest.approx(expected)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3", "abs"])
def test_golden_estimates_of_the_divergence(golden: dict[str, Any], estimator: KLEstimator) -> None:
    case = golden["cases"]["kl_estimators"]
    found = kl_estimate(masked(case, "new_prob").log(), masked(case, "ref_prob").log(), estimator)
    mask = torch.tensor(case["inputs"]["mask"]).bool()
    expected = torch.tensor(case["expected"][estimator]["token"], dtype=torch.float64)[mask]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert float(found.mean()) == pytest.approx(case["expected"][estimator]["masked_mean"], abs=1e-6)


@pytest.mark.parametrize(("which", "mask"), [("loss_masked", "model_mask"), ("loss_unmasked", "attention")])
def test_golden_loss_with_and_without_observations(golden: dict[str, Any], which: str, mask: str) -> None:
    case = golden["cases"]["search_r1_state_mask"]
    inputs, expected = case["inputs"], case["expected"]
    new, old = (torch.tensor(inputs[name], dtype=torch.float64).log() for name in ("new_prob", "old_prob"))
    advantages = torch.tensor(expected["adv_tokens"], dtype=torch.float64)
    config = LossConfig(clip_low=inputs["clip"], clip_high=inputs["clip"], dual_clip=None)
    losses, _ = policy_loss(new, old, advantages, config)
    for aggregation, value in expected[which]["agg"].items():
        chosen = replace(config, aggregation=aggregation, normaliser_length=6)
        found = aggregate(losses, torch.tensor(inputs[mask]).bool(), chosen)
        assert float(found) == pytest.approx(value, abs=1e-6), aggregation


LENGTHS = (3, 1, 0)  # policy tokens of three episodes; the last one has none
BY_HAND = {
    "token-mean": (1 + 2 + 3 + 10) / 4,
    "seq-mean-token-sum": (6 + 10) / 2,
    "seq-mean-token-mean": (2 + 10) / 2,
    "seq-mean-token-sum-norm": 16 / 8,
}


@pytest.mark.parametrize("aggregation", BY_HAND)
def test_every_aggregation_is_what_a_hand_works_out(aggregation: Any) -> None:
    losses = torch.tensor([[1.0, 9.0, 2.0, 3.0], [10.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    mask = torch.tensor([[True, False, True, True], [True, False, False, False], [False] * 4])
    config = LossConfig(aggregation=aggregation, normaliser_length=8)
    assert float(aggregate(losses, mask, config)) == pytest.approx(BY_HAND[aggregation])
    assert float(aggregate(losses[:, :0], mask[:, :0], config)) == 0.0
    first, second, _ = (token_weight(length, tokens=4, episodes=2, config=config) for length in LENGTHS)
    assert 6 * first + 10 * second == pytest.approx(BY_HAND[aggregation])


def test_a_critic_s_loss_is_the_worse_of_two() -> None:
    new, old, returns = torch.tensor([1.0, 0.1, -2.0]), torch.zeros(3), torch.tensor([1.0, 1.0, 0.0])
    assert value_loss(new, old, returns, None).tolist() == pytest.approx([0.0, 0.405, 2.0])
    assert value_loss(new, old, returns, 0.5).tolist() == pytest.approx([0.125, 0.405, 2.0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"normaliser_length": 0}, "normaliser_length"),
        ({"value_clip": 0.0}, "value_clip"),
        ({"clip_low": 1}, "clip_low"),
        ({"aggregation": "mean"}, "aggregation"),
        ({"kl_estimator": "k4"}, "kl_estimator"),
        ({"kl_in": "rewards"}, "kl_in"),
        ({"kl_coefficient": math.nan}, "kl_coefficient"),
        ({"entropy_coefficient": -0.1}, "entropy_coefficient"),
    ],
)
def test_a_setting_out_of_range_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        LossConfig(**changes)


HUNDREDTHS = st.integers(-300, 300).map(lambda number: number / 100)


@given(log_ratio=HUNDREDTHS, advantage=HUNDREDTHS)
def test_the_loss_is_a_pessimistic_bound(log_ratio: float, advantage: float) -> None:
    config = LossConfig(clip_low=0.2, clip_high=0.3, dual_clip=3.0)
    new = torch.tensor([log_ratio], dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([advantage], dtype=torch.float64)
    loss, cut = policy_loss(new, torch.zeros(1, dtype=torch.float64), advantages, config)
    loss.sum().backward()
    assert new.grad is not None
    ratio = math.exp(log_ratio)
    if advantage >= 0:
        assert float(loss.detach()) == pytest.approx(-advantage * min(ratio, 1.3))
    else:
        assert float(loss.detach()) == pytest.approx(-advantage * min(max(ratio, 0.8), 3.0))
    assert (float(new.grad) == 0) == (bool(cut) or advantage == 0)


def test_k3_is_bounded_not_negative_and_zero_for_equals() -> None:
    new = torch.linspace(-30, 30, 61)
    kl = kl_estimate(new, torch.zeros(61), "k3")
    assert bool((kl >= 0).all())
    assert float(kl.max()) == 10.0
    assert float(kl[30]) == 0.0


def trajectory(ids: list[int], actions: list[tuple[int, int]], logprob: float = -1.0) -> Trajectory:
    sampled = [any(start <= k < end for start, end in actions) for k in range(len(ids))]
    return Trajectory(
        env="toy/slots",
        task_id="t",
        group_id="1/0",
        episode=0,
        seed=0,
        policy_version=0,
        messages=(),
        token_ids=tuple(ids),
        sampled=tuple(sampled),
        logprobs=tuple(logprob if flag else None for flag in sampled),
        turns=tuple(Turn(action=Span(start=a, end=b), action_message=0) for a, b in actions),
        outcome=Outcome(score=0.0, success=False),
        stop_reason=StopReason.DONE,
    )


RAGGED = [
    trajectory([5, 6, 7, 8, 9, 10, 11], [(2, 4), (6, 7)]),
    trajectory([12, 13, 14], [(1, 3)]),
    trajectory([20, 21, 22, 23, 24], [(4, 5)]),
]


def row(one: Trajectory, advantage: float, reference: float | None = None) -> Row:
    """The same numbers on every token."""
    length = len(one.token_ids)
    return Row(
        trajectory=one,
        advantages=[advantage] * length,
        reference=None if reference is None else [reference] * length,
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probs_and_entropies_are_those_of_the_sampled_tokens(family: str, temperature: float) -> None:
    model = tiny_model(tiny_tokenizer(), family)
    batch = collate([row(one, 0.0) for one in RAGGED], device="cpu")
    with torch.no_grad():
        logprobs, entropies = TokenLogProbs(model, temperature)(batch.input_ids, batch.target)
    expected, spread = [], []
    for one in RAGGED:
        with torch.no_grad():
            full = torch.log_softmax(model(input_ids=torch.tensor([one.token_ids])).logits[0] / temperature, -1)
        for position, flag in enumerate(one.sampled):
            if flag:
                expected.append(float(full[position - 1, one.token_ids[position]]))
                spread.append(float(-(full[position - 1].exp() * full[position - 1]).sum()))
    assert logprobs.tolist() == pytest.approx(expected, abs=1e-5)
    assert entropies.tolist() == pytest.approx(spread, abs=1e-4)


def test_collate_pads_on_the_right_and_marks_what_was_sampled() -> None:
    rows = [Row(trajectory=one, advantages=[float(k) for k in range(len(one.token_ids))], weight=0.5) for one in RAGGED]
    batch = collate(rows, pad=3, device="cpu")
    assert batch.input_ids.shape == batch.target.shape == (3, 7)
    assert batch.input_ids[1].tolist() == [12, 13, 14, 3, 3, 3, 3]
    assert batch.target.sum(1).tolist() == [3, 2, 1]
    assert batch.advantages[2].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]
    assert batch.old_logprobs[0].tolist() == [0.0, 0.0, -1.0, -1.0, 0.0, 0.0, -1.0]
    assert batch.reference_logprobs is None
    assert batch.weights.tolist() == [[0.5] * 7] * 3
    whole = collate([replace(one, reference=one.advantages) for one in rows], device="cpu")
    assert whole.reference_logprobs is not None
    assert whole.reference_logprobs[1].tolist() == [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "config",
    [LossConfig(), LossConfig(kl_coefficient=0.3), LossConfig(entropy_coefficient=0.2, dual_clip=None)],
    ids=["plain", "kl", "entropy"],
)
def test_sums_over_micro_batches_are_those_of_one_batch(config: LossConfig) -> None:
    model = tiny_model(tiny_tokenizer())
    rows = [row(one, 0.5 * index - 0.4, -2.0) for index, one in enumerate(RAGGED)]

    def sums(parts: list[list[int]]) -> tuple[list[float], list[torch.Tensor]]:
        model.zero_grad()
        totals = [0.0] * 7
        for part in parts:
            one = loss_sums(TokenLogProbs(model, 1.0), collate([rows[k] for k in part], device="cpu"), config)
            one.loss.backward()
            loss = float(one.loss.detach())
            figures = (loss, one.policy, one.tokens, one.clipped, one.kl_to_old, one.kl_to_reference, one.entropy)
            totals = [a + float(b) for a, b in zip(totals, figures, strict=True)]
        return totals, [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]

    expected, gradients = sums([[0, 1, 2]])
    found, pieces = sums([[2], [0], [1]])
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert found[2] == 6
    assert len(pieces) == len(gradients) == len(list(model.parameters()))
    scale = max(float(gradient.abs().max()) for gradient in gradients)
    for one, other in zip(pieces, gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6 * scale, rtol=1e-6)


def test_the_parts_of_the_loss_add_up() -> None:
    model = tiny_model(tiny_tokenizer())
    batch = collate([row(one, 1.0, -2.0) for one in RAGGED], device="cpu")
    config = LossConfig(kl_coefficient=0.3, entropy_coefficient=0.2)
    one = loss_sums(TokenLogProbs(model, 1.0), batch, config)
    expected = one.policy + 0.3 * one.kl_to_reference - 0.2 * one.entropy
    assert float(one.loss.detach()) == pytest.approx(expected, rel=1e-5)
    plain = loss_sums(TokenLogProbs(model, 1.0), replace(batch, reference_logprobs=None), LossConfig())
    assert float(plain.loss.detach()) == pytest.approx(one.policy, rel=1e-6)
    assert plain.kl_to_reference == 0.0


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("family", ["Qwen2", "Qwen3"])
def test_a_batch_without_targets_reaches_every_trained_weight_with_zero(family: str, rank: int, tmp_path: Path) -> None:
    """Several ranks wait for the gradient of every weight, also from a rank that has nothing to learn from."""
    policy = tiny_policy(tiny_folder(tmp_path, family), lora_rank=rank)
    ids = torch.zeros(1, 2, dtype=torch.long)
    logprobs, entropies = TokenLogProbs(policy.model, 1.0)(ids, ids.bool())
    assert logprobs.shape == entropies.shape == (0,)
    logprobs.sum().backward()
    trained = {name: weight for name, weight in policy.model.named_parameters() if weight.requires_grad}
    assert [name for name, weight in trained.items() if weight.grad is None or weight.grad.any()] == []
