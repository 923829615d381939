"""A real model with five tokens: every reply and every next action, through `information_gain`, added up.

Its expected gains are the mutual information of its own next-action distribution, computed here from plain forwards.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from infopo.core import Message, Outcome, Span, StopReason, Trajectory, Turn
from infopo.gain import Backend, GainSpec, information_gain
from infopo.tokens import Renderer
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle

from .test_theory import mutual_information
from .tiny_models import tiny_model

TEMPLATE = (
    "{%- for message in messages %}{{ '<r>' + message.content + '<e>' }}{% endfor %}"
    "{%- if add_generation_prompt %}{{ '<r>' }}{% endif %}"
)
REPLIES = {"n": 0.5, "xy": 0.25, "yyx": 0.25}
DRAWS = ("n", "xy", "n", "yyx")  # that very distribution
LONGEST = 3
BACKENDS: tuple[Backend, ...] = ("separate", "tree", "kv")


def five_tokens() -> Renderer:
    """A renderer on n, x, y and two marks."""
    tokenizer = Tokenizer(models.BPE(vocab={"n": 0, "x": 1, "y": 2}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in ("<r>", "<e>")])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<e>")
    wrapped.chat_template = TEMPLATE
    return Renderer(wrapped, name="five")


def next_actions(end: int) -> Iterator[tuple[int, ...]]:
    """Every way to act: the turn end comes, or the limit."""
    for size in range(1, LONGEST + 1):
        for action in product(range(5), repeat=size):
            if end not in action[:-1] and (size == LONGEST or action[-1] == end):
                yield action


@dataclass(frozen=True, kw_only=True)
class Everything:
    """All episodes of one question, how likely each is, and the cache behind them."""

    policy: LanguageModel
    episodes: list[Trajectory]
    chances: list[float]
    handle: CacheHandle
    joint: np.ndarray  # [reply, next action]

    def expected(self, spec: GainSpec, backend: Backend) -> float:
        gains = information_gain(self.policy, self.episodes, spec=spec, backend=backend, cache=self.handle)
        total = 0.0
        for chance, (gain, last) in zip(self.chances, gains, strict=True):
            assert gain is not None
            assert last is None
            total += chance * gain.value
        return total


def logprobs_of(policy: LanguageModel, rows: Sequence[Sequence[int]]) -> list[list[float]]:
    """Of every token but the first, by the model's plain forward, one row at a time."""
    found = []
    for row in rows:
        with torch.no_grad():
            logits = policy.model(input_ids=torch.tensor([row])).logits[0, :-1].double() / policy.temperature
        found.append(logits.log_softmax(-1).gather(-1, torch.tensor(row[1:])[:, None])[:, 0].tolist())
    return found


@torch.no_grad()
def cache_of(policy: LanguageModel, rows: Sequence[tuple[int, ...]]) -> CacheHandle:
    width = max(map(len, rows))
    keys = policy.new_cache(len(rows))
    columns = torch.arange(width).expand(len(rows), -1)
    keys.aim(torch.arange(len(rows)), columns)
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    policy.hidden(ids, columns, torch.arange(width) <= columns[:, :, None], cache=keys)
    slots = {("g", index): index for index in range(len(rows))}
    return CacheHandle(cache=keys, version=0, slots=slots, stored=tuple(rows))


@cache
def everything(family: str) -> Everything:
    renderer = five_tokens()
    model = tiny_model(family, vocabulary=5, seed=3).double()
    policy = LanguageModel(model=model, renderer=renderer, temperature=0.8)
    end = renderer.end_of_turn[0]
    asked = [*renderer.opening([Message(role="user", content="x")]).ids, 1, end]
    episodes, chances, rows = [], [], []
    for reply, chance in REPLIES.items():
        block = renderer.observation([Message(role="user", content=reply)])
        start, stop = len(asked), len(asked) + len(block.ids)
        content = block.content[0]
        first = Turn(
            action=Span(start=start - 2, end=start),
            observation=(Span(start=start + content.start, end=start + content.end),),
            observation_block=Span(start=start, end=stop),
            action_message=1,
            feedback_kind="user",
            alternatives=tuple((Message(role="user", content=other),) for other in DRAWS),
        )
        actions = list(next_actions(end))
        histories = [[*asked, *block.ids, *action] for action in actions]
        for action, ids, logprobs in zip(actions, histories, logprobs_of(policy, histories), strict=True):
            own = logprobs[stop - 1 :]
            sampled = [start - 2 <= index < start or index >= stop for index in range(len(ids))]
            messages = [("user", "x"), ("assistant", "x"), ("user", reply), ("assistant", "?")]
            second = Turn(action=Span(start=stop, end=len(ids)), action_message=3, complete=action[-1] == end)
            episodes.append(
                Trajectory(
                    env="five",
                    task_id="t",
                    group_id="g",
                    episode=len(episodes),
                    seed=0,
                    policy_version=0,
                    messages=tuple(Message(role=role, content=text) for role, text in messages),  # type: ignore[arg-type]
                    token_ids=tuple(ids),
                    sampled=tuple(sampled),
                    logprobs=tuple(
                        value if flag else None for value, flag in zip([0.0, *logprobs], sampled, strict=True)
                    ),
                    turns=(first, second),
                    outcome=Outcome(score=0.0, success=False),
                    stop_reason=StopReason.DONE,
                )
            )
            chances.append(chance * math.exp(math.fsum(own)))
            rows.append(tuple(ids))
    joint = np.array(chances).reshape(len(REPLIES), -1)
    return Everything(policy=policy, episodes=episodes, chances=chances, handle=cache_of(policy, rows), joint=joint)


