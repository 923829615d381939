"""Flags: typed, with a suggestion for what is misspelt; free-form options are read as YAML."""

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import tyro
from rich.console import Console

from infopo.cli.arguments import parse, take_options
from infopo.cli.progress import Quarters, TrainProgress
from infopo.cli.trackers import check_trackers
from infopo.core import UserError
from infopo.training.config import TrainConfig

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    out: str | None = None


def read(*arguments: str) -> Flags:
    return parse(Flags, arguments, command="train", default=Flags(config=TrainConfig(steps=9)), hidden_prefix="config")


def test_flags_are_typed_and_defaults_stay() -> None:
    flags = read("--rollout.temperature", "0.7", "--learning-rate=1e-6", "--trackers", "wandb", "--out", "x")
    assert flags.config.rollout.temperature == 0.7
    assert flags.config.learning_rate == 1e-6
    assert flags.config.trackers == ("wandb",)
    assert (flags.config.steps, flags.out) == (9, "x")
    assert flags.config.preset == "matched"
    assert read("--preset", "as-published").config.preset == "as-published"
    assert read() == Flags(config=TrainConfig(steps=9))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stps", "3"], "unknown option --stps; did you mean --steps"),
        (["--rollout.temprature", "1"], "did you mean --rollout.temperature"),
        (["--temperature", "1"], "did you mean --rollout.temperature"),
        (["--clip-low=0.1"], "did you mean --loss.clip-low"),
        (["--config.steps", "3"], "did you mean --steps"),
        (["--wholly-different-thing"], "see infopo train --help"),
        (["--steps", "abc"], "--steps.*abc"),
        (["--preset", "published"], "published.*--preset.*as-published"),
        (["--filter", "dynamc"], "dynamc.*--filter.*dynamic"),
        (["--filter-keep", "2"], "filter_keep is out of range"),
        (["--critic.passes", "0"], "critic.passes is out of range"),
        (["--loss.aggregation", "mean"], "mean.*--loss.aggregation.*token-mean"),
        (["--value-clip=0.1"], "did you mean --loss.value-clip"),
        (["--steps"], "--steps"),
        (["--gain.reduction", "men"], "men.*--gain.reduction.*mean"),
        (["--steps", "3", "4"], "unexpected argument '4'"),
        (["--loss.clip-low", "3"], "clip_low"),
        (["--group-size", "1"], "group_size is out of range"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(arguments: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)
    assert not set(str(caught.value)) & set("╭╮╰╯│─")


def test_options_of_the_environment_are_taken_out() -> None:
    arguments = "--env-options.tier 33 --steps 3 --env_options.options-per-aspect=8 --env-options.reveal none".split()
    rest, taken = take_options(arguments, ["env_options", "algo_options"])
    assert rest == ["--steps", "3"]
    assert taken == {"env_options": {"tier": 33, "options_per_aspect": 8, "reveal": "none"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("0.5", 0.5), ("true", True), ("null", None), ("[1, 2]", [1, 2]), ("-1", -1), ("a=b", "a=b")],
)
def test_values_are_read_as_yaml(text: str, value: Any) -> None:
    assert take_options([f"--algo-options.x={text}"], ["algo_options"])[1] == {"algo_options": {"x": value}}


@pytest.mark.parametrize("arguments", [["--env-options.tier"], ["--env-options.tier", "--steps"]])
def test_an_option_without_a_value_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UserError, match=r"--env-options\.tier needs a value"):
        take_options(arguments, ["env_options"])


def test_an_absent_tracker_is_refused_with_the_command_that_installs_it() -> None:
    with pytest.raises(UserError, match="did you mean 'wandb'"):
        check_trackers(["wandbb"])
    check_trackers([])


METRICS = {"train/success": 0.5, "turns/mean": 4.25, "info/turn_gain_mean": 0.1234}


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with TrainProgress(10, console=Console(file=stream, force_terminal=False)) as progress:
        progress.on_step(1, METRICS, {"seconds/total": 2.0})
        progress.on_step(2, METRICS | {"info/gate_mean": 0.0}, {"seconds/total": 4.0})
    assert stream.getvalue().splitlines() == [
        "step  1/10  success 50%  turns 4.2  questions -  gain +0.123  gate -  left 18 s",
        "step  2/10  success 50%  turns 4.2  questions -  gain +0.123  gate 0.00  left 24 s",
    ]


def test_progress_on_a_terminal_shows_the_same_figures() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with TrainProgress(10, done=3, console=console) as progress:
        progress.on_step(4, METRICS, {"seconds/total": 1.0})
        progress.say("a word [in between]")
    text = stream.getvalue()
    assert "success 50%" in text
    assert "4/10" in text
    assert "a word [in between]" in text


def test_a_narrow_terminal_shows_the_count_and_every_figure() -> None:
    stream = io.StringIO()
    with TrainProgress(1000, console=Console(file=stream, force_terminal=True, width=80)) as progress:
        progress.on_step(417, METRICS, {"seconds/total": 1.0})
    text = " ".join(stream.getvalue().split())  # the figures may take two lines
    assert "…" not in text
    assert " 417/1000" in text
    assert all(figure in text for figure in ("success 50%", "turns 4.2", "gain +0.123", "left"))


def test_work_goes_on_where_the_reader_of_its_output_has_left() -> None:
    code = """
import sys
from infopo.cli.progress import TrainProgress, say
if sys.argv[1] == "say":
    say("first")
with TrainProgress(2) as progress:
    for step in (1, 2):
        progress.on_step(step, {}, {})
say("done")
print("went on", file=sys.stderr)
"""
    for first in ("say", "step"):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-c", code, first]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=100)
        os.close(writer)
        said = "infopo: nobody reads the output any more; the work goes on without it\nwent on\n"
        assert (done.returncode, done.stderr) == (0, said)


def test_long_work_says_how_far_it_is() -> None:
    said: list[str] = []
    tell = Quarters(said.append, "warm start")
    for step in range(101):
        tell("drills", step / 100)
    assert said == [f"warm start: drills {share} %" for share in (0, 25, 50, 75, 100)]
