"""The adapter on the real package: run where `INFOPO_TAU2_ROOT` or `INFOPO_TAU2_PYTHON` names one."""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, ToolCall, UserError
from infopo.envs import Env, get_spec, make_env, num_tasks
from infopo.envs.check import check_env
from infopo.envs.tau2.catalogue import entries
from infopo.envs.tau2.client import Tau2Error, WorkerDiedError, close_workers, worker_of
from infopo.envs.tau2.env import EMPTY, MALFORMED
from infopo.envs.tau2.options import Tau2Options
from infopo.evaluation.evaluate import evaluate_sampler
from infopo.rollout import RolloutConfig
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.chat_server import ChatServer
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

from .conftest import call, gold_actions, play, read_tasks, say

DOMAINS = ("airline", "retail", "telecom")
SPLITS = ("train", "test")
Run = Callable[..., Any]

# Run by the benchmark's interpreter: its own evaluator on recorded runs, without any code of ours.
SCORE = """
import json, sys
request = json.load(sys.stdin)
if request["root"]:
    sys.path.insert(0, request["root"] + "/src")
from tau2.registry import registry
from tau2.data_model.simulation import SimulationRun
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation
tasks = {task.id: task for task in registry.get_tasks_loader(request["domain"])()}
rewards = []
for run in request["runs"]:
    simulation = SimulationRun.model_validate(run)
    info = evaluate_simulation(simulation, tasks[run["task_id"]], EvaluationType.ALL, False, request["domain"])
    rewards.append(info.reward)
print("REWARDS", json.dumps(rewards))
"""


