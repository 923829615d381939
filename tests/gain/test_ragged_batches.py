"""Whatever a batch looks like, the three back-ends give one gain: random episodes, random specs, played by hand."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message, Trajectory, Turn
from infopo.gain import GainSpec, TurnGain, information_gain
from infopo.tokens.language_model import LanguageModel

from .conftest import Played, Script, play

MakePolicy = Callable[..., LanguageModel]
FAMILIES = ("qwen3", "mistral-window", "gemma3", "qwen3-moe")
TEXTS = ("Rome.", "No", "a pool, please", "x", "No information found.", "", " \n")  # the last two say nothing
THOUGHTS = ("", "", "", "<think>a</think>", "<think>b")
KINDS = ("user", "tool", "env", "user", "user", "none")


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """One to four turns: holes, blanks, several messages in an answer, actions that are cut, thoughts."""
    turns = draw(st.sampled_from([3, 4, 2, 1]))
    later = range(turns - 1)
    count = st.sampled_from([1, 1, 1, 2, 2, 0])
    return Script(
        opening=draw(st.sampled_from(["Hi.", "I want a hotel.", "?"])),
        actions=[draw(st.sampled_from([2, 1, 3, 2, -1, -3])) for _ in range(turns)],
        answers=[tuple(draw(st.sampled_from(TEXTS)) for _ in range(draw(count))) for _ in later],
        role=draw(st.sampled_from(["user", "tool"])),
        kinds=[draw(st.sampled_from(KINDS)) for _ in later],
        thoughts=[draw(st.sampled_from(THOUGHTS)) for _ in range(turns)],
    )


specs = st.builds(
    GainSpec,
    counterfactual=st.sampled_from(["message", "fill", "drop", "swap", "resample"]),
    placeholders=st.sampled_from([("No information found.",), ("x",), ("Rome.", "No information found."), ("No", "y")]),
    draws=st.integers(1, 3),
    estimator=st.sampled_from(["sampled", "exact-kl"]),
    reduction=st.sampled_from(["mean", "sum"]),
    horizon=st.sampled_from([1, 1, 2, "all"]),
    score_part=st.sampled_from(["all", "all", "after-thought"]),
)
batches = st.lists(scripts(), min_size=2, max_size=3) | st.lists(scripts(), min_size=1, max_size=1)


def with_alternatives(trajectory: Trajectory, generator: random.Random) -> Trajectory:
    """What else could have been said, now and then as often as once or what was said; some in a shape that fits not."""

    def asked(turn: Turn) -> Turn:
        size = len(turn.observation) + (generator.random() < 0.2)
        others = [
            tuple(Message(role="user", content=generator.choice(TEXTS)) for _ in range(size))
            for _ in range(generator.choice([1, 2, 3]))
        ]
        return replace(turn, alternatives=tuple(others))

    turns = [asked(turn) if turn.observation else turn for turn in trajectory.turns]
    return replace(trajectory, turns=tuple(turns))


def spoil(played: Played, generator: random.Random) -> None:
    """What stands beyond the end of a row in the cache is left-over padding: any number may be there."""
    for layer in played.handle.cache.layers:
        for slot, stored in enumerate(played.handle.stored):
            for part in (layer.keys, layer.values):
                part[slot, :, len(stored) :] = generator.uniform(-50, 50)


def per_token(gains: Sequence[Sequence[TurnGain | None]]) -> list[list[float | None]]:
    return [[None if gain is None else gain.mean for gain in row] for row in gains]


def shape_of(gains: Sequence[Sequence[TurnGain | None]]) -> list[list[tuple[int, bool] | None]]:
    return [[None if gain is None else (gain.tokens, gain.partial) for gain in row] for row in gains]


def test_the_backends_agree_on_any_batch(make_policy: MakePolicy) -> None:
    policies = {family: make_policy(family, temperature=0.9) for family in FAMILIES}
    sizes: list[float] = []

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(family=st.sampled_from(FAMILIES), batch=batches, spec=specs, seed=st.integers(0, 1 << 16))
    def agree(family: str, batch: list[Script], spec: GainSpec, seed: int) -> None:
        generator = random.Random(seed)
        played = play(policies[family], batch, seed)
        with torch.no_grad():
            spoil(played, generator)
        episodes = [with_alternatives(one, generator) for one in played.trajectories]
        reference = information_gain(played.policy, episodes, spec=spec, backend="separate")
        for backend in ("tree", "kv"):
            found = information_gain(played.policy, episodes, spec=spec, backend=backend, cache=played.handle)
            assert shape_of(found) == shape_of(reference)
            for one, other in zip(per_token(found), per_token(reference), strict=True):
                assert one == pytest.approx(other, abs=1e-5)
        sizes.extend(abs(gain.mean) for row in reference for gain in row if gain is not None)

    agree()
    assert len(sizes) > 200  # turns with a gain, large enough to tell apart
    assert sum(size > 1e-3 for size in sizes) > 150
