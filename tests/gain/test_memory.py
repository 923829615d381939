"""What a gain costs, counted: logits that exist, states that reach the head, tokens that are read."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from infopo.gain import Backend, GainSpec, information_gain
from infopo.tokens.language_model import HEAD_LOGITS, LanguageModel

from .conftest import Played, Script, make_renderer, play

MakePolicy = Callable[..., LanguageModel]
BACKENDS: tuple[Backend, ...] = ("separate", "tree", "kv")
VOCABULARY = 150_000


@dataclass
class Counted:
    """What passed through a model."""

    read: int = 0  # tokens the decoder read, padding included
    states: int = 0  # hidden states that reached the head
    most: int = 0  # logits that existed at one time, as the head made them
    alive: list["weakref.ref[torch.Tensor]"] = field(default_factory=list)

    def heads(self, module: torch.nn.Module, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        self.states += output.shape[:-1].numel()
        self.alive = [one for one in self.alive if one() is not None] + [weakref.ref(output)]
        self.most = max(self.most, sum(made.numel() for one in self.alive if (made := one()) is not None))


@contextmanager
def counted(policy: LanguageModel) -> Iterator[Counted]:
    seen = Counted()

    def reads(module: torch.nn.Module, args: object, options: dict[str, torch.Tensor]) -> None:
        seen.read += options["input_ids"].numel()

    hooks = [
        policy.model.get_decoder().register_forward_pre_hook(reads, with_kwargs=True),
        policy.model.get_output_embeddings().register_forward_hook(seen.heads),
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@pytest.fixture(scope="module")
def wide() -> Played:
    """Episodes of a model with a large vocabulary and next to no width."""
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "head_dim": 4}
    config = Qwen3Config(vocab_size=VOCABULARY, num_attention_heads=2, num_key_value_heads=1, **shape)
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        model = Qwen3ForCausalLM(config).eval()
    script = Script(opening="Hi.", actions=[2, 60, 70], answers=[("Rome.",), ("In May, perhaps.",)])
    other = Script(opening="Hi.", actions=[2, 60, 70], answers=[("Oslo.",), ("In June.",)])
    return play(LanguageModel(model=model, renderer=make_renderer("chatml"), version=3), [script, other])


def scored_tokens(played: Played) -> int:
    return sum(len(turn.action) for trajectory in played.trajectories for turn in trajectory.turns[1:])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_head_runs_on_scored_tokens_alone_and_in_chunks(wide: Played, backend: Backend) -> None:
    histories = 1 if backend == "kv" else 2  # with the cache the real one is known
    scored = histories * scored_tokens(wide)
    assert scored * VOCABULARY > HEAD_LOGITS  # they do not fit at one time
    with counted(wide.policy) as seen:
        information_gain(wide.policy, wide.trajectories, backend=backend, cache=wide.handle)
    assert seen.states == scored
    assert seen.read > seen.states
    assert HEAD_LOGITS / 2 < seen.most <= HEAD_LOGITS


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("counterfactual", ["message", "swap"])
def test_the_exact_divergence_keeps_to_the_same_limit(
    wide: Played, backend: Backend, counterfactual: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 40 * VOCABULARY
    monkeypatch.setattr("infopo.tokens.language_model.HEAD_LOGITS", limit)
    texts = ("No information found.", "I do not know")
    spec = GainSpec(counterfactual=counterfactual, estimator="exact-kl", placeholders=texts)  # type: ignore[arg-type]
    with counted(wide.policy) as seen:
        gains = information_gain(wide.policy, wide.trajectories, spec=spec, backend=backend, cache=wide.handle)
    assert sum(gain is not None for row in gains for gain in row) == 4
    assert seen.states == 3 * scored_tokens(wide)  # the real history and two others: placeholders, or foreign replies
    assert 0 < seen.most <= limit / 2  # log-probabilities are held beside the logits


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thought_that_is_not_scored_never_reaches_the_head(make_policy: MakePolicy, backend: Backend) -> None:
    thoughts = ["", "<think>a long thought</think>"]
    played = play(make_policy(), [Script(opening="Hi.", actions=[2, 3], answers=[("Rome.",)], thoughts=thoughts)])
    for part, expected in (("all", 3 + len(thoughts[1])), ("after-thought", 3)):
        spec = GainSpec(score_part=part)  # type: ignore[arg-type]
        with counted(played.policy) as seen:
            information_gain(played.policy, played.trajectories, spec=spec, backend=backend, cache=played.handle)
        assert seen.states == expected * (1 if backend == "kv" else 2)


def tokens_read(policy: LanguageModel, turns: int, backend: Backend) -> tuple[int, int]:
    """Tokens that are read to score an episode of so many turns, and its own tokens."""
    script = Script(opening="Hi.", actions=[4] * turns, answers=[("Rome.",)] * (turns - 1))
    played = play(policy, [script])
    with counted(policy) as seen:
        information_gain(policy, played.trajectories, backend=backend, cache=played.handle)
    return seen.read, len(played.trajectories[0].token_ids)


@pytest.mark.parametrize("backend", BACKENDS)
def test_how_reading_grows_with_the_turns(make_policy: MakePolicy, backend: Backend) -> None:
    policy = make_policy()
    (first, short), (second, _), (third, length) = (tokens_read(policy, turns, backend) for turns in (4, 8, 16))
    growth = (third - second) / (second - first)  # 2 where linear, 4 where quadratic: 8 turns more against 4 turns more
    if backend == "separate":
        assert growth == pytest.approx(4, rel=0.2)
        assert third > 5 * length
    elif backend == "tree":
        assert growth == pytest.approx(2, rel=0.01)
        assert third < 3 * length
    else:  # branches share rows, which are filled up to the longest: linear but for that
        assert third / length < 1.5 * first / short
        assert third < 2 * length


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_answer_that_is_its_counterfactual_is_not_read(make_policy: MakePolicy, backend: Backend) -> None:
    script = Script(opening="Hi.", actions=[2, 3], answers=[("No information found.",)])
    played = play(make_policy(), [script])
    with counted(played.policy) as seen:
        gains = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    assert gains[0][0] is not None
    assert (seen.read, seen.states) == (0, 0)
