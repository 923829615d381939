"""Against a real OpenAI-compatible server: `transformers serve` on loopback, with a folder of this project's."""

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
import yaml

from infopo.cli.main import main
from infopo.core import Trajectory, read_records, trajectory_from_record
from infopo.nano import nano_folder
from infopo.testing.tiny import tiny_model, tiny_tokenizer
from infopo.tokens import Renderer
from infopo.users.llm import close_chats
from infopo.users.quoting import data_messages
from infopo.users.written import INSTRUCTIONS

pytestmark = pytest.mark.slow
OPTIONS = "--env toy/slots --env-options.difficulty nano --env-options.slots 1 --env-options.values 2"
WORDED = "well let me think about that"
NANO = "eval --env toy/slots --env-options.difficulty nano --episodes 3 --rollout.temperature 0"
USUAL = f"eval {OPTIONS} --episodes 3 --rollout.max-new-tokens 12 --rollout.temperature 0"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[str]:
    """The address of a server of a model folder."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with open(log, "w") as file:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=file, stderr=file
        )
    try:
        deadline = time.monotonic() + 200
        while not healthy(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def served(slots_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of `slots_folder`."""
    with serving(slots_folder, tmp_path_factory.mktemp("serve") / "log.txt") as address:
        yield address


@pytest.fixture(scope="module")
def nano() -> Path:
    """The built-in policy of `toy/slots`."""
    return nano_folder("toy/slots", {"difficulty": "nano"})


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learnt by heart to word any reply as `WORDED`: so small a one could not do it by wit."""
    folder = tmp_path_factory.mktemp("writer")
    line = json.dumps({"reply": WORDED})
    tokenizer = tiny_tokenizer([line, INSTRUCTIONS])
    renderer = Renderer(tokenizer, name="writer")
    model = tiny_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for meaning in itertools.islice(itertools.cycle(("the first is red", "i did not understand", "no")), 150):
        prompt = renderer.opening(data_messages(INSTRUCTIONS, {"request": "which one ?", "meaning": meaning})).ids
        ids = torch.tensor([[*prompt, *tokenizer.encode(f"{line}<|im_end|>")]])
        labels = ids.clone()
        labels[0, : len(prompt)] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5.0).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(autouse=True)
def endpoint(served: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("OPENAI_API_KEY", "none needed")
    yield
    close_chats()


def episodes(folder: Path) -> list[Trajectory]:
    found = [trajectory_from_record(row) for row in read_records(folder / "trajectories.jsonl")]
    return sorted(found, key=lambda one: one.group_id)


def test_a_served_model_begins_as_it_does_here(slots_folder: Path, tmp_path: Path) -> None:
    """Later actions may differ: a server reads the conversation as text again, here the tokens stay as sampled."""
    hosted, local = tmp_path / "hosted", tmp_path / "local"
    for model, out in ((f"openai:{slots_folder}", hosted), (str(slots_folder), local)):
        assert main(f"{USUAL} --model {model} --out {out}".split()) == 0
    for there, here in zip(episodes(hosted), episodes(local), strict=True):
        assert there.failure is None
        first = here.turns[0].action_message
        assert there.messages[: first + 1] == here.messages[: first + 1]


def test_the_built_in_policy_is_as_good_when_served(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = []
    with serving(nano, tmp_path / "log.txt") as address:
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        for model, out in ((f"openai:{nano}", tmp_path / "hosted"), (str(nano), tmp_path / "local")):
            assert main(f"{NANO} --episodes 30 --model {model} --out {out}".split()) == 0
            assert all(one.failure is None for one in episodes(out))
            rates.append(json.loads((out / "summary.json").read_text())["success"])
    hosted, local = rates
    assert hosted > 0.2
    assert abs(hosted - local) <= 0.1


def test_a_served_model_words_the_user(
    nano: Path, writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it says is what the policy reads; what was revealed stays the script's decision."""
    name, out = tmp_path / "user.yaml", tmp_path / "e"
    with serving(writer, tmp_path / "log.txt") as address:
        name.write_text(yaml.safe_dump({"model": str(writer), "base_url": address}))
        assert main(f"{NANO} --model {nano} --user llm:{name} --out {out}".split()) == 0
    answered = [(one, turn) for one in episodes(out) for turn in one.turns if turn.feedback_kind == "user"]
    assert answered
    for episode, turn in answered:
        assert episode.messages[turn.action_message + 1].content == WORDED
        assert turn.facts is not None
    assert any(turn.facts and turn.facts.revealed for _, turn in answered)
    assert f"{writer} " in capsys.readouterr().out  # what the user's model was asked is counted


def test_words_that_are_no_reply_are_failures_and_never_scores(
    slots_folder: Path, nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The served policy of the other tests writes no JSON, so that it can play no user."""
    name, out = tmp_path / "user.yaml", tmp_path / "e"
    name.write_text(yaml.safe_dump({"model": str(slots_folder), "attempts": 1, "max_reply_tokens": 12}))
    main(f"{NANO} --model {nano} --user llm:{name} --out {out}".split())
    failed = [one for one in episodes(out) if one.failure is not None]
    assert failed
    for one in failed:
        assert one.failure is not None
        assert one.failure.where == "step"
        assert one.outcome is None


def test_a_model_that_is_not_served_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings: dict[str, Any] = {"model": "no-such-model", "attempts": 1}
    name = tmp_path / "model.yaml"
    name.write_text(yaml.safe_dump(settings))
    assert main(f"{USUAL} --model openai:{name}".split()) == 1
    said = capsys.readouterr().err
    assert "no-such-model" in said
    assert "pinned to" in said
