"""The conformance kit: every registered environment passes, and each way to break the protocol is noticed."""

import dataclasses
import logging
import random
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infopo.core import Message, Outcome, UserError, derive_random
from infopo.envs import Canary, EnvSpec, Opening, Step, list_envs, make_env
from infopo.envs.check import _leaks, _Subject, inspect_env
from infopo.envs.registry import get_spec, resolve_options
from infopo.envs.toy.slots import SPEC, SlotsEnv, SlotsOptions
from infopo.testing import ConformanceError, check_env, check_user
from infopo.users import UserReply

OPTIONS = [{}, {"difficulty": "nano"}]
# tau2 plays a package that is not ours to install, by tool calls alone: tests/envs/tau2 holds it to the protocol
OURS = [env_id for env_id in list_envs() if not env_id.startswith("tau2/")]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("env_id", OURS)
def test_every_registered_environment_passes(env_id: str, options: dict[str, Any]) -> None:
    findings = check_env(env_id, **options)
    assert [finding.name for finding in findings][:2] == ["episodes", "contract"]


def test_leaks_are_looked_for_where_tests_say_so() -> None:
    for env_id in ("toy/slots", "usergym/travel"):
        assert check_env(env_id, reveal="some")[-1].problems == ()


class Broken:
    """`toy/slots`, with whatever a subclass breaks."""

    env_id, max_turns = "toy/slots", 6

    def __init__(self, env: SlotsEnv) -> None:
        self.env, self.task_id = env, env.task_id

    async def start(self) -> Opening:
        return await self.env.start()

    async def step(self, action: Message) -> Step:
        return await self.env.step(action)

    async def outcome(self) -> Outcome:
        return await self.env.outcome()

    async def close(self) -> None:
        await self.env.close()

    def reference_answer(self) -> str | None:
        return self.env.reference_answer()

    def state_key(self) -> str | None:
        return self.env.state_key()


class StartsTwice(Broken):
    async def start(self) -> Opening:
        self.env._phase = "new"
        return await self.env.start()


class StepsAfterTheEnd(Broken):
    async def step(self, action: Message) -> Step:
        self.env._phase = "running"
        return await self.env.step(action)


class RaisesAnother(Broken):
    async def step(self, action: Message) -> Step:
        try:
            return await self.env.step(action)
        except RuntimeError as error:
            raise ValueError("over") from error


class ScoresTen(Broken):
    async def outcome(self) -> Outcome:
        outcome = await self.env.outcome()
        return dataclasses.replace(outcome, score=10 * outcome.score)


class NeverEnds(Broken):
    async def step(self, action: Message) -> Step:
        self.env._phase = "running"
        return dataclasses.replace(await self.env.step(action), truncated=False)


class UsesTheGlobalGenerator(Broken):
    async def step(self, action: Message) -> Step:
        random.random()
        return await self.env.step(action)


class UsesTheGlobalGeneratorOfNumpy(Broken):
    async def start(self) -> Opening:
        np.random.rand()
        return await self.env.start()


class Forgets(Broken):
    async def step(self, action: Message) -> Step:
        return dataclasses.replace(await self.env.step(action), facts=None)


class RevealsTheUnknown(Broken):
    async def start(self) -> Opening:
        return dataclasses.replace(await self.env.start(), hidden=())


class RevealsTwice(Broken):
    async def step(self, action: Message) -> Step:
        self.env._script.answered.clear()
        return await self.env.step(action)


CALLS = iter(range(10**9))


class CountsAcrossEpisodes(Broken):
    async def start(self) -> Opening:
        opening = await self.env.start()
        extra = Message(role="user", content=f"episode {next(CALLS)}")
        return dataclasses.replace(opening, messages=(*opening.messages, extra))


class AnswersCallsAsAUser(Broken):
    async def step(self, action: Message) -> Step:
        step = await self.env.step(action)
        messages = tuple(Message(role="user", content=message.content) for message in step.messages)
        return dataclasses.replace(step, messages=messages)


class Crashes(Broken):
    async def outcome(self) -> Outcome:
        raise KeyError("lost")


