"""verifiers: its own evaluation runs our environments against a chat endpoint on loopback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message
from infopo.envs import make_expert
from infopo.testing.chat_server import ChatServer

NANO: dict[str, Any] = {"difficulty": "nano"}
Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Evaluate:
    """`evaluate(act, num_examples=3, env=...)`: the results of `verifiers`, the policy behind a real endpoint."""
    vf = pytest.importorskip("verifiers", reason="the extra verifiers is not installed")
    from verifiers.types import ClientConfig

    monkeypatch.setenv("FAKE_KEY", "none")
    monkeypatch.chdir(tmp_path)

    def run(act: Callable[[tuple[Message, ...]], str], *, rollouts: int = 2, **arguments: Any) -> dict[str, Any]:
        def reply(body: dict[str, Any]) -> str:
            return act(tuple(Message(role=one["role"], content=one["content"]) for one in body["messages"]))

        environment = vf.load_environment("infopo.integrations.verifiers", tasks=3, **NANO, **arguments)
        with ChatServer(reply) as server:
            client = ClientConfig(api_key_var="FAKE_KEY", api_base_url=server.url, max_retries=0)
            found: dict[str, Any] = environment.evaluate_sync(client, "fake", rollouts_per_example=rollouts)
        return found

    return run


def test_an_expert_scores_as_it_does_here(evaluate: Evaluate) -> None:
    def act(messages: tuple[Message, ...]) -> str:
        return make_expert("usergym/travel", "full", **NANO).act(messages)

    results = evaluate(act, env="usergym/travel")
    assert len(results["outputs"]) == 6
    for output in results["outputs"]:
        assert (output["reward"], output["error"], output["is_completed"]) == (1.0, None, True)
        assert output["metrics"]["success"] == 1.0
        assert output["metrics"]["questions"] == 4.0
    assert results["metadata"]["avg_reward"] == 1.0


def test_a_mixture_is_evaluated_member_by_member_and_giving_up_scores_nothing(evaluate: Evaluate) -> None:
    results = evaluate(lambda messages: "[finish]", env="toy/slots,usergym/function", rollouts=1)
    assert [output["info"]["env"] for output in results["outputs"]] == ["toy/slots"] * 3 + ["usergym/function"] * 3
    # the toy has no way to give up, and ends at its limit
    assert [output["metrics"]["num_turns"] for output in results["outputs"]] == [6.0] * 3 + [1.0] * 3
    assert results["metadata"]["avg_reward"] == 0.0


def test_a_user_that_breaks_is_an_error_of_the_rollout(evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    from infopo.envs.toy.slots import SlotsEnv

    async def broken(self: SlotsEnv, action: Message) -> Any:
        raise ConnectionError("the user hung up")

    monkeypatch.setattr(SlotsEnv, "step", broken)
    for output in evaluate(lambda messages: "[action] which color ?", env="toy/slots", rollouts=1)["outputs"]:
        assert output["error"]["error"] == "InfraError"
        assert "the user hung up" in str(output["error"])
