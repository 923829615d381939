"""From hidden states to gains: the log-ratio of the sampled tokens, or the divergence along them."""

from collections.abc import Mapping, Sequence

import torch

from infopo.gain.arithmetic import summed_gain, turn_gain
from infopo.gain.branches import Branch, ScoredTurn
from infopo.gain.forward import States
from infopo.gain.spec import MIXTURES, GainSpec, TurnGain
from infopo.tokens.language_model import LanguageModel, head_chunks, logits_of

Known = Mapping[int, list[float]]  # turn -> log-probs of its scored tokens behind the real history


def branches_of(turns: Sequence[ScoredTurn]) -> tuple[list[Branch], list[tuple[int, int]]]:
    """The branches to read, and of each: its turn, and which of the edited histories it is (-1: the real one).

    Turns whose every counterfactual is the real history need nothing.
    """
    branches: list[Branch] = []
    owners: list[tuple[int, int]] = []
    for number, turn in enumerate(turns):
        edited = [(place, branch) for place, branch in enumerate(turn.edited) if branch is not None]
        if edited:
            edited.insert(0, (-1, turn.real))
        for place, branch in edited:
            branches.append(branch)
            owners.append((number, place))
    return branches, owners


def sampled(
    model: LanguageModel,
    turns: Sequence[ScoredTurn],
    branches: Sequence[Branch],
    owners: Sequence[tuple[int, int]],
    states: States,
    *,
    known: Known,
    spec: GainSpec,
) -> list[TurnGain]:
    """Gains from the log-probs of the scored tokens; `known` has those behind real histories that were not read."""
    found: dict[tuple[int, int], list[float]] = {(number, -1): values for number, values in known.items()}
    for batch in states:
        for index, values in logprobs_of(model, branches, batch).items():
            found[owners[index]] = values
    gains = []
    for number, turn in enumerate(turns):
        real = found.get((number, -1), [0.0] * len(turn.real.scored))  # not read: no counterfactual differs
        without = [real if one is None else found[number, place] for place, one in enumerate(turn.edited)]
        gains.append(turn_gain(real, without, weights=turn.weights, spec=spec, partial=turn.partial))
    return gains


def logprobs_of(
    model: LanguageModel, branches: Sequence[Branch], batch: Sequence[tuple[int, torch.Tensor]]
) -> dict[int, list[float]]:
    """Log-probs of the scored tokens of each branch of a batch; the head runs on nothing else."""
    targets = [token for index, _ in batch for token in branches[index].targets]
    hidden = torch.cat([states for _, states in batch])
    flat: list[float] = model.logprobs(hidden, torch.tensor(targets, device=hidden.device)).tolist()
    found, start = {}, 0
    for index, states in batch:
        found[index] = flat[start : start + len(states)]
        start += len(states)
    return found


def exact_kl(
    model: LanguageModel,
    turns: Sequence[ScoredTurn],
    owners: Sequence[tuple[int, int]],
    states: States,
    *,
    spec: GainSpec,
) -> list[TurnGain]:
    """Gains from the divergence of the next-token distributions; a turn is reduced when its last branch arrives."""
    waiting = [1 + sum(branch is not None for branch in turn.edited) for turn in turns]
    held: list[dict[int, torch.Tensor]] = [{} for _ in turns]
    totals = [0.0] * len(turns)
    for batch in states:
        for index, hidden in batch:
            number, place = owners[index]
            held[number][place] = hidden
            waiting[number] -= 1
            if not waiting[number]:
                totals[number] = _divergence(model, turns[number], held[number], spec)
                held[number] = {}
    return [
        summed_gain(total, len(turn.real.scored), spec=spec, partial=turn.partial)
        for turn, total in zip(turns, totals, strict=True)
    ]


def _divergence(model: LanguageModel, turn: ScoredTurn, held: dict[int, torch.Tensor], spec: GainSpec) -> float:
    """The summed divergence of one turn, the head on a few tokens at a time."""
    stack = torch.stack([held[-1], *(held[-1 if one is None else place] for place, one in enumerate(turn.edited))])
    weights = torch.tensor(turn.weights, device=stack.device, dtype=torch.float64)
    targets = torch.tensor(turn.real.targets, device=stack.device)
    mixture = spec.counterfactual in MIXTURES
    total = 0.0
    for part in head_chunks(model.model, stack.shape[1], copies=2 * len(stack)):
        logprobs = logits_of(model.model, stack[:, part], model.temperature).log_softmax(-1)
        if mixture:
            predictive, weights = mixed(logprobs[1:], targets[part], weights)
            total += float(divergence(logprobs[0], predictive).sum())
        else:
            each = torch.stack([divergence(logprobs[0], one).sum() for one in logprobs[1:]])
            total += float((each * weights).sum())
    return total


def divergence(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """KL(left || right) `[n]` of log-probabilities `[n, V]`; exactly 0 where they are equal.

    >>> half, skewed = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    >>> round(float(divergence(half, skewed)), 6)
    0.143841
    """
    # No probability, no contribution: 0 * -inf is not a number. What is not a number to begin with stays so.
    return torch.where(left == -torch.inf, 0.0, left.exp() * (left - right)).sum(-1)


def mixed(logprobs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a mixture of K histories predicts at each of n tokens `[n, V]`, and its weights `[K]` behind them.

    `logprobs` `[K, n, V]` are those of each history, `targets` `[n]` the tokens that were sampled. By the chain rule a
    history weighs as much as it made the tokens so far likely, so that the logs of the sampled tokens sum to the
    log of the averaged probability of all of them.
    """
    told = logprobs.gather(-1, targets.expand(len(logprobs), -1)[..., None])[..., 0].double()  # [K, n]
    until = weights.log()[:, None] + torch.cat([torch.zeros_like(told[:, :1]), told.cumsum(1)], 1)  # [K, n + 1]
    posterior = until.log_softmax(0)
    predictive = (posterior[:, :-1, None] + logprobs).logsumexp(0).to(logprobs.dtype)
    return predictive, posterior[:, -1].exp()
