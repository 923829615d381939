"""`infopo eval` with endpoints on loopback, several users, agents, budgets, and half-way stops."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infopo.cli.main import main
from infopo.core import InfopoError, Message, read_records
from infopo.core.checkpoint_folders import checkpoint_path
from infopo.core.sealed_folder import SealedFolder
from infopo.envs import make_expert
from infopo.evaluation.agents import REFLECT, action_of
from infopo.testing.chat_server import ChatServer
from infopo.users.llm import close_chats
from infopo.users.personas import PERSONAS

ROOT = Path(__file__).parents[2]
EXPERT = make_expert("toy/slots", "full")
KEY = "sk-canary-73b1"


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    yield
    close_chats()


def expert(body: dict[str, Any]) -> str:
    messages = tuple(Message(role=one["role"], content=action_of(one["content"])) for one in body["messages"])
    return EXPERT.act(messages)


def evaluate(server: ChatServer, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Another process would start here: nothing is left of the connections and budgets before."""
    close_chats()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return main(["eval", "--model", "openai:fake", "--env", "toy/slots", *map(str, arguments)])


def settings_file(path: Path, server: ChatServer, **changes: Any) -> Path:
    usual = {"model": "fake", "base_url": server.url, "first_wait_seconds": 0.01}
    path.write_text(yaml.safe_dump(usual | changes))
    return path


def groups(folder: Path) -> list[str]:
    return [row["group_id"] for row in read_records(folder / "trajectories.jsonl")]