class SaysItInTheOpening(Broken):
    async def start(self) -> Opening:
        opening = await self.env.start()
        extra = Message(role="system", content=f"psst : {' '.join(self.env._task.values)}".upper())
        return dataclasses.replace(opening, messages=(extra, *opening.messages))


class SaysItUnasked(Broken):
    async def step(self, action: Message) -> Step:
        step = await self.env.step(action)
        extra = Message(role="user", content=str(self.env._task.values))
        return dataclasses.replace(step, messages=(*step.messages, extra))


class LogsIt(Broken):
    async def start(self) -> Opening:
        logging.getLogger("somewhere").debug("task %s", self.env._task)
        return await self.env.start()


class PrintsIt(Broken):
    async def start(self) -> Opening:
        print(self.env._task)
        return await self.env.start()


class RaisesIt(Broken):
    async def step(self, action: Message) -> Step:
        try:
            return await self.env.step(action)
        except RuntimeError as error:
            raise RuntimeError(f"over ; it was {self.env._task.values}") from error


class NamesItInTheTaskId(Broken):
    def __init__(self, env: SlotsEnv) -> None:
        super().__init__(env)
        self.task_id = f"{env.task_id}/{'-'.join(env._task.values)}"


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[EnvSpec], str]:
    def as_module(spec: EnvSpec) -> str:
        module = types.ModuleType("broken_environment")
        module.SPEC = spec  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "broken_environment", module)
        return "broken_environment:SPEC"

    return as_module


def wrapped(kind: type[Broken]) -> EnvSpec:
    assert SPEC.canary is not None

    def build(task: int, split: Any, seed: int, user: str | None, options: SlotsOptions) -> Any:
        return kind(SPEC.build(task, split, seed, user, options))  # type: ignore[arg-type]

    def canary(seed: int, options: SlotsOptions) -> Canary:
        planted = SPEC.canary(seed, options)  # type: ignore[misc]
        return Canary(env=kind(planted.env), secrets=planted.secrets)  # type: ignore[arg-type]

    return dataclasses.replace(SPEC, build=build, canary=canary)


@pytest.mark.parametrize(
    ("kind", "check", "said"),
    [
        (StartsTwice, "contract", "a second start must raise RuntimeError, raises nothing"),
        (StepsAfterTheEnd, "contract", "step after the end"),
        (RaisesAnother, "contract", "step before start must raise RuntimeError, raises ValueError"),
        (ScoresTen, "contract", "is not in [0, 1]"),
        (NeverEnds, "limit", "is not stopped after max_turns"),
        (UsesTheGlobalGenerator, "episodes", "the global generator of random was used"),
        (UsesTheGlobalGeneratorOfNumpy, "episodes", "the global generator of numpy.random was used"),
        (Forgets, "facts", "without facts"),
        (RevealsTheUnknown, "facts", "is not among the hidden ones"),
        (RevealsTwice, "facts", "is revealed twice"),
        (CountsAcrossEpisodes, "determinism", "two episodes with one seed differ"),
        (AnswersCallsAsAUser, "tool calls", "not answered by a tool message"),
        (Crashes, "episodes", "KeyError"),
        (SaysItInTheOpening, "leaks", "the opening gives 'color' away"),
        (SaysItUnasked, "leaks", "gives 'color' away unasked"),
        (LogsIt, "leaks", "a log, a print or an error gives"),
        (PrintsIt, "leaks", "a log, a print or an error gives"),
        (RaisesIt, "leaks", "a log, a print or an error gives"),
        (NamesItInTheTaskId, "leaks", "the task id gives"),
    ],
)
def test_each_way_to_break_the_protocol_is_noticed(
    register: Callable[[EnvSpec], str], kind: type[Broken], check: str, said: str
) -> None:
    env_id = register(wrapped(kind))
    findings = {finding.name: finding.problems for finding in inspect_env(env_id)}
    assert any(said in problem for problem in findings[check] or ()), findings
    with pytest.raises(ConformanceError, match=f"{check}: "):
        check_env(env_id)


class TellsItsReference(Broken):
    """Says what it hides as soon as it is spoken to."""

    async def step(self, action: Message) -> Step:
        step = await self.env.step(action)
        told = Message(role="user", content=f"well, {self.env.reference_answer()}")
        return dataclasses.replace(step, messages=(told,))


