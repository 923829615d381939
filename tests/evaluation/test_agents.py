"""ReAct and Reflexion over scripted policies: what the environment sees, what the policy reads, how trials go on."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from infopo.core import Group, Message
from infopo.envs import make_expert
from infopo.evaluation import agents
from infopo.evaluation.agents import (
    MEMORY,
    REFLECT,
    REMEMBER,
    THINK,
    TRANSCRIPT_TOKENS,
    Agent,
    AgentName,
    ThinkingEnv,
    action_of,
    first_trials,
    last_trials,
    transcript,
)
from infopo.evaluation.play import Suite
from infopo.evaluation.trials import trials_summary
from infopo.rollout import RolloutConfig
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.faults import FaultyEnv
from infopo.tokens.plain_bytes import byte_renderer

CONFIG = RolloutConfig(max_new_tokens=4096)
Script = Callable[[tuple[Message, ...]], str]


def play(
    name: AgentName, script: Script, *, episodes: int = 4, trials: int = 3, tokens: int = 4096, **options: Any
) -> list[Group]:
    sampler = ScriptedSampler(byte_renderer(), lambda slot, messages: script(messages))
    config = RolloutConfig(max_new_tokens=tokens)
    agent = Agent(name=name, sampler=sampler, config=config, trials=trials if name == "reflexion" else 1)
    return asyncio.run(agent.play(Suite(env="toy/slots", env_options=options, episodes=episodes).tasks()))


def plain(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation as the expert knows it: without instructions and thoughts."""
    first = Message(role=messages[0].role, content=messages[0].content.split("\n\n")[0])
    said = [
        Message(role=one.role, content=action_of(one.content)) if one.role == "assistant" else one for one in messages
    ]
    return (first, *said[1:])


EXPERT = make_expert("toy/slots", "full")


def thinking(messages: tuple[Message, ...]) -> str:
    return f"Thought: what now ?\nAction: {EXPERT.act(plain(messages))}\nObservation: it is red"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("[answer] red", "[answer] red"),
        ("Thought: x\nAction: [answer] red", "[answer] red"),
        ("thought : x\n action :[answer] red\n", "[answer] red"),
        ("<think>Action: no</think>Thought: x\nAction: [answer] red", "[answer] red"),
        ("Action: [answer] red\nblue\nAction: [answer] green", "[answer] red\nblue"),
        ("Action: [answer] red\nObservation: right !\nThought: done", "[answer] red"),
        ("Thought: the Action: is next", "Thought: the Action: is next"),
        ("**Thought:** x\n**Action:** [answer] red", "[answer] red"),
        ("### Action: [answer] red\n**Observation**: right", "[answer] red"),
        ("", ""),
    ],
)
def test_the_action_is_what_follows_its_name(text: str, action: str) -> None:
    assert action_of(text) == action


def test_react_thinks_aloud_and_the_environment_sees_the_action_alone() -> None:
    groups = play("react", thinking)
    quiet = play("plain", EXPERT.act)
    for group, other in zip(groups, quiet, strict=True):
        (one,), (reference,) = group.trajectories, other.trajectories
        assert one.outcome == reference.outcome
        assert one.messages[0].content == f"{reference.messages[0].content}\n\n{THINK}"
        assert [turn.facts for turn in one.turns] == [turn.facts for turn in reference.turns]
        assert plain(one.messages) == reference.messages
        assert "what now ?" in one.messages[one.turns[0].action_message].content


def test_a_tool_call_reaches_the_environment_as_it_is() -> None:
    seen: list[Message] = []
    env: Any = make_env_that_notes(seen)
    call = Message(role="assistant", content="Thought: x\nAction: y", tool_calls=(tool_call(),))
    asyncio.run(ThinkingEnv(env).step(call))
    assert seen == [call]


def tool_call() -> Any:
    from infopo.core import ToolCall

    return ToolCall(id="a", name="interact", arguments="{}")


def make_env_that_notes(seen: list[Message]) -> Any:
    class Noting:
        env_id, task_id, max_turns = "test/noting", "0", 3

        async def step(self, action: Message) -> None:
            seen.append(action)

    return Noting()


def learner(needed: int) -> Script:
    """Fails until it has read `needed` notes of its own, and says which trial it is in its note."""

    def act(messages: tuple[Message, ...]) -> str:
        text = messages[0].content
        if text.startswith(REFLECT):
            return f"note {text.count('- note')}"
        return thinking(messages) if text.count("- note") >= needed else "Thought: no idea\nAction: [answer] nothing"

    return act


