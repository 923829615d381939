"""`infopo play` at a real pseudo-terminal: what a person sees, types and leaves behind."""

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infopo.cli.main import main
from infopo.core import read_records, trajectory_from_record

ROOT = Path(__file__).parents[2]
ONE_SLOT = ("--env", "toy/slots", "--env-options.slots", "1", "--env-options.values", "2")
TWO_SLOTS = ("--env", "toy/slots", "--env-options.slots", "2", "--env-options.values", "2")
NANO = ("--env-options.difficulty", "nano")


class Screen:
    """The other end of a pseudo-terminal."""

    def __init__(self, *arguments: object) -> None:
        self.handle, inner = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infopo", "play", *map(str, arguments)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        )
        os.close(inner)
        self.text = ""
        self._read_until = 0

    def wait_for(self, pattern: str, seconds: float = 200.0) -> str:
        """Read until the pattern appears behind what was found before; what it matched."""
        end = time.monotonic() + seconds
        while not (found := re.compile(pattern).search(self.text, self._read_until)):
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.text}"
            if select.select([self.handle], [], [], 1.0)[0]:
                try:
                    self.text += os.read(self.handle, 65536).decode(errors="replace")
                except OSError as error:  # the process has ended
                    raise AssertionError(f"no {pattern!r} in:\n{self.text}") from error
        self._read_until = found.end()
        return found.group()

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def finish(self) -> int:
        """Read to the end; the exit code."""
        while True:
            try:
                part = os.read(self.handle, 65536)
            except OSError:
                part = b""
            if not part:
                return self.process.wait(60)
            self.text += part.decode(errors="replace")


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.process.kill()
        screen.process.wait()
        os.close(screen.handle)


def records(out: Path) -> list[dict[str, Any]]:
    return list(read_records(out / "trajectories.jsonl", tolerate_tail=False))


def test_a_person_acts_and_sees_what_each_reply_was_worth(
    slots_folder: Path, tmp_path: Path, screens: list[Screen]
) -> None:
    out = tmp_path / "run"
    screen = Screen("--model", slots_folder, *TWO_SLOTS, *NANO, "--as", "agent", "--out", out)
    screens.append(screen)
    first, second = re.search(r"guess (\w+) (\w+) :", screen.wait_for(r"guess \w+ \w+ :")).groups()  # type: ignore[union-attr]
    values = []
    for slot in (first, second):
        screen.wait_for("You act: ")
        screen.type(f"[action] {slot} ?\n")
        values.append(screen.wait_for(r"user> it is \w+").split()[-1])
    screen.wait_for("You act: ")
    screen.type(f"[answer] {first} {values[0]} {second} {values[1]}\n")
    screen.wait_for("The end")
    assert screen.finish() == 0
    assert len(re.findall(r"gain of the reply before: [+-]\d", screen.text)) == 2
    (record,) = records(out)
    played = trajectory_from_record(record)
    assert played.outcome is not None
    assert [turn["gain"] is None for turn in record["turns"]] == [False, False, True]
    assert yaml.safe_load((out / "config.yaml").read_text())["role"] == "agent"


def test_a_person_answers_sees_the_gain_and_leaves_by_the_end_of_the_input(
    slots_folder: Path, tmp_path: Path, screens: list[Screen]
) -> None:
    out = tmp_path / "run"
    # The policy asks in some of the tasks.
    screen = Screen("--model", slots_folder, *ONE_SLOT, *NANO, "--split", "train", "--episodes", 10, "--out", out)
    screens.append(screen)
    screen.wait_for("You are the user. You have in mind")
    screen.wait_for("You: ")
    screen.type("it is red\n")
    screen.wait_for("gain of the reply before: [+-][0-9]")
    screen.wait_for("You: ")
    screen.type("\x04")
    assert screen.finish() == 0
    assert "Traceback" not in screen.text
    assert "Fatal" not in screen.text
    rows = records(out)
    assert any(message["content"] == "it is red" for row in rows for message in row["messages"])
    assert any(turn["gain"] is not None for row in rows for turn in row["turns"])
    assert [row["failure"] is None for row in rows] == [True] * (len(rows) - 1) + [False]
    assert rows[-1]["failure"]["kind"] == "HumanLeft"
    assert rows[-1]["turns"], "what was played is kept"
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["n"], summary["failed"]) == (len(rows) - 1, 1)


def test_ctrl_c_keeps_what_was_played(slots_folder: Path, tmp_path: Path, screens: list[Screen]) -> None:
    out = tmp_path / "run"
    screen = Screen("--model", slots_folder, *TWO_SLOTS, *NANO, "--as", "agent", "--out", out)
    screens.append(screen)
    slot = screen.wait_for(r"guess \w+").split()[-1]
    screen.wait_for("You act: ")
    screen.type(f"[action] \x16\x1b[31m {slot} ?\n")  # ctrl-V: the escape character itself
    screen.wait_for("You act: ")
    screen.type("\x03")
    assert screen.finish() == 130
    assert "Traceback" not in screen.text
    assert "Fatal" not in screen.text
    (record,) = records(out)
    assert len(record["turns"]) == 1
    assert (record["success"], record["failure"]["kind"]) == (None, "HumanLeft")


def test_mistakes_are_told_before_anything_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    cases = {
        ("--user", "scripted"): "--as agent",
        ("--as", "agent", "--user", "human"): "one terminal",
        ("--task", "100000000"): "has tasks 0 to",
        ("--gain.counterfactual", "swap"): "the one episode that is played",
        ("--gain.counterfactual", "resample"): "take message, fill or drop",
        ("--out", str(tmp_path / "full")): "is not empty",
        ("--env", "toy/slots:1,usergym/travel:1"): "mixture",
        ("--model", str(tmp_path / "none")): "does not exist",
    }
    for arguments, told in cases.items():
        out = [] if "--out" in arguments else ["--out", str(tmp_path / "run")]
        assert main(["play", "--env", "toy/slots", *out, *arguments]) == 2
        assert told in capsys.readouterr().err