def behind(world: Everything, text: str) -> np.ndarray:
    """Probabilities of all next actions behind this reply, from plain forwards."""
    renderer = world.policy.renderer
    first = world.episodes[0].turns[0]
    assert first.observation_block is not None
    history = [
        *world.episodes[0].token_ids[: first.observation_block.start],
        *renderer.observation([Message(role="user", content=text)]).ids,
    ]
    rows = [[*history, *action] for action in next_actions(renderer.end_of_turn[0])]
    return np.exp([math.fsum(row[len(history) - 1 :]) for row in logprobs_of(world.policy, rows)])


@pytest.mark.parametrize("family", ["qwen3", "mistral-window"])
def test_every_outcome_is_there(family: str) -> None:
    world = everything(family)
    assert world.joint.sum(1) == pytest.approx(list(REPLIES.values()), abs=1e-6)
    assert mutual_information(world.joint) > 0.01


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", ["qwen3", "mistral-window"])
def test_against_all_it_could_have_been_told_a_model_gains_the_mutual_information(
    family: str, backend: Backend
) -> None:
    world = everything(family)
    spec = GainSpec(counterfactual="resample", reduction="sum")
    assert world.expected(spec, backend) == pytest.approx(mutual_information(world.joint), abs=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_against_a_placeholder_it_gains_more(backend: Backend) -> None:
    world = everything("qwen3")
    spec = GainSpec(placeholders=("xx", "y"), reduction="sum")
    marginal = world.joint.sum(0)
    gap = np.mean([float((marginal * np.log(marginal / behind(world, text))).sum()) for text in spec.placeholders])
    assert world.expected(spec, backend) == pytest.approx(mutual_information(world.joint) + gap, abs=1e-6)
    assert gap > 0.01


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("counterfactual", ["message", "resample"])
def test_the_exact_divergence_expects_what_the_sampled_one_does(counterfactual: str, backend: Backend) -> None:
    world = everything("qwen3")
    options = {"counterfactual": counterfactual, "placeholders": ("xx",), "reduction": "sum"}
    sampled = GainSpec(**options)  # type: ignore[arg-type]
    exact = GainSpec(**options, estimator="exact-kl")  # type: ignore[arg-type]
    assert world.expected(exact, backend) == pytest.approx(world.expected(sampled, backend), abs=1e-6)
    # ... with less noise, and never below zero
    gains = [
        [row[0].value for row in information_gain(world.policy, world.episodes, spec=spec, backend="tree") if row[0]]
        for spec in (sampled, exact)
    ]
    spread = [np.cov(values, aweights=world.chances, ddof=0) for values in gains]
    assert spread[1] < spread[0] / 2
    assert min(gains[1]) >= 0 > min(gains[0])


def test_the_mean_of_a_model_that_writes_short_and_long_is_no_information() -> None:
    world = everything("qwen3")
    lengths = [len(episode.turns[1].action) for episode in world.episodes]
    rate = mutual_information(world.joint) / float(np.average(lengths, weights=world.chances))
    mean = world.expected(GainSpec(counterfactual="resample", reduction="mean"), "tree")
    assert abs(mean - rate) > 0.01 * rate
    assert abs(mean - mutual_information(world.joint)) > 0.1 * mutual_information(world.joint)


def test_weights_in_float64_are_scored_in_float64() -> None:
    policy = everything("qwen3").policy
    states = torch.randn(4, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.tensor([0, 1, 2, 4])
    with torch.no_grad():
        found = policy.logprobs(states, targets)
        logits = policy.model.get_output_embeddings()(states) / policy.temperature
    assert found.dtype == torch.float64
    expected = logits.log_softmax(-1).gather(-1, targets[:, None])[:, 0]
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
