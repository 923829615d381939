"""What a report shows is what was recorded; whatever the texts say, it stays text, and the page stays small."""

import base64
import csv
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import RecordError, RecordWriter, UserError, encode_line
from infopo.report import curves, page, write_report
from infopo.report.episodes import DIALOGUE_TEXT, read_episodes
from infopo.report.text import csv_text, visible_text

MakeRun = Callable[..., Path]
PART = {"success": 0.25, "ci95": [0.1, 0.5], "ci95_method": "wilson", "n": 20, "failed": 2, "tasks": 22, "score": 0.5}


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def report(*runs: Path, out: Path | None = None, **options: Any) -> tuple[str, str, dict[str, list[list[str]]]]:
    """The page, the Markdown and the CSV files of a report."""
    folder = out or runs[0] / "report"
    text = write_report(runs, folder, **options).read_text()
    tables = {path.name: list(csv.reader(path.open(newline=""))) for path in (folder / "tables").iterdir()}
    return text, (folder / "report.md").read_text(), tables


def test_the_same_tables_on_the_page_in_markdown_and_in_csv(make_run: MakeRun) -> None:
    behaviour = {"useless_share": 0.125, "gain_by_turn": [{"turn": 1, "n": 3, "mean": 0.75}]}
    part = PART | {"behaviour": behaviour, "novel": {"figure": 7}, "questions": 0.0}
    text, markdown, tables = report(make_run("a", steps=2, summary={"before": part, "after": PART | {"success": 1.0}}))
    outcomes = [dict(zip(tables["outcomes.csv"][0], row, strict=True)) for row in tables["outcomes.csv"][1:]]
    assert [(row["episodes of"], row["success"], row["95 % from"]) for row in outcomes] == [
        ("before", "0.25", "0.1"),
        ("after", "1.0", "0.1"),
    ]
    assert outcomes[0]["kind of interval"] == "wilson"
    shown = Elements(text).text
    for name in ("25.0 %", "12.5 %", "novel.figure", "Information gain by turn, on test tasks", "steps done"):
        assert name in shown
        assert name in markdown
    behaviour_rows = [dict(zip(tables["behaviour.csv"][0], row, strict=True)) for row in tables["behaviour.csv"][1:]]
    assert behaviour_rows[0]["questions an episode"] == "0.0"
    assert "acted too early" not in behaviour_rows[0], "nobody measured it"
    assert tables["metrics.csv"][1][0:2] == ["a", "1"]
    for name, rows in tables.items():
        assert len({len(row) for row in rows}) == 1, name


def test_runs_stand_side_by_side(make_run: MakeRun, tmp_path: Path) -> None:
    one = make_run("x/run", steps=2, summary={"after": PART})
    other = make_run("y/run", steps=2, summary={"after": PART}, config="env: toy/slots\nalgo: grpo\nsteps: 2\n")
    text, _, tables = report(one, other, out=tmp_path / "out")
    assert {row[0] for row in tables["runs.csv"][1:]} == {"x/run", "y/run"}, "equal names are told apart"
    assert ["algo", "infopo", "grpo"] in tables["differences.csv"]
    assert ["loss.clip_low", "0.2", ""] in tables["differences.csv"]
    assert "env" not in [row[0] for row in tables["differences.csv"]]
    assert "x/run: 0.01 at step 1, 0.02 at 2; y/run: 0.01" in Elements(text).found.__repr__()


def test_comparisons_are_those_that_are_handed_in(make_run: MakeRun) -> None:
    asked = []

    def compare(first: Mapping[str, Any], second: Mapping[str, Any], measure: str) -> Mapping[str, Any]:
        asked.append((first["success"], second["success"], measure))
        if measure == "score":
            raise UserError("no scores here")
        return {"tasks": 20, "difference": -0.25, "ci95": [-0.5, 0.1], "method": "paired-t", "p_value": 0.04}

    run = make_run("a", summary={"before": PART, "after": PART | {"success": 0.0}})
    _, markdown, tables = report(run, compare=compare)
    assert asked == [(0.25, 0.0, "success"), (0.25, 0.0, "score")]
    rows = [dict(zip(tables["paired.csv"][0], row, strict=True)) for row in tables["paired.csv"][1:]]
    assert (rows[0]["difference"], rows[0]["kind of interval"], rows[0]["p-value"]) == ("-0.25", "paired-t", "0.04")
    assert (rows[1]["difference"], rows[1]["remark"]) == ("", "no scores here")
    assert "Compared task by task" in markdown