@pytest.mark.parametrize("needed", [0, 1, 2])
def test_reflexion_tries_again_with_its_notes_until_it_succeeds(needed: int) -> None:
    groups = play("reflexion", learner(needed))
    for group in groups:
        assert [one.episode for one in group.trajectories] == list(range(needed + 1))
        assert [bool(one.outcome and one.outcome.success) for one in group.trajectories] == [False] * needed + [True]
        assert len({one.seed for one in group.trajectories}) == needed + 1
        assert len({one.task_id for one in group.trajectories}) == 1
        for trial, one in enumerate(group.trajectories):
            assert (REMEMBER in one.messages[0].content) == (trial > 0)
            assert one.messages[0].content.count("- note") == trial
    first, trials = trials_summary(groups, env="toy/slots", split="test", seed=0)
    assert first.success == (1.0 if needed == 0 else 0.0)
    assert (trials["success"], trials["n"], trials["mean"]) == (1.0, 4, needed + 1)
    assert trials["solved"] == [0] * needed + [4]


def test_reflexion_gives_up_after_its_trials_and_keeps_the_latest_notes() -> None:
    (group,) = play("reflexion", learner(10**6), episodes=1, trials=MEMORY + 3)
    assert len(group.trajectories) == MEMORY + 3
    assert [one.messages[0].content.count("- note") for one in group.trajectories] == [0, 1, 2, 3, 3, 3]
    _, trials = trials_summary([group], env="toy/slots", split="test", seed=0)
    assert (trials["success"], trials["mean"]) == (0.0, 6.0)


def test_the_first_trial_is_what_react_does() -> None:
    react, reflexion = (play(name, learner(1)) for name in ("react", "reflexion"))  # type: ignore[arg-type]
    assert first_trials(reflexion) == react
    assert last_trials(reflexion) != react


def test_reflection_reads_what_the_policy_saw_and_nothing_hidden() -> None:
    read: list[str] = []

    def act(messages: tuple[Message, ...]) -> str:
        if messages[0].content.startswith(REFLECT):
            read.append(messages[0].content)
            return "ask more"
        return "Thought: no idea\nAction: [answer] nothing"

    (group,) = play("reflexion", act, episodes=1, trials=2)
    (shown,) = read
    first = group.trajectories[0]
    assert shown == f"{REFLECT}\n\n" + "\n".join(f"{one.role}: {one.content}" for one in first.messages)
    assert "- ask more" in group.trajectories[1].messages[0].content


def test_bytes_of_a_hosted_model_are_not_taken_for_tokens() -> None:
    read: list[str] = []
    thought = "x" * 2 * TRANSCRIPT_TOKENS  # bytes, so about half of what may be shown

    def act(messages: tuple[Message, ...]) -> str:
        if messages[0].content.startswith(REFLECT):
            read.append(messages[0].content)
            return "ask more"
        return f"Thought: {thought}\nAction: [answer] nothing"

    play("reflexion", act, episodes=1, trials=2, tokens=4 * TRANSCRIPT_TOKENS)
    assert thought in read[0]


def test_a_trial_that_broke_is_the_last_one_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from infopo.rollout import TaskSpec

    make = TaskSpec.make
    monkeypatch.setattr(TaskSpec, "make", lambda self, episode: FaultyEnv(make(self, episode), stage="step"))
    groups = play("reflexion", learner(1), episodes=2)
    assert [len(group.trajectories) for group in groups] == [1, 1]
    first, trials = trials_summary(groups, env="toy/slots", split="test", seed=0)
    assert (first.failed, trials["failed"], trials["success"], trials["mean"]) == (2, 2, None, None)


def test_a_trial_without_a_note_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy broke while it wrote one: the next trial knows no better, and is no trial of Reflexion's."""
    monkeypatch.setattr(agents, "ReflectionEnv", lambda task, shown: FaultyEnv(task.make(0), stage="start"))
    groups = play("reflexion", learner(1), episodes=3, trials=2)
    assert [len(group.trajectories) for group in groups] == [2] * 3
    _, trials = trials_summary(groups, env="toy/slots", split="test", seed=0)
    assert (trials["without_note"], trials["success"]) == (3, 0.0)


def test_a_long_transcript_keeps_its_beginning_and_its_end() -> None:
    messages = [Message(role="user", content=f"message {index:03d} " + "x" * 20) for index in range(100)]
    renderer = byte_renderer()
    shown = transcript(messages, renderer, most=500)
    assert len(renderer.text(shown)) <= 500
    assert shown.startswith("user: message 000")
    assert shown.endswith("message 099 " + "x" * 20)
    assert "message 050" not in shown
    assert transcript(messages[:3], renderer, most=500).count("message") == 3


def test_what_is_finished() -> None:
    agent = Agent(name="reflexion", sampler=ScriptedSampler(byte_renderer(), lambda *_: ""), config=CONFIG, trials=3)
    (solved,), (unsolved,) = (play("reflexion", learner(needed), episodes=1) for needed in (1, 9))
    assert agent.finished(solved)
    assert agent.finished(unsolved)
    assert not agent.finished(Group(group_id="g", trajectories=unsolved.trajectories[:2]))
    assert not agent.finished(Group(group_id="g", trajectories=solved.trajectories[:1]))
