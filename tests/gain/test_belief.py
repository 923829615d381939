"""The belief in the reference answer, against the model's own plain forward on every history."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from infopo.core import InfopoError
from infopo.gain import Backend, answer_belief
from infopo.tokens.language_model import LanguageModel

from .conftest import play

MakePolicy = Callable[..., LanguageModel]
REFERENCE = "H4, F9"


def by_definition(policy: LanguageModel, history: tuple[int, ...]) -> float:
    """Bytes without merges: what the answer adds to its prefix are its tokens."""
    said, lead = list(policy.renderer.text("[answer] " + REFERENCE)), len(policy.renderer.text("[answer] "))
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([[*history, *said]])).logits[0] / policy.temperature
    start = len(history) + lead
    logprobs = logits[start - 1 : len(history) + len(said) - 1].double().log_softmax(-1)
    return float(logprobs.gather(-1, torch.tensor(said[lead:])[:, None]).mean())


@pytest.mark.parametrize("backend", ["separate", "tree", "kv", "auto"])
@pytest.mark.parametrize("family", ["qwen3", "mistral-window", "gemma3"])
def test_the_belief_before_each_action(make_policy: MakePolicy, family: str, backend: Backend) -> None:
    played = play(make_policy(family, temperature=0.8))
    episodes = [replace(one, reference_answer=REFERENCE) for one in played.trajectories[:-1]]
    episodes.append(played.trajectories[-1])  # has none
    found = answer_belief(played.policy, episodes, backend=backend, cache=played.handle)
    for trajectory, row in zip(episodes[:-1], found[:-1], strict=True):
        expected = [
            by_definition(played.policy, trajectory.token_ids[: turn.action.start]) for turn in trajectory.turns
        ]
        assert row == pytest.approx(expected, abs=1e-5)
    assert found[-1] == [None] * len(episodes[-1].turns)


def test_an_empty_answer_names_the_task(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    with pytest.raises(InfopoError, match="task task-0: its reference answer is empty"):
        answer_belief(played.policy, [replace(one, reference_answer="") for one in played.trajectories])


def test_a_belief_that_is_not_finite_names_the_task(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    with torch.no_grad():
        played.policy.model.get_output_embeddings().weight[7] = float("nan")
    episodes = [replace(one, reference_answer=REFERENCE) for one in played.trajectories]
    with pytest.raises(InfopoError, match=r"task task-\d, episode \d, turn \d.*nan"):
        answer_belief(played.policy, episodes)