def test_runs_that_are_not_alike_are_compared_and_said_to_be_so(make_run: MakeRun) -> None:
    def compare(first: Mapping[str, Any], second: Mapping[str, Any], measure: str) -> Mapping[str, Any]:
        return {"tasks": 19, "left_out": 3, "difference": 0.5}

    config = (
        "env: toy/slots\nmodel: nano\nagent: plain\nuser: null\nseed: 0\nrollout: {max_turns: 4}\nenv_options: {}\n"
    )
    other = config.replace("null", "scripted:terse").replace("{}", "{difficulty: nano}").replace("4", "5")
    runs = [make_run(name, summary=PART, config=text) for name, text in [("a", config), ("b", config), ("c", other)]]
    _, _, tables = report(*runs, compare=compare)
    rows = [dict(zip(tables["paired.csv"][0], row, strict=True)) for row in tables["paired.csv"][1:]]
    assert [(row["second"], row["difference"], row["left out"]) for row in rows[::2]] == [
        ("b, evaluation", "0.5", "3"),
        ("c, evaluation", "0.5", "3"),
    ]
    assert [row["remark"] for row in rows[::2]] == [
        "",
        "not with the same settings: rollout.max_turns: 4 and 5; user: scripted and scripted:terse; "
        "env_options.difficulty: - and nano",
    ]


@pytest.mark.parametrize("finished", [True, False])
def test_every_user_of_an_evaluation_is_an_evaluation(finished: bool, make_run: MakeRun) -> None:
    users = {"scripted": PART, "scripted:terse": PART | {"success": 0.125}}
    config = "env: toy/slots\nmodel: nano\nuser: scripted, scripted:terse\n"
    run = make_run("a", summary={"users": users} if finished else None, config=config)
    (run / "trajectories.jsonl").unlink()
    (run / "metrics.jsonl").unlink()
    for name, part in users.items():
        make_run(f"a/users/{name.replace(':', '-')}", summary=part, config=f"user: {name}\n")
    compared = {"tasks": 22, "difference": -0.125}
    _, _, tables = report(run, compare=lambda first, second, measure: compared)
    names = [f"user {name}" for name in users]
    assert [(row[1], row[tables["outcomes.csv"][0].index("success")]) for row in tables["outcomes.csv"][1:]] == [
        (names[0], "0.25"),
        (names[1], "0.125"),
    ]
    assert {row[1] for row in tables["endings.csv"][1:]} == set(names)
    assert tables["paired.csv"][1][:3] == [f"a, {names[0]}", f"a, {names[1]}", "success"]


def test_evaluations_of_a_run_that_crashed_are_found(make_run: MakeRun) -> None:
    run = make_run("a")
    folder = make_run("a/evaluations/step_000000", summary=PART)
    (folder / "metrics.jsonl").unlink()
    with open(run / "trajectories.jsonl", "ab") as file:
        file.write(b'{"v": 1, "crc": 12, "da')
    text, _, tables = report(run)
    assert tables["outcomes.csv"][1][:2] == ["a", "after step 0"]
    assert "under way, or broken off" in text
    assert "8 recorded" not in text
    assert "16 of 16 recorded episodes" in text


def test_an_evaluation_is_no_training(make_run: MakeRun) -> None:
    records = [make_record_with([]) | {"step": 0, "task_id": f"{k}"} for k in range(3)]
    run = make_run("e", records=records, steps=0, summary=PART, config="env: toy/slots\nmodel: nano\nepisodes: 22\n")
    (run / "metrics.jsonl").unlink()
    text, markdown, tables = report(run)
    assert tables["runs.csv"][1][1] == "evaluation"
    assert tables["outcomes.csv"][1][:2] == ["e", "evaluation"]
    assert "curves.csv" not in tables
    assert "Training, in numbers" not in markdown
    assert "(highest score" in text
    assert "(first step" not in text, "an evaluation has one step"


