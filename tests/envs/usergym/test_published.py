"""Published rows and records: read as they are, written in the same schema, played."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from datasets import Features

from infopo.core import Message, UserError
from infopo.envs import make_env, num_tasks
from infopo.envs.check import check_env
from infopo.envs.usergym.parquet import GYMS, own_rows, read_rows, write_rows
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.chat_server import ChatServer

Find = Callable[[str], Path]
COUNTS = {
    ("usergym/travel", "travel{}_multiturn_onechoice"): (2651, 471),
    ("usergym/tau", "tau_multiturn"): (500, 165),
    ("usergym/turtle", "turtle_multiturn"): (423, 48),
    ("usergym/persuade", "persuasion_multiturn"): (378, 42),
    ("usergym/function", "function_multiturn"): (460, 78),
    ("usergym/intention", "intention_multiturn"): (380, 40),
    ("usergym/telepathy", "telepathy_multiturn"): (360, 41),
    ("usergym/search", "bamboogle_multiturn"): (0, 125),
}
TIERS = "22 33 44 2222 233 333 334 444".split()
MERGED = {
    "alltrain_multiturn/train": "travel 925 tau 500 turtle 423 persuade 378 function 200",
    "alltest_multiturn/test": "travel 232 tau 82 turtle 48 persuade 42 function 50 intention 40 telepathy 41 search 62",
}
DATA = {
    "usergym/function": ("FunctionGym/functions.json", "function_multiturn"),
    "usergym/intention": ("IntentionGym/all_intentions_test.json", "intention_multiturn"),
    "usergym/persuade": ("PersuadeGym/statements_reconstructed_from_parquet.json", "persuasion_multiturn"),
    "usergym/telepathy": ("TelepathyGym/all_entities_refined.json", "telepathy_multiturn"),
    "usergym/turtle": ("TurtleGym/all_stories_refined.json", "turtle_multiturn"),
}
RECORDS = [
    {"id": f"f-{number}", "rule": "a + b * c - d", "test_case": [1, 2, 3, number], "expected_result": 7.0 - number}
    for number in range(40)
]


@pytest.fixture
def records(tmp_path: Path) -> str:
    """A file of records in the published form."""
    path = tmp_path / "functions.json"
    path.write_text(json.dumps(RECORDS))
    return str(path)


@pytest.mark.parametrize(("env_id", "folder"), COUNTS)
def test_the_published_rows_load_and_their_counts_agree(env_id: str, folder: str, upstream_file: Find) -> None:
    found = {"train": 0, "test": 0}
    for name in [folder.format(tier) for tier in TIERS] if "{}" in folder else [folder]:
        for split in found:
            if (env_id, split) != ("usergym/search", "train"):
                rows = read_rows(upstream_file(f"parquet/{name}/{split}.parquet"))
                assert {(row.env_id, row.split) for row in rows} == {(env_id, split)}
                assert [message.role for row in rows for message in row.prompt] == ["system", "user"] * len(rows)
                assert len({row.key for row in rows}) == len(rows)
                found[split] += len(rows)
    assert (found["train"], found["test"]) == COUNTS[env_id, folder]


@pytest.mark.parametrize("name", MERGED)
def test_the_merged_rows_load_and_their_counts_agree(name: str, upstream_file: Find) -> None:
    words = MERGED[name].split()
    wanted = {f"usergym/{gym}": int(count) for gym, count in zip(words[::2], words[1::2], strict=True)}
    assert Counter(row.env_id for row in read_rows(upstream_file(f"parquet/{name}.parquet"))) == wanted


@pytest.mark.parametrize(
    "name",
    [*MERGED, "bamboogle_multiturn/test", "travel_multiturn_onechoice/train"]
    + [f"{folder}/test" for _, folder in COUNTS if "{}" not in folder],
)
def test_written_again_the_rows_and_the_schema_are_the_same(name: str, upstream_file: Find, tmp_path: Path) -> None:
    published = upstream_file(f"parquet/{name}.parquet")
    write_rows(tmp_path / "again.parquet", read_rows(published))
    before, after = (pyarrow.parquet.read_table(path) for path in (published, tmp_path / "again.parquet"))
    assert after.schema.equals(before.schema)
    assert Features.from_arrow_schema(after.schema) == Features.from_arrow_schema(before.schema)
    assert after.to_pylist() == before.to_pylist()


@pytest.mark.parametrize("env_id", [env_id for env_id in GYMS if env_id != "usergym/tau"])
def test_own_tasks_are_written_in_the_published_schema_of_their_gym(
    env_id: str, upstream_file: Find, tmp_path: Path
) -> None:
    folders = {env_id: folder.format("22") for env_id, folder in COUNTS}
    rows = own_rows(env_id, "test", 3)
    write_rows(tmp_path / "own.parquet", rows)
    assert read_rows(tmp_path / "own.parquet") == rows
    assert [message.role for message in rows[0].prompt] == ["system", "user"]
    published = pyarrow.parquet.read_schema(upstream_file(f"parquet/{folders[env_id]}/test.parquet"))
    assert pyarrow.parquet.read_schema(tmp_path / "own.parquet").equals(published)


def test_rows_of_a_mixture_hold_nulls_for_what_a_gym_does_not_have(tmp_path: Path) -> None:
    write_rows(tmp_path / "own.parquet", own_rows("usergym/turtle,usergym/persuade", "train", 2))
    rows = read_rows(tmp_path / "own.parquet")
    assert [row.env_id for row in rows] == ["usergym/turtle"] * 2 + ["usergym/persuade"] * 2
    assert rows[0].create["claim"] is None
    assert rows[2].create["surface"] is None
    assert [row.index for row in rows] == [0, 1, 2, 3]
    with pytest.raises(UserError, match="toy/slots is no published gym"):
        own_rows("toy/slots", "train", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data_source": "interact_chess"}, "row 1: field 'data_source' is 'interact_chess'"),
        ({"ability": "math"}, "row 1: ability, style, need_tools_kwargs or env_name"),
        ({"prompt": None}, "row 1: field 'prompt' must be of type list"),
        ({"extra_info": None}, "row 1: field 'extra_info' must be of type dict"),
    ],
)
def test_a_row_that_is_not_as_published_is_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, own_rows("usergym/function", "train", 2))
    table = pyarrow.parquet.read_table(path)
    first, second = table.to_pylist()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([first, second | change], schema=table.schema), path)
    with pytest.raises(UserError, match=said):
        read_rows(path)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_text("no")
    for name in ("no.parquet", "absent.parquet"):
        with pytest.raises(UserError, match=f"{name}: cannot be read as parquet"):
            read_rows(tmp_path / name)


@pytest.mark.parametrize("env_id", DATA)
def test_the_published_split_is_that_of_the_rows(env_id: str, upstream_file: Find) -> None:
    data, folder = DATA[env_id]
    rows = upstream_file(f"parquet/{folder}/test.parquet")
    options = {"data": str(upstream_file(data)), "rows": str(rows.parent)}
    wanted = read_rows(rows)
    user = None if env_id == "usergym/function" else "llm:fake"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "none")
        env = make_env(env_id, task=7, split="test", user=user, **options)
    assert num_tasks(env_id, "test", **options) == len(wanted)
    if "id" in wanted[7].create:
        assert env.task_id == wanted[7].key


def test_records_without_rows_are_split_by_their_name(records: str) -> None:
    split = {name: num_tasks("usergym/function", name, data=records) for name in ("train", "test")}
    assert sum(split.values()) == len(RECORDS)
    assert split["train"] > split["test"] > 0
    ids = {
        make_env("usergym/function", task=task, split=name, data=records).task_id
        for name, count in split.items()
        for task in range(count)
    }
    assert ids == {record["id"] for record in RECORDS}


def test_records_are_played_by_the_published_rules_and_paid_as_asked(records: str, play: Callable[..., Any]) -> None:
    for reward, paid in (("outcome", [None, None]), ("upstream", [0.0, 1.0])):
        env = make_env("usergym/function", task=0, data=records, reward=reward)
        dialogue = play(env, ["[answer] 999", f"[answer] {env.reference_answer()}"])
        assert [step.reward for step in dialogue.steps] == paid
        assert dialogue.outcome.success


@pytest.mark.parametrize(
    ("env_id", "options", "user", "said"),
    [
        ("usergym/function", {"rows": "x"}, None, "rows of usergym/function needs option data"),
        ("usergym/function", {"data": "{}", "difficulty": "nano"}, None, "published records know no difficulty"),
        ("usergym/function", {"data": "absent.json"}, None, "absent.json: cannot be read"),
        ("usergym/function", {"data": "{}", "rows": "absent"}, None, "must be a folder with train.parquet"),
        ("usergym/function", {"data": "{}"}, "llm:x", "ask no user"),
        ("usergym/search", {"data": "{}"}, None, "unknown option of usergym/search 'data'"),
        ("usergym/travel", {"data": "{}"}, None, "unknown option of usergym/travel 'data'"),
    ],
)
def test_what_cannot_be_played_is_refused(
    env_id: str, options: dict[str, Any], user: str | None, said: str, records: str
) -> None:
    with pytest.raises(UserError, match=said):
        make_env(env_id, task=0, user=user, **{name: value.format(records) for name, value in options.items()})


def test_a_model_must_be_named_where_the_published_user_is_one(tmp_path: Path) -> None:
    record = {"id": "e", "title": "Lamp", "description": "a thing", "target_entity": "Lamp - it glows", "goal": "-"}
    path = tmp_path / "entities.json"
    path.write_text(json.dumps([record | {"title": f"Lamp {number}"} for number in range(9)]))
    with pytest.raises(UserError, match="played by a language model: name one, --user llm:NAME"):
        make_env("usergym/telepathy", task=0, data=str(path))
    path = tmp_path / "twice.json"
    path.write_text(json.dumps([record, record | {"title": "LAMP"}]))
    with pytest.raises(UserError, match=r"record 1: field 'title' is 'LAMP', as in a record before it"):
        make_env("usergym/telepathy", task=0, data=str(path))


def test_a_row_without_its_record_is_named(records: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "train.parquet", own_rows("usergym/function", "train", 2))
    with pytest.raises(UserError, match=r"names '.*', which is no 'id' in .*\(2 such rows\)"):
        make_env("usergym/function", data=records, rows=str(tmp_path))
    with pytest.raises(UserError, match="usergym/function has no tasks in split 'test'"):
        make_env("usergym/function", data=records, rows=str(tmp_path), split="test")


@pytest.mark.parametrize(("fault", "failed"), [(None, False), ("error", True)])
def test_a_model_that_fails_is_a_failure_and_no_score(
    fault: Any, failed: bool, tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"id": "e", "title": "Lamp", "description": "a thing", "target_entity": "Lamp - it glows", "goal": "-"}
    (tmp_path / "entities.json").write_text(json.dumps([record | {"title": f"Lamp {k}"} for k in range(9)]))
    monkeypatch.setenv("FAKE_KEY", "none")
    monkeypatch.chdir(tmp_path)
    reply = '{"thought": "-", "response": "No", "judgment": "Yes", "feedback": "right"}'
    with ChatServer(lambda body: reply, faults={} if fault is None else {fault: 1.0}) as server:
        settings = f"model: fake\nbase_url: {server.url}\nkey_variable: FAKE_KEY\nattempts: 2\nfirst_wait_seconds: 0\n"
        (tmp_path / "chat.yaml").write_text(settings)
        options = {"data": str(tmp_path / "entities.json"), "max_turns": 4}
        task = TaskSpec(env_id="usergym/telepathy", task=0, user="llm:chat.yaml", options=options)
        turns = iter(["[action] Is it alive?", "[answer] lamp"])
        sampler = ScriptedSampler(load_policy(str(model_folder)).renderer, lambda slot, messages: next(turns))
        config = RolloutConfig(max_new_tokens=64)
        (group,) = asyncio.run(play_groups(sampler, [task], group_size=1, config=config)).groups
    (episode,) = group.trajectories
    assert (episode.failure is not None) == failed
    if failed:
        assert episode.failure is not None
        assert episode.failure.kind == "ChatError"
        assert "ChatServerError" in episode.failure.detail
        assert episode.outcome is None
    else:
        assert episode.outcome is not None
        assert episode.outcome.success
        assert Message(role="user", content="No") in episode.messages


STORY = {"new_title": "T", "new_surface": "s", "new_bottom": "b", "judgment": "Yes", "goal": "-", "sentence": "-"}
CRITERIA = {"evaluation": [{"statement": "one", "score": 0.5}, {"statement": "two", "score": 0.5}]}
DETAIL = {"description": "d", "importance": "3", "inquiry": "i", "options": ["a"]}
TALKS: dict[str, tuple[Any, list[str], dict[str, Any]]] = {  # records, actions, what a model has to say in both roles
    "usergym/telepathy": (
        [
            {"id": "e", "title": f"Lamp {k}", "description": "a thing", "target_entity": "Lamp - it glows", "goal": "-"}
            for k in range(9)
        ],
        ["[action] Is it alive?", "[answer] lamp"],
        {"response": "No", "judgment": "Yes", "feedback": "right"},
    ),
    "usergym/turtle": (
        {str(k): STORY | CRITERIA | {"new_title": f"T{k}"} for k in range(9)},
        ["[action] Was it a boat?", "[answer] it was"],
        {"response": "No", "scores": [{"score": 1}, {"score": 1}], "feedback": "right"},
    ),
    "usergym/persuade": (
        [{"id": f"p{k}", "claim": "c", "argument": "a"} for k in range(9)],
        ["[action] Why?", "[answer] because"],
        {"response": "I see.", "stance": "Strongly Disagree"},
    ),
    "usergym/intention": (
        [{"id": f"i{k}", "category": "c", "task": "t", "vague": True, "missing_details": [DETAIL]} for k in range(9)],
        ["[action] Which one?", "[finish]"],
        {"response": "This one.", "is_task_related": True, "covered_detail_indices": [0]},
    ),
}


SAID = ["json", "literal", "nothing of use", "another object", "broken", "at first nothing of use"]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("env_id", TALKS)
def test_a_reply_that_cannot_be_read_is_a_failure_and_no_score(
    env_id: str, said: str, tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published gyms talk over it and count it against the agent: here it is asked for again, then a failure; and
    no cache keeps it."""
    records, actions, fields = TALKS[env_id]
    (tmp_path / "records.json").write_text(json.dumps(records))
    monkeypatch.setenv("FAKE_KEY", "none")
    monkeypatch.chdir(tmp_path)
    good = json.dumps(fields | {"sure": True, "more": None})  # JSON that is no Python literal
    replies = {"json": good, "literal": repr(fields), "nothing of use": "Well, who knows?", "another object": "{}"}
    replies["broken"] = good.removesuffix("}")
    asked: Counter[str] = Counter()

    def reply(body: dict[str, Any]) -> str:
        asked[body["messages"][-1]["content"]] += 1
        first = asked[body["messages"][-1]["content"]] == 1
        return replies.get(said) or (replies["another object"] if first else good)

    with ChatServer(reply) as server:
        settings = f"model: fake\nbase_url: {server.url}\nkey_variable: FAKE_KEY\nattempts: 2\nfirst_wait_seconds: 0\n"
        (tmp_path / "chat.yaml").write_text(f"{settings}cache: {tmp_path / 'cache'}\n")
        task = TaskSpec(
            env_id=env_id,
            task=0,
            user="llm:chat.yaml",
            options={"data": str(tmp_path / "records.json"), "max_turns": 2},
        )
        turns = iter(actions)
        sampler = ScriptedSampler(load_policy(str(model_folder)).renderer, lambda slot, messages: next(turns))
        config = RolloutConfig(max_new_tokens=64)
        (group,) = asyncio.run(play_groups(sampler, [task], group_size=1, config=config)).groups
    (episode,) = group.trajectories
    kept = [path.read_text() for path in (tmp_path / "cache").rglob("*.json")]
    if said in ("nothing of use", "another object", "broken"):
        assert episode.failure is not None
        assert (episode.failure.kind, episode.failure.where) == ("ChatUnreadable", "step")
        assert episode.outcome is None
        assert kept == []
        assert max(asked.values()) == 2
    else:
        assert episode.failure is None
        assert episode.outcome is not None
        assert episode.outcome.score == 1.0
        assert kept
        assert all("covered" in text or "response" in text for text in kept)