def own_rewards(domain: str, runs: list[dict[str, Any]]) -> list[float]:
    place = Tau2Options().place()
    environment = {**os.environ, **({"TAU2_DATA_DIR": place.data} if place.data else {})}
    environment["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    request = json.dumps({"domain": domain, "root": place.root, "runs": runs})
    done = subprocess.run(
        [place.python, "-c", SCORE], input=request, env=environment, capture_output=True, text=True, check=True
    )
    rewards: list[float] = json.loads(done.stdout.rpartition("REWARDS")[2])
    return rewards


def facts(upstream: Path, data: Path, domain: str) -> dict[str, Any]:
    """What was measured with the package; since 1.0 the shop has tasks with a judge."""
    judged = "NL_ASSERTION" in (data / "tau2/domains/retail/tasks.json").read_text()
    name = f"task_facts_{'v1.0.1' if judged else 'c5b2d22'}.json"
    found: dict[str, Any] = json.loads((upstream / "conformance" / name).read_text())["domains"][domain]
    return found


def gold(data: Path, domain: str, split: str, index: int) -> list[Message]:
    upstream_id = entries(domain, split, Tau2Options())[index].upstream_id  # type: ignore[arg-type]
    return gold_actions(read_tasks(data, domain)[upstream_id])


@pytest.mark.parametrize("domain", DOMAINS)
def test_splits_are_disjoint_and_episodes_repeat(data: Path, run: Run, domain: str) -> None:
    train, test = (entries(domain, split, Tau2Options(judge="skip")) for split in SPLITS)  # type: ignore[arg-type]
    assert not {one.upstream_id for one in train} & {one.upstream_id for one in test}
    assert (len(train), len(test)) == {"airline": (30, 20), "retail": (74, 40), "telecom": (74, 40)}[domain]
    actions = gold(data, domain, "test", 3)
    first, second = (run(make_env(f"tau2/{domain}", task=3, split="test"), actions) for _ in range(2))
    assert first["outcome"].success
    for name in ("opening", "steps", "outcome", "agent_db", "user_db"):
        assert first[name] == second[name]


@pytest.mark.slow
@pytest.mark.timeout(600)  # some eighty episodes, in a process each
@pytest.mark.parametrize("domain", [*DOMAINS, "telecom-workflow"])
def test_it_keeps_to_the_protocol(data: Path, domain: str) -> None:
    """What needs a scripted expert cannot be asked: ground truth is played by the next test."""
    left = {finding.name for finding in check_env(f"tau2/{domain}") if finding.problems is None}
    assert left == {"tool calls", "solvable", "leaks"}


@pytest.mark.slow
@pytest.mark.timeout(1200)  # every task, twice, in a process each
@pytest.mark.parametrize("domain", DOMAINS)
def test_ground_truth_scores_one_and_rewards_are_the_packages_own(
    data: Path, upstream: Path, run: Run, domain: str
) -> None:
    tasks, runs, rewards = read_tasks(data, domain), [], []
    known = facts(upstream, data, domain)
    for split in SPLITS:
        for index, entry in enumerate(entries(domain, split, Tau2Options())):  # type: ignore[arg-type]
            actions = gold_actions(tasks[entry.upstream_id])
            whole = run(make_env(f"tau2/{domain}", task=index, split=split), actions)
            assert whole["outcome"].score == 1.0, entry.upstream_id
            if domain != "airline":  # the facts hold the hashes of a rebuilt database, not of the published one
                final = known[entry.upstream_id]["gold"]["final"]
                assert (whole["agent_db"], whole["user_db"]) == (final["agent_db"], final["user_db"])
            half = run(
                make_env(f"tau2/{domain}", task=index, split=split), [*actions[: len(actions) // 2], say("Bye.")]
            )
            runs += [whole["simulation"], half["simulation"]]
            rewards += [whole["outcome"].score, half["outcome"].score]
    assert own_rewards(domain, runs) == rewards
    assert set(rewards) == {0.0, 1.0}


@pytest.mark.slow
@pytest.mark.timeout(1200)  # every task, twice, in a process each
@pytest.mark.parametrize("domain", DOMAINS)
def test_floors_are_the_known_ones(data: Path, upstream: Path, domain: str) -> None:
    known = facts(upstream, data, domain)
    measure = get_spec(f"tau2/{domain}").floors
    assert measure is not None
    for split in SPLITS:
        played = [known[one.upstream_id] for one in entries(domain, split, Tau2Options())]  # type: ignore[arg-type]
        found = measure(range(len(played)), split, Tau2Options())  # type: ignore[arg-type]
        for name, field in (("do nothing", "do_nothing"), ("transfer, then stop", "transfer_then_done")):
            assert found[name] * len(played) == pytest.approx(sum(one[field]["reward"] for one in played))


def test_the_agent_cannot_act_as_the_customer(data: Path, run: Run) -> None:
    before = run(make_env("tau2/telecom", task=0), [say("Goodbye.")])
    for name, arguments in (
        ("toggle_airplane_mode", {}),
        ("toggle_airplane_mode", {"requestor": "user"}),
        ("reboot_device", {}),
    ):
        forged = run(make_env("tau2/telecom", task=0), [call(name, arguments), say("Goodbye.")])
        assert forged["steps"][0].facts.kind == "invalid"
        assert forged["steps"][0].messages[0].content.startswith("Error")
        assert forged["user_db"] == before["user_db"]
        assert {one["requestor"] for m in forged["simulation"]["messages"] for one in m.get("tool_calls") or []} == {
            "assistant"
        }


def test_calculate_comes_back(data: Path, run: Run) -> None:
    actions = [call("calculate", {"expression": expression}) for expression in ("9**9**9", "2 + 2")]
    played = run(make_env("tau2/retail", task=0), [*actions, say("Goodbye.")])
    answers = [step.messages[0].content for step in played["steps"][:2]]
    assert answers[0].startswith("Error")
    assert answers[1] == "4.0"
    assert played["outcome"].score in (0.0, 1.0)  # and the evaluator replays it


def test_what_cannot_be_read_does_nothing_and_is_said(data: Path, run: Run) -> None:
    good, bad = (ToolCall(id=name, name="get_user_details", arguments=text) for name, text in (("a", "{}"), ("b", "{")))
    env = make_env("tau2/retail", task=0)
    actions = [
        say('<tool_call>{"name": "cancel_pending_order"'),
        say("###STOP###"),
        Message(role="assistant", content="", tool_calls=(good, bad)),
        say('get_user_details(user_id="x")'),
        say("Goodbye."),
    ]
    played = run(env, actions)
    steps = played["steps"]
    assert [step.messages[0].content for step in steps[:2]] == [MALFORMED, EMPTY]
    assert [message.tool_call_id for message in steps[2].messages] == ["a", "b"]
    assert [step.facts.kind for step in steps[:4]] == ["invalid", "invalid", "invalid", "ask"]
    said = [m["content"] for m in played["simulation"]["messages"] if m["role"] == "assistant"]
    assert said[1:3] == ['get_user_details(user_id="x")', "Goodbye."]
    assert not any(m.get("tool_calls") for m in played["simulation"]["messages"])


def test_several_calls_are_answered_in_order(data: Path, run: Run) -> None:
    calls = tuple(
        ToolCall(id=f"call{k}", name="calculate", arguments=json.dumps({"expression": f"{k}+1"})) for k in range(3)
    )
    played = run(
        make_env("tau2/retail", task=0), [Message(role="assistant", content="", tool_calls=calls), say("Bye.")]
    )
    assert [(m.tool_call_id, m.content) for m in played["steps"][0].messages] == [
        ("call0", "1.0"),
        ("call1", "2.0"),
        ("call2", "3.0"),
    ]


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_answer_key_stays_on_the_other_side(data: Path, run: Run, domain: str) -> None:
    tasks = read_tasks(data, domain)
    for index in range(3):
        task = tasks[entries(domain, "test", Tau2Options())[index].upstream_id]
        env = make_env(f"tau2/{domain}", task=index, split="test")
        played = run(env, [say("Goodbye.")])
        shown = " ".join(m.content for m in played["opening"].messages) + env.task_id + repr(env)
        scenario = task["user_scenario"]["instructions"]
        for secret in (scenario["task_instructions"], scenario["known_info"], json.dumps(task["evaluation_criteria"])):
            assert len(secret) < 4 or secret not in shown
        assert env.reference_answer() is None
        assert task["id"] not in shown.replace(f"{index}", "") or len(task["id"]) < 4


def test_the_turn_budget_ends_an_episode_properly(data: Path, run: Run) -> None:
    index = next(
        k
        for k, entry in enumerate(entries("airline", "test", Tau2Options()))
        if not read_tasks(data, "airline")[entry.upstream_id]["evaluation_criteria"]["actions"]
    )
    look = call("get_user_details", {"user_id": "mia_li_3668"})
    rewards = {}
    for rule in ("zero", "evaluate"):
        played = run(make_env("tau2/airline", task=index, split="test", max_turns=3, on_budget=rule), [look])
        assert len(played["steps"]) == 3
        assert (played["steps"][-1].truncated, played["steps"][-1].done) == (True, False)
        rewards[rule] = played["outcome"].score
        hops = run(make_env("tau2/airline", task=index, split="test", max_hops=5, on_budget=rule), [look])
        assert hops["steps"][-1].truncated
        assert hops["outcome"].score == rewards[rule]
    assert rewards == {"zero": 0.0, "evaluate": 1.0}
    errors = run(make_env("tau2/airline", task=index, split="test", max_errors=4), [call("no_such_tool", {})])
    assert (len(errors["steps"]), errors["steps"][-1].truncated, errors["outcome"].score) == (4, True, 0.0)


def test_calls_in_the_wrong_order_are_refused(data: Path) -> None:
    async def wrong(env: Env, *, start: bool) -> None:
        if start:
            await env.start()
            await env.close()
            await env.close()
        await env.step(say("hello"))

    for start in (False, True):
        with pytest.raises(RuntimeError):
            asyncio.run(wrong(make_env("tau2/telecom", task=0), start=start))


def test_what_hangs_is_ended_and_others_go_on(data: Path, run: Run) -> None:
    async def together() -> list[Any]:
        env = make_env("tau2/telecom", task=1, call_seconds=1e-4)
        plays = [play(make_env("tau2/telecom", task=1), [say("Goodbye.")]) for _ in range(4)]  # type: ignore[arg-type]
        return await asyncio.gather(env.start(), *plays, return_exceptions=True)

    hung, *others = asyncio.run(together())
    assert isinstance(hung, TimeoutError)
    assert [one["outcome"] for one in others] == [others[0]["outcome"]] * 4


def test_an_episode_that_cannot_begin_is_a_failure_of_its_own(data: Path) -> None:
    """The worker has played before: that it dies now is no mistake of whoever installed it, and ends no run."""

    async def cut() -> None:
        await make_env("tau2/telecom", task=0).start()
        late = make_env("tau2/telecom", task=1)
        worker = worker_of(Tau2Options().place())._process.pid
        os.kill(worker, signal.SIGSTOP)
        starting = asyncio.ensure_future(late.start())
        await asyncio.sleep(0.3)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="before it began"):
            await starting

    asyncio.run(cut())
    assert num_tasks("tau2/telecom") == 74  # a new worker goes on


def test_abandoned_episodes_leave_no_process(data: Path) -> None:
    async def abandon() -> None:
        for task in range(5):
            await make_env("tau2/telecom", task=task).start()

    asyncio.run(abandon())
    running = worker_of(Tau2Options().place())
    group = running._process.pid
    os.killpg(group, 0)
    close_workers()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert num_tasks("tau2/telecom") == 74


def test_the_packages_own_simulator_plays_over_an_endpoint(
    data: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAU2_TEST_KEY", "sk-secret-key")
    settings = tmp_path / "chat.yaml"

    def reply(body: dict[str, Any]) -> str:
        return "I need help." if len(body["messages"]) < 4 else "Thanks! ###STOP###"

    with ChatServer(reply) as server:
        settings.write_text(f"model: m\nbase_url: {server.url}\nkey_variable: TAU2_TEST_KEY\nattempts: 1\n")
        played = run(make_env("tau2/telecom", task=0, user=f"llm:{settings}"), [say("What is wrong?")])
        assert played["opening"].messages[-1] == Message(role="user", content="I need help.")
        assert played["opening"].hidden == ()
        assert played["steps"][-1].done
        assert server.bodies[0]["tools"]  # the customer's own
        assert server.bodies[0]["seed"] >= 0
        assert server.keys == {"sk-secret-key"}
    with ChatServer(faults={"unauthorized": 1.0}) as server:
        settings.write_text(f"model: m\nbase_url: {server.url}\nkey_variable: TAU2_TEST_KEY\nattempts: 1\n")
        with pytest.raises(Tau2Error) as caught:
            run(make_env("tau2/telecom", task=0, user=f"llm:{settings}"), [say("What is wrong?")])
    assert "sk-secret-key" not in str(caught.value)


def test_an_evaluation_prints_its_floors(data: Path) -> None:
    sampler = ScriptedSampler(Renderer(tiny_tokenizer(), name="bytes"), lambda slot, messages: "Goodbye.")
    result = evaluate_sampler(sampler, env="tau2/telecom", episodes=2, config=RolloutConfig(concurrency=2))
    assert (result.n, result.failed, result.success) == (2, 0, 0.0)
    assert result.hidden is not None
    assert result.hidden >= 1
    floors = result.summary()["floors"]["tau2/telecom"]
    assert set(floors) == {"do nothing", "transfer, then stop"}


def test_a_judge_without_a_key_is_said_before_anything_is_played(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close_workers()
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        make_env("tau2/retail", task=0, judge="official")
    close_workers()


def test_tasks_that_need_a_judge_can_be_left_out_or_scored_without(data: Path, run: Run) -> None:
    every, free = (entries("retail", "test", Tau2Options(judge=judge)) for judge in ("skip", "leave-out"))
    assert len(every) == 40
    assert [one for one in every if not one.judged] == list(free)
    for index in [k for k, one in enumerate(every) if one.judged][:2]:
        actions = gold_actions(read_tasks(data, "retail")[every[index].upstream_id])
        env = make_env("tau2/retail", task=index, split="test", judge="skip")
        assert env.task_id == f"tau2/retail/test/{every[index].place}"
        assert run(env, actions)["outcome"].score == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_what_the_adapter_costs(data: Path, run: Run, domain: str, capsys: pytest.CaptureFixture[str]) -> None:
    spent = []
    for index in range(40):
        task = index % num_tasks(f"tau2/{domain}", "train")
        actions = gold(data, domain, "train", task)
        began = time.perf_counter()
        played = run(make_env(f"tau2/{domain}", task=task), actions)
        spent.append(time.perf_counter() - began - played["seconds"])
    with capsys.disabled():
        print(f"\ntau2/{domain}: {statistics.median(spent):.3f} s beside the package, median of {len(spent)} episodes")
    assert all(played["steps"])