GYMS = [name for name in list_envs() if name.startswith("usergym/") and name != "usergym/travel"]  # its answer is an id


@pytest.mark.parametrize("env_id", GYMS)
@pytest.mark.parametrize("options", [{}, {"difficulty": "nano", "mode": "upstream"}, {"reveal": "some"}], ids=str)
def test_every_gym_has_a_canary_that_stays_mute_and_notices_who_does_not(env_id: str, options: dict[str, Any]) -> None:
    spec = get_spec(env_id)
    canary = spec.canary
    assert canary is not None
    subject = _Subject(spec=spec, options=resolve_options(env_id, options))
    assert _leaks(subject) == []

    def telling(seed: int, values: Any) -> Canary:
        planted = canary(seed, values)
        return Canary(env=TellsItsReference(planted.env), secrets=planted.secrets)  # type: ignore[arg-type]

    broken = _Subject(spec=dataclasses.replace(spec, canary=telling), options=subject.options)
    assert any("gives" in problem for problem in _leaks(broken) or ())


def test_shared_tasks_and_a_weak_full_expert_are_noticed(register: Callable[[EnvSpec], str]) -> None:
    def build(task: int, split: Any, seed: int, user: str | None, options: SlotsOptions) -> Any:
        return SPEC.build(task, "train", seed, user, options)

    swapped = dataclasses.replace(
        SPEC, build=build, expert=lambda kind, seed, options: SPEC.expert("weak", seed, options)
    )
    env_id = register(swapped)
    findings = {finding.name: finding.problems or () for finding in inspect_env(env_id, slots=8)}
    assert any("is in both splits" in problem for problem in findings["tasks"])
    assert any("are the same in both splits" in problem for problem in findings["tasks"])
    assert findings["solvable"] == ("the full expert never succeeds",)


def test_without_a_canary_leaks_are_not_checked(register: Callable[[EnvSpec], str]) -> None:
    assert inspect_env(register(dataclasses.replace(SPEC, canary=None)))[-1].problems is None


@pytest.mark.parametrize(
    ("env_id", "said"),
    [
        ("no_such_module_at_all:SPEC", "no module no_such_module_at_all"),
        ("infopo.core:SPEC", "has no EnvSpec called 'SPEC'"),
        ("toy/slot", "did you mean 'toy/slots'"),
    ],
)
def test_a_spec_that_is_not_there_is_said(env_id: str, said: str) -> None:
    for use in (make_env, check_env):
        with pytest.raises(UserError, match=said):
            use(env_id)


class Talker:
    """A user that a keyword breaks in one way."""

    def __init__(self, way: str = "") -> None:
        self.way, self.told = way, False
        self.random = derive_random("talker")

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        if "color" not in request:
            leak = " , and red" if self.way == "leaks" else ""
            return UserReply(text="" if self.way == "silent" else f"hm{leak}")
        told, self.told = self.told, True
        text = "it is red"
        if self.way == "global":
            random.random()
        if self.way == "differs":
            text += f" {next(CALLS)}"
        if self.way == "twice":
            told = False
        return UserReply(text=text, revealed=() if told else ("color",), repeated=told)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("leaks", "gives 'color' away"),
        ("silent", "is empty"),
        ("global", "the global generator of random"),
        ("differs", "answer the same requests differently"),
        ("twice", "'color' is revealed twice"),
    ],
)
def test_each_way_to_break_a_user_is_noticed(way: str, said: str) -> None:
    requests, secrets = ["hello", "which color ?"], {"color": ("red",)}
    check_user(Talker, requests, secrets=secrets)
    with pytest.raises(ConformanceError, match=said):
        check_user(lambda: Talker(way), requests, secrets=secrets)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nSPEC = 1 / 0\n", r"one_broken\.py, line 2: ZeroDivisionError: division by zero"),
        ("\n\nSPEC = (\n", r"one_broken\.py, line 3: SyntaxError: "),
        ("import no_such_library_at_all\n", r"one_broken\.py, line 1: ModuleNotFoundError: No module named 'no_such_l"),
        ("from infopo.core import no_such_name\n", r"one_broken\.py, line 1: ImportError: cannot import name"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    (tmp_path / "one_broken.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=said):
        make_env("one_broken:SPEC")