@pytest.mark.parametrize(
    ("verdict", "usable"),
    [
        ({"is_task_related": True, "covered_detail_indices": [0]}, True),
        ({"is_task_related": False}, True),
        ({"is_task_related": True, "covered_detail_indices": []}, True),
        ({"covered_detail_indices": ["0"]}, True),
        ({"covered_detail_indices": ["0: d"]}, False),
        ({"covered_detail_indices": [1]}, False),
        ({"covered_detail_indices": [0.0]}, False),
        ({"is_task_related": None, "covered_detail_indices": [0]}, False),
        ({"is_task_related": "false", "covered_detail_indices": [0]}, False),
        ({"is_task_related": True}, False),
    ],
)
def test_a_verdict_on_details_that_there_are_not_is_none(verdict: dict[str, Any], usable: bool, play: Any) -> None:
    from infopo.envs.usergym.intention import from_upstream
    from infopo.envs.usergym.upstream import LiveChat
    from infopo.users import ChatError, RecordedChat

    record = {"id": "i", "category": "c", "task": "t", "vague": True, "missing_details": [DETAIL]}
    chat = RecordedChat(['{"response": "This one."}', json.dumps(verdict)])
    env = from_upstream(record, {}, LiveChat(chat))
    if usable:
        assert play(env, ["[action] Which one?"]).replies
    else:
        with pytest.raises(ChatError, match="fields that were asked for"):
            play(env, ["[action] Which one?"])


def test_a_check_of_records_says_that_there_is_no_expert(records: str) -> None:
    findings = {finding.name: finding for finding in check_env("usergym/function", data=records)}
    assert findings["solvable"].problems is None
