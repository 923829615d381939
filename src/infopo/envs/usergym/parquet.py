"""Parquet rows of the published user gyms: read as they are, written in the same schema, made of own tasks.

A row names a task and holds the first prompt for it; the task itself (hidden wishes, criteria, rules) is in the gym's
own data file, see `records`. A file may hold one gym or several; a field that a gym does not have is then null.
"""

import asyncio
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import Message, UserError, atomic_write_bytes
from infopo.envs.base import Env
from infopo.envs.registry import Split, make_env, members
from infopo.envs.usergym.upstream import field_of

TOOL = "interact_with_env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gym:
    """How the published rows call a gym, and what they hold besides `ground_truth`; the last field is the key."""

    data_source: str
    env_name: str
    fields: tuple[str, ...] = ("id",)


GYMS: dict[str, Gym] = {
    "usergym/travel": Gym(data_source="interact_travelgym", env_name="TravelGym"),
    "usergym/turtle": Gym(
        data_source="interact_turtlegym", env_name="TurtleGym", fields=("surface", "bottom", "title")
    ),
    "usergym/persuade": Gym(
        data_source="interact_persuade", env_name="PersuadeGym", fields=("claim", "argument", "id")
    ),
    "usergym/function": Gym(data_source="interact_function", env_name="FunctionGym"),
    "usergym/tau": Gym(data_source="interact_taugym", env_name="TauGym"),
    "usergym/intention": Gym(
        data_source="interact_intention", env_name="IntentionGym", fields=("task", "category", "id")
    ),
    "usergym/telepathy": Gym(
        data_source="interact_telepathygym", env_name="TelepathyGym", fields=("category", "title")
    ),
    "usergym/search": Gym(data_source="interact_searchgym", env_name="SearchGym"),
}
_BY_SOURCE = {gym.data_source: env_id for env_id, gym in GYMS.items()}

Fields = dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. `reward` and `create` are what the trainer and the tool are told of the task, `env_name` left out."""

    env_id: str
    split: str
    index: int
    prompt: tuple[Message, ...]
    reward: Fields
    create: Fields

    @property
    def key(self) -> str:
        """What the gym finds its task by."""
        return str(self.create[GYMS[self.env_id].fields[-1]])


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a parquet file. `UserError` names the file, the row and the field that is not as published."""
    import pyarrow
    import pyarrow.parquet

    try:
        data = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: cannot be read as parquet ({str(error).splitlines()[0]})") from error
    return [_read(row, f"{path}, row {number}") for number, row in enumerate(data)]


def _read(row: Any, where: str) -> Row:
    source = field_of(row, "data_source", str, where)
    if source not in _BY_SOURCE:
        raise UserError(f"{where}: field 'data_source' is {source!r}; known: {', '.join(_BY_SOURCE)}")
    env_id = _BY_SOURCE[source]
    gym = GYMS[env_id]
    extra = field_of(row, "extra_info", dict, where)
    tools = field_of(extra, "tools_kwargs", dict, f"{where}, extra_info")
    tool = field_of(tools, TOOL, dict, f"{where}, tools_kwargs")
    create = dict(field_of(tool, "create_kwargs", dict, f"{where}, {TOOL}"))
    reward = dict(field_of(row, "reward_model", dict, where))
    told = (row.get("ability"), reward.pop("style", None), extra.get("need_tools_kwargs"))
    names = (create.pop("env_name", None), reward.pop("env_name", None))
    if told != ("interaction", "rule", True) or names != (gym.env_name, gym.env_name):
        raise UserError(f"{where}: ability, style, need_tools_kwargs or env_name is not that of {gym.env_name}")
    field_of(create, gym.fields[-1], str, f"{where}, create_kwargs")
    prompt = []
    for message in field_of(row, "prompt", list, where):
        role: Any = field_of(message, "role", str, f"{where}, prompt")
        prompt.append(Message(role=role, content=field_of(message, "content", str, f"{where}, prompt")))
    return Row(
        env_id=env_id,
        split=field_of(extra, "split", str, f"{where}, extra_info"),
        index=field_of(extra, "index", int, f"{where}, extra_info"),
        prompt=tuple(prompt),
        reward=reward,
        create=create,
    )


def write_rows(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Write rows, of one gym or several, in the published schema; the file is there whole or not at all."""
    import pyarrow
    import pyarrow.parquet
    from datasets import Features, Value

    def filled(part: Fields, names: Sequence[str], **more: str) -> Fields:
        return {name: part.get(name) for name in names} | more

    rewards = sorted({name for row in rows for name in row.reward})
    creates = sorted({name for row in rows for name in row.create})
    data = [
        {
            "data_source": gym.data_source,
            "prompt": [{"content": message.content, "role": message.role} for message in row.prompt],
            "ability": "interaction",
            "reward_model": filled(row.reward, rewards, env_name=gym.env_name, style="rule"),
            "extra_info": {
                "index": row.index,
                "need_tools_kwargs": True,
                "split": row.split,
                "tools_kwargs": {TOOL: {"create_kwargs": filled(row.create, creates, env_name=gym.env_name)}},
            },
        }
        for row in rows
        for gym in (GYMS[row.env_id],)
    ]
    if not data:
        raise UserError(f"{path}: no rows to write")

    def feature(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: feature(part) for name, part in sorted(value.items())}
        kinds = {bool: "bool", int: "int64"}
        return Value(kinds.get(type(value), "string"))

    features = Features(
        {name: [feature(value[0])] if isinstance(value, list) else feature(value) for name, value in data[0].items()}
    )
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(data, schema=features.arrow_schema), buffer)
    atomic_write_bytes(Path(path), buffer.getvalue())


def own_rows(env_id: str, split: Split, count: int, **options: Any) -> list[Row]:
    """Rows of the first `count` own tasks, of each member where `env_id` is a mixture, for trainers that read them."""
    rows: list[Row] = []
    for member in members(env_id, split, **options):
        if member.env_id not in GYMS:
            raise UserError(f"{member.env_id} is no published gym; known: {', '.join(GYMS)}")
        if count > member.tasks:
            raise UserError(f"{member.env_id} has {member.tasks} tasks in split {split!r}, not {count}")
        for task in range(count):
            env = make_env(member.env_id, task=task, split=split, **member.options)
            rows.append(_own_row(member.env_id, env, split, len(rows)))
    return rows


def _own_row(env_id: str, env: Env, split: Split, index: int) -> Row:
    prompt = asyncio.run(_opening(env))
    reference = env.reference_answer() or ""
    asked = prompt[-1].content
    values = {
        **dict.fromkeys(("id", "title"), env.task_id),
        **dict.fromkeys(("surface", "task", "claim"), asked),
        **dict.fromkeys(("bottom", "argument"), reference),
        "category": env_id.rpartition("/")[2],
    }
    create: Fields = {name: values[name] for name in GYMS[env_id].fields}
    reward: Fields = {"ground_truth": reference, **create}
    return Row(env_id=env_id, split=split, index=index, prompt=prompt, reward=reward, create=create)


async def _opening(env: Env) -> tuple[Message, ...]:
    opening = await env.start()
    await env.close()
    return opening.messages