def test_a_gain_that_is_missing_is_not_a_gain_of_zero(make_run: MakeRun) -> None:
    turns = [{"action_message": 1, "gain": None}, {"action_message": 3, "gain": None}]
    missing = make_record_with(turns)
    zero = make_record_with([{"action_message": 1, "gain": 0.0}, turns[1]])
    text, _, _ = report(make_run("a", records=[missing]))
    assert 'class="missing"' in text
    assert "gain not measured" in text
    assert "gain +0.00" not in text
    text, _, _ = report(make_run("b", records=[zero]))
    assert '<li class="level-0">' in text
    assert "gain +0.00" in text
    assert 'class="missing"' not in text


def make_record_with(turns: list[dict[str, Any]]) -> dict[str, Any]:
    messages = [{"role": role, "content": "text"} for role in ("user", "assistant", "user", "assistant")]
    fields = "run env task_id group_id stop_reason".split()
    return {
        **dict.fromkeys(fields, "done"),
        **{"step": 1, "episode": 0, "messages": messages, "turns": turns, "score": 1.0, "success": True},
        "failure": None,
    }


def test_nothing_private_is_shown(make_run: MakeRun) -> None:
    text, markdown, tables = report(make_run("a"))
    assert "SECRET" not in text + markdown + json.dumps(tables)
    assert "aisle 1 0" in text