def summary(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return data


def test_an_endpoint_is_evaluated_like_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        assert evaluate(server, monkeypatch, "--episodes", 12, "--out", out) == 0
    shown = capsys.readouterr().out
    assert "success    100.0 %" in shown
    found = summary(out)
    assert (found["n"], found["success"], found["model"], found["agent"]) == (12, 1.0, "openai:fake", "plain")
    calls = len(server.bodies)
    assert found["spending"]["fake"] == {
        "calls": calls,
        "prompt_tokens": 40 * calls,
        "reply_tokens": 10 * calls,
        "money": 0.0,
    }
    assert {body["max_tokens"] for body in server.bodies} == {512}
    assert {body["temperature"] for body in server.bodies} == {1.0}
    assert KEY not in "".join(path.read_text() for path in out.rglob("*") if path.is_file()) + shown


def test_a_wrong_key_is_named_and_what_is_finished_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    with ChatServer(expert, script=(None,) * 20 + ("unauthorized",)) as server:  # type: ignore[arg-type]
        assert evaluate(server, monkeypatch, "--episodes", 30, "--concurrency", 2, "--out", out) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "check OPENAI_API_KEY" in line
        assert f"go on with infopo eval --resume {out}" in line
        assert KEY not in line
        kept = groups(out)
        assert 0 < len(kept) < 30
        before = len(server.bodies)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        close_chats()
        assert main(["eval", "--resume", str(out)]) == 0
    assert sorted(groups(out)) == sorted(f"test/{task}" for task in range(30))
    assert groups(out)[: len(kept)] == kept
    assert len(server.bodies) - before == 3 * (30 - len(kept))
    assert (summary(out)["n"], summary(out)["success"]) == (30, 1.0)


def test_no_key_and_nobody_there_and_no_such_model_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer() as server:
        path = settings_file(tmp_path / "model.yaml", server, attempts=1)
        monkeypatch.delenv("OPENAI_API_KEY")
        assert main(["eval", "--model", "openai:gpt-x", "--env", "toy/slots"]) == 2
        assert "set the environment variable OPENAI_API_KEY" in capsys.readouterr().err
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out = tmp_path / "e"
    assert main(["eval", "--model", f"openai:{path}", "--env", "toy/slots", "--episodes", "60", "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "check that it runs, and base_url" in said
    assert f"--resume {out}" in said
    assert len(groups(out)) < 60
    assert main(["eval", "--model", "openai:none.yaml", "--env", "toy/slots"]) == 2
    assert "cannot read none.yaml" in capsys.readouterr().err


def test_a_budget_stops_and_a_larger_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    with ChatServer(expert, usage={"prompt_tokens": 900, "completion_tokens": 100}) as server:
        limits = ("--budget.tokens", 30_000, "--concurrency", 2, "--rollout.max-new-tokens", 100)
        assert evaluate(server, monkeypatch, "--episodes", 20, *limits, "--out", out) == 1
        said = capsys.readouterr()
        (line,) = said.err.splitlines()
        assert "budget of the chat model is spent" in line
        assert f"so far, {len(groups(out))} of 20 tasks:" in said.out
        assert "success    100.0 %" in said.out
        assert f"infopo eval --resume {out} --budget.tokens N" in line
        assert 25 <= len(server.bodies) <= 30 + 2
        kept = len(groups(out))
        assert 0 < kept < 20
        close_chats()
        assert main(["eval", "--resume", str(out)]) == 1, "what was spent before counts"
        assert len(server.bodies) <= 32
        capsys.readouterr()
        close_chats()
        assert main(["eval", "--resume", str(out), "--budget.tokens", "100000"]) == 0
    assert summary(out)["n"] == 20
    spent = summary(out)["spending"]["fake"]
    assert spent["prompt_tokens"] + spent["reply_tokens"] == 1000 * len(server.bodies)


def test_a_dry_run_asks_nothing_and_names_the_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        path = settings_file(tmp_path / "model.yaml", server, prompt_price=2.0, reply_price=8.0)
        line = (
            f"eval --model openai:{path} --env toy/slots --episodes 20 --user scripted,llm:{path} --dry-run --out {out}"
        )
        assert main(line.split()) == 0
        assert server.bodies == []
    shown = capsys.readouterr().out
    assert "episodes   40: 20 tasks, 1 each, 2 users" in shown
    assert "about 120 calls" in shown
    assert "in money, at most" in shown
    assert f"llm:{path}  about 40 calls" in shown
    assert not out.exists()
    assert main("eval --model openai:gpt-x --env toy/slots --dry-run".split()) == 0
    assert "gpt-x has no prompt_price and reply_price" in capsys.readouterr().out


def test_every_user_gets_a_line_and_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        assert evaluate(server, monkeypatch, "--episodes", 4, "--user", "all", "--out", out) == 0
        asked = len(server.bodies)
        close_chats()
        assert main(["eval", "--resume", str(out)]) == 0
        assert len(server.bodies) == asked, "all of it was played before"
    lines = capsys.readouterr().out.splitlines()
    users = ["scripted", *(f"scripted:{persona}" for persona in PERSONAS)]
    found = summary(out)["users"]
    assert list(found) == users
    table = lines.index(next(line for line in lines if line.startswith("user ")))
    assert [line.split()[0] for line in lines[table + 1 : table + 1 + len(users)]] == users
    assert found["scripted"]["success"] == 1.0
    assert found["scripted:terse"]["success"] < 1.0
    for user in users:
        folder = out / "users" / user.replace(":", "-")
        assert summary(folder) == found[user]
        assert len(groups(folder)) == found[user]["n"] == 4
        assert yaml.safe_load((folder / "config.yaml").read_text())["user"] == user


def test_a_run_stands_for_the_checkpoint_it_had_when_its_evaluation_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infopo.cli import eval_play

    run, started = tmp_path / "run", []
    monkeypatch.setattr(eval_play, "play_users", lambda flags, users: started.append(flags.model) or 0)
    for step in (1, 2):
        with SealedFolder(checkpoint_path(run / "checkpoints", step)) as folder:
            (folder / "model.txt").write_text("weights")
        (run / "config.yaml").write_text("env: toy/slots\n")
        assert main(["eval", "--model", str(run), "--env", "toy/slots", "--out", str(tmp_path / "e")]) == 0
        assert started[-1] == str(checkpoint_path(run / "checkpoints", step))


def test_an_environment_without_personas_has_one_user() -> None:
    from infopo.cli.eval_users import resolve_users

    assert resolve_users("all", "usergym/search", {"difficulty": "nano"}, split="test") == ["scripted"]
    assert len(resolve_users("all", "toy/slots", {}, split="test")) == 1 + len(PERSONAS)


def test_reflexion_is_marked_and_its_first_trial_stands_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(body: dict[str, Any]) -> str:
        first = body["messages"][0]["content"]
        if first.startswith(REFLECT):
            return "ask first"
        if "- ask first" not in first:
            return "Thought: no idea\nAction: [answer] nothing"
        shown = [{**body["messages"][0], "content": first.split("\n\n")[0]}, *body["messages"][1:]]
        return f"Thought: so\nAction: {expert({'messages': shown})}"

    out = tmp_path / "e"
    with ChatServer(reply) as server:
        assert evaluate(server, monkeypatch, "--episodes", 5, "--agent", "reflexion", "--out", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("success    0.0 %") and "first trial of each task" in line for line in lines)
    assert any(line.startswith("after up to 3 trials, each told that the one before failed: 100.0 %") for line in lines)
    found = summary(out)
    assert (found["success"], found["agent"]) == (0.0, "reflexion")
    trials = found["trials"]
    assert (trials["most"], trials["success"], trials["mean"], trials["solved"]) == (3, 1.0, 2.0, [0, 5])
    assert (trials["without_note"], trials["ci95_method"]) == (0, found["ci95_method"])
    assert main(["report", str(out)]) == 0
    page = (out / "report" / "report.md").read_text()
    assert "after up to 3 trials" in page
    assert found["spending"]["fake"]["calls"] == len(server.bodies) == 5 * (1 + 1 + 3)
    assert groups(out) == sorted(groups(out), key=groups(out).index)
    assert [row["episode"] for row in read_records(out / "trajectories.jsonl")] == [0, 1] * 5


def test_a_local_model_plays_react_and_reflexion(slots_folder: Path, tmp_path: Path) -> None:
    usual = f"eval --model {slots_folder} --env toy/slots --env-options.difficulty nano --episodes 4"
    for agent in ("react", "reflexion"):
        out = tmp_path / agent
        line = f"{usual} --rollout.max-new-tokens 8 --rollout.temperature 0 --trials 2 --agent {agent} --out {out}"
        assert main(line.split()) == 0
    react, reflexion = summary(tmp_path / "react"), summary(tmp_path / "reflexion")
    assert react["spending"]["policy"]["calls"] > 0
    assert {name: reflexion[name] for name in ("success", "score", "n")} == {
        name: react[name] for name in ("success", "score", "n")
    }
    assert reflexion["trials"]["n"] + reflexion["trials"]["failed"] == 4


def test_gains_are_recorded_and_read_back_where_a_run_goes_on(
    slots_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = f"eval --model {slots_folder} --env toy/slots --env-options.difficulty nano --episodes 6 --concurrency 2"
    out = tmp_path / "e"
    assert main(f"{usual} --rollout.max-new-tokens 8 --gains --out {out}".split()) == 0
    said = capsys.readouterr().out
    whole, records = summary(out), list(read_records(out / "trajectories.jsonl"))
    first = [row["turns"][0]["gain"] for row in records if len(row["turns"]) > 1]
    assert first
    assert len(set(first)) > 1
    by_turn = whole["behaviour"]["gain_by_turn"]
    assert by_turn[0]["mean"] == pytest.approx(sum(first) / len(first))
    assert f"gain       {by_turn[0]['mean']:+.3f}" in said
    lines = (out / "trajectories.jsonl").read_text().splitlines(keepends=True)
    (out / "trajectories.jsonl").write_text("".join(lines[:3]))  # the second of three batches is half
    assert main(["eval", "--resume", str(out)]) == 0
    assert list(read_records(out / "trajectories.jsonl")) == records
    assert summary(out)["behaviour"] == whole["behaviour"]


def test_an_episode_that_cannot_be_scored_is_kept_without_gains(
    slots_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import infopo.gain

    measure = infopo.gain.information_gain

    def broken(model: Any, trajectories: Any, **options: Any) -> Any:
        for one in trajectories:
            if one.group_id == "test/2":
                raise InfopoError(f"task {one.task_id}: the information gain is nan")
        return measure(model, trajectories, **options)

    monkeypatch.setattr(infopo.gain, "information_gain", broken)
    out = tmp_path / "e"
    usual = f"eval --model {slots_folder} --env toy/slots --env-options.difficulty nano --episodes 6"
    assert main(f"{usual} --rollout.max-new-tokens 8 --gains --out {out}".split()) == 0
    assert "1 episodes have no gains: task" in capsys.readouterr().out
    rows = list(read_records(out / "trajectories.jsonl"))
    measured = {row["group_id"]: [turn["gain"] is not None for turn in row["turns"][:-1]] for row in rows}
    assert len(measured) == summary(out)["n"] == 6
    assert not any(measured.pop("test/2"))
    assert any(any(part) for part in measured.values())


def test_another_model_does_not_go_on_with_an_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = tmp_path / "e", tmp_path / "user.yaml"
    with ChatServer(expert, script=(None,) * 20 + ("unauthorized",)) as server:  # type: ignore[arg-type]
        path.write_text(yaml.safe_dump({"model": "wordy", "base_url": server.url}))
        users = ("--user", f"scripted,llm:{path}")
        assert evaluate(server, monkeypatch, "--episodes", 12, "--concurrency", 1, *users, "--out", out) == 2
        before = (out / "players.json").read_text()
        assert KEY not in before
        for changes, told in (
            ({"model": "wordy", "base_url": server.url, "temperature": 0.7}, "temperature was 0.0, now it is 0.7"),
            ({"model": "wordy", "base_url": "http://127.0.0.1:9/v1"}, "now it is 'http://127.0.0.1:9/v1'"),
        ):
            path.write_text(yaml.safe_dump(changes))
            close_chats()
            capsys.readouterr()
            assert main(["eval", "--resume", str(out)]) == 2
            assert told in capsys.readouterr().err
        assert (out / "players.json").read_text() == before


def test_a_person_is_not_asked_by_an_evaluation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--env", "toy/slots", "--user", "human"]) == 2
    assert "infopo play" in capsys.readouterr().err


def test_an_endpoint_has_no_gains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("eval --model openai:fake --env toy/slots --gains".split()) == 2
    assert "--gains needs a model in this process" in capsys.readouterr().err


def start(server: ChatServer, out: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OPENAI_BASE_URL": server.url, "OMP_NUM_THREADS": "1"}
    arguments = f"-m infopo eval --model openai:fake --env toy/slots --episodes 180 --concurrency 2 --out {out}"
    return subprocess.Popen(
        [sys.executable, *arguments.split()],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(out: Path, episodes: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (out / "trajectories.jsonl").is_file() and len(groups(out)) >= episodes:
            return
        time.sleep(0.02)
    raise AssertionError(f"{episodes} episodes were not reached: {process.communicate()}")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_evaluation_goes_on(stop: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        process = start(server, out)
        wait_for(out, 5, process)
        process.send_signal(stop)
        _, said = process.communicate(timeout=60)
        if stop == signal.SIGINT:
            assert process.returncode == 130
            assert said == f"infopo: stopped; what is finished is kept: go on with infopo eval --resume {out}\n"
        kept = groups(out)
        assert 5 <= len(kept) < 170
        config = yaml.safe_load((out / "config.yaml").read_text())
        (out / "config.yaml").write_text(yaml.safe_dump(config | {"episodes": len(kept) + 5}))  # a short way to go on
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert main(["eval", "--resume", str(out)]) == 0
    played = [name for name in kept if int(name.split("/")[1]) < len(kept) + 5]
    assert groups(out)[: len(played)] == played
    assert summary(out)["n"] == len(kept) + 5
    assert summary(out)["success"] == 1.0


def test_a_reader_that_leaves_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OPENAI_BASE_URL": server.url}
        arguments = f"-m infopo eval --model openai:fake --env toy/slots --episodes 12 --out {out}"
        process = subprocess.Popen(
            [sys.executable, *arguments.split()], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=120) == 0
    assert len(groups(out)) == 12
    assert summary(out)["n"] == 12


def test_two_do_not_write_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    with ChatServer(expert) as server:
        assert evaluate(server, monkeypatch, "--episodes", 2, "--out", out) == 0
        assert evaluate(server, monkeypatch, "--episodes", 2, "--out", out) == 2
    assert f"{out} is not empty: go on with it by --resume {out}" in capsys.readouterr().err
