"""Against a real OpenAI-compatible server: `transformers serve` on loopback, with a folder of this project's."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from infopo.cli.main import main
from infopo.core import Trajectory, read_records, trajectory_from_record
from infopo.users.llm import close_chats

pytestmark = pytest.mark.slow
OPTIONS = "--env toy/slots --env-options.difficulty nano --env-options.slots 1 --env-options.values 2"
USUAL = f"eval {OPTIONS} --episodes 3 --rollout.max-new-tokens 12 --rollout.temperature 0"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def served(slots_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of `slots_folder`."""
    port = free_port()
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(slots_folder), "--device", "cpu"]
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


def test_a_served_model_words_the_user(slots_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So small a model writes no JSON: its replies are failures of the user, and never scores."""
    name = tmp_path / "user.yaml"
    name.write_text(yaml.safe_dump({"model": str(slots_folder), "attempts": 1, "max_reply_tokens": 12}))
    out = tmp_path / "e"
    code = main(f"{USUAL} --model {slots_folder} --user llm:{name} --out {out}".split())
    found = episodes(out)
    asked = [one for one in found if any(turn.feedback_kind == "user" for turn in one.turns) or one.failure]
    for one in asked:
        assert one.failure is None or one.failure.where == "step"
    assert code in (0, 1)
    assert len(found) == 3
    if asked:
        assert f"{slots_folder} " in capsys.readouterr().out  # what the user's model was asked is counted


def test_a_model_that_is_not_served_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings: dict[str, Any] = {"model": "no-such-model", "attempts": 1}
    name = tmp_path / "model.yaml"
    name.write_text(yaml.safe_dump(settings))
    assert main(f"{USUAL} --model openai:{name}".split()) == 1
    said = capsys.readouterr().err
    assert "no-such-model" in said
    assert "pinned to" in said