@pytest.fixture(scope="module")
def hostile(hostile_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return report(hostile_run, out=tmp_path_factory.mktemp("report"))


def test_hostile_text_stays_text(hostile: Any) -> None:
    text, markdown, tables = hostile
    elements = Elements(text)
    allowed = "html head meta title style body header h1 nav ul li a main section h2 h3 div table caption thead tr th"
    allowed += " tbody td p svg line rect figure figcaption picture source img span strong details summary ol"
    assert {tag for tag, _ in elements.found} <= set(allowed.split())
    names = {name for _, attributes in elements.found for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    for tag, attributes in elements.found:
        for name in ("src", "srcset"):
            assert (attributes.get(name) or "data:image/svg+xml;base64,").startswith("data:image/svg+xml;base64,")
        assert tag != "a" or (attributes["href"] or "").startswith("#")
    assert "<script>document.title" in elements.text
    for shown in (text, markdown, json.dumps(tables, ensure_ascii=False)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", shown)
    assert "{{ 7 * 7 }}" in elements.text, "a template is text too"
    assert "<script" not in re.sub(r"\\<", "", markdown)


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile: Any) -> None:
    _, _, tables = hostile
    cells = [cell for rows in tables.values() for row in rows for cell in row]
    assert "'=1+1" in cells, "the name of the run"
    for cell in cells:
        assert not cell.startswith(("=", "+", "@", "\t", "\r"))
        assert not cell.startswith("-") or float(cell) < 0


def test_the_policy_of_the_page_allows_its_own_style_alone(make_run: MakeRun) -> None:
    text, _, _ = report(make_run("a"))
    (policy,) = [a["content"] for tag, a in Elements(text).found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "script" not in policy
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_page_is_bounded_whatever_the_run_holds(hostile: Any, hostile_run: Path) -> None:
    text, _, _ = hostile
    assert len(text.encode()) < 8_000_000
    found = read_episodes(hostile_run / "trajectories.jsonl")
    for dialogue in found.dialogues:
        assert sum(len(line.head) + len(line.tail) for line in dialogue.lines) <= DIALOGUE_TEXT
    assert found.dialogues[0].skipped == 204 - 30
    assert "174 messages left out" in text
    assert re.search(r"\d+ characters left out", text)


def test_the_sample_holds_what_one_looks_for(make_run: MakeRun) -> None:
    base = make_record_with([{"action_message": 1, "gain": 0.1}])
    failure = {"kind": "timeout", "where": "step", "detail": "late"}
    odd = [
        base | {"step": 1, "task_id": "early", "score": 0.5},
        base | {"step": 40, "task_id": "pays", "turns": [{"action_message": 1, "gain": 9.0}], "score": 0.5},
        base | {"step": 50, "task_id": "hurts", "turns": [{"action_message": 1, "gain": -9.0}], "score": 0.5},
        base | {"step": 51, "task_id": "best", "score": 1.0},
        base | {"step": 52, "task_id": "worst", "score": 0.0},
        base | {"step": 53, "task_id": "broke", "failure": failure, "score": None, "success": None},
        base | {"step": 54, "task_id": "long", "stop_reason": "turn_limit", "score": 0.5},
        base | {"step": 99, "task_id": "late", "score": 0.5},
    ]
    usual = [base | {"step": 2 + k // 40, "task_id": "usual", "score": 0.5} for k in range(1000)]
    run = make_run("a", records=sorted(odd + usual, key=lambda record: record["step"]))
    found = read_episodes(run / "trajectories.jsonl")
    assert found.n == 1008
    assert found.failures == {("timeout", "step"): 1}
    assert found.stops == {"done": 1006, "turn_limit": 1}
    first = {name: one.task_id for one in reversed(found.dialogues) for name in one.reasons}
    assert first == {
        "first step": "early",
        "last step": "late",
        "broke off": "broke",
        "highest score": "best",
        "lowest score": "worst",
        "largest gain": "pays",
        "smallest gain": "hurts",
        "stopped at a limit": "long",
    }
    text, _, _ = report(run)
    count = text.count('<ol class="dialogue">')
    assert f"{count} of 1008 recorded episodes" in text
    assert 8 < count <= page.DIALOGUES


def test_what_is_no_report_is_not_overwritten(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds something that is no report"):
        write_report([run], tmp_path / "mine")
    with pytest.raises(UserError, match="given twice"):
        write_report([run, run / ".." / "a"], tmp_path / "out")
    with pytest.raises(UserError, match="not a run folder"):
        write_report([run, tmp_path], tmp_path / "out")
    with pytest.raises(UserError, match=f"1 to {curves.MOST_RUNS} runs, got {curves.MOST_RUNS + 1}"):
        write_report([run] * (curves.MOST_RUNS + 1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_report_replaces_the_first(make_run: MakeRun, tmp_path: Path) -> None:
    one = make_run("a", summary={"before": PART})
    first, _, tables = report(one, out=tmp_path / "out")
    assert "outcomes.csv" in tables
    again, _, _ = report(one, out=tmp_path / "out")
    assert again == first, "the same run gives the same page"
    (one / "summary.json").unlink()
    _, _, tables = report(one, out=tmp_path / "out")
    assert "outcomes.csv" not in tables


def test_damage_is_named(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    lines = (run / "trajectories.jsonl").read_text().splitlines()
    (run / "trajectories.jsonl").write_text("\n".join([lines[0], lines[1][:-9], *lines[2:]]) + "\n")
    with pytest.raises(RecordError, match=r"trajectories\.jsonl, line 2"):
        write_report([run], tmp_path / "out")
    (run / "trajectories.jsonl").write_text(encode_line({"step": 1}) + "\n")
    with pytest.raises(RecordError, match=r"trajectories\.jsonl, line 1: not a trajectory record: KeyError"):
        write_report([run], tmp_path / "out")


def test_long_runs_keep_their_curves_small(make_run: MakeRun) -> None:
    run = make_run("a", steps=0)
    with RecordWriter(run / "metrics.jsonl") as writer:
        for step in range(1, 10_001):
            writer.append({"step": step, "run": "a", "train/success": (step * 7919 % 1000) / 1000})
    text, _, tables = report(run)
    assert len(tables["metrics.csv"]) == 10_001
    assert len(text) < 300_000


@given(st.text(alphabet=st.characters(codec=None) | st.sampled_from("=+-@\t\r\n \x00\x1b\u202e\ud800")))
def test_texts_for_files_can_be_written_and_are_no_formulas(text: str) -> None:
    for made in (visible_text(text), csv_text(text)):
        made.encode()
        assert visible_text(made) == made
    assert not csv_text(text).lstrip().startswith(("=", "+", "-", "@"))
    assert len(visible_text(text)) >= len(text.replace("\r\n", "\n"))


def luminance(color: str) -> float:
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("colors", "behind"), [(curves.LIGHT, "#ffffff"), (curves.DARK, "#14171a")])
def test_lines_can_be_seen_on_their_page(colors: tuple[str, ...], behind: str) -> None:
    for color in colors:
        low, high = sorted((luminance(color), luminance(behind)))
        assert (high + 0.05) / (low + 0.05) >= 3, color
