"""Tasks of the published gyms in place of own ones: `--env-options.data FILE`, with `rows` for the published split.

The records are played by the published rules, whatever `mode`; where the published user is a language model, one must
be named (`--user llm:NAME`), and where that model fails, or says nothing of use, the episode is a failure, not a score.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from infopo.core import Message, UserError, derive_seed
from infopo.envs.base import Env, Expert
from infopo.envs.episode import Episode
from infopo.envs.registry import EnvSpec, ExpertKind, NoExpertError, Split
from infopo.envs.usergym.options import RecordOptions
from infopo.envs.usergym.parquet import read_rows
from infopo.envs.usergym.upstream import LiveChat
from infopo.users import ChatError, ChatModel
from infopo.users.base import Check
from infopo.users.names import parse_user

TEST_SHARE = 5  # one record in five is kept for the test split, where no rows say otherwise

Load = Callable[[Path], list[dict[str, Any]]]


def with_records(spec: EnvSpec, load: Load, *, key: str = "id", asks: bool = True) -> EnvSpec:
    """The spec, able to play published records. `key`: the field that rows name; `asks`: whether a model is asked."""

    def num_tasks(split: Split, options: RecordOptions) -> int:
        return spec.num_tasks(split, options) if options.data is None else len(_chosen(split, options))

    def build(task: int, split: Split, seed: int, user: str | None, options: RecordOptions) -> Env:
        if options.data is None:
            return spec.build(task, split, seed, user, options)
        assert spec.from_upstream is not None
        chat = _chat(spec.env_id, user) if asks else _Nobody(spec.env_id, user)
        env = spec.from_upstream(_chosen(split, options)[task], {"max_steps": options.max_turns}, chat)
        if isinstance(env, Episode) and options.reward == "outcome":
            env.pays = False
        return env

    def expert(kind: ExpertKind, seed: int, options: RecordOptions) -> Expert:
        if options.data is None:
            return spec.expert(kind, seed, options)
        raise NoExpertError(f"published records of {spec.env_id} have no scripted expert; leave data out for own tasks")

    def _chosen(split: Split, options: RecordOptions) -> tuple[dict[str, Any], ...]:
        return _records(load, key, spec.env_id, str(options.data), options.rows, split)

    return replace(spec, num_tasks=num_tasks, build=build, expert=expert)


@functools.lru_cache(maxsize=32)
def _records(load: Load, key: str, env_id: str, data: str, rows: str | None, split: Split) -> tuple[Any, ...]:
    """The records of a split: those that the rows name, in their order, or those whose key falls to it."""
    records: dict[str, dict[str, Any]] = {}
    for number, record in enumerate(load(Path(data))):
        name = str(record[key]).lower()
        if name in records:
            raise UserError(f"{data}, record {number}: field {key!r} is {record[key]!r}, as in a record before it")
        records[name] = record
    if rows is None:
        held_out = {name for name in records if derive_seed("published", name) % TEST_SHARE == 0}
        return tuple(record for name, record in records.items() if (name in held_out) == (split == "test"))
    if not Path(rows).is_dir():
        raise UserError(f"option rows of {env_id} must be a folder with train.parquet or test.parquet, got {rows}")
    path = Path(rows) / f"{split}.parquet"
    if not path.is_file():
        return ()
    wanted = [row.key for row in read_rows(path) if row.env_id == env_id]
    missing = [name for name in wanted if name.lower() not in records]
    if missing:
        raise UserError(f"{path} names {missing[0]!r}, which is no {key!r} in {data} ({len(missing)} such rows)")
    return tuple(records[name.lower()] for name in wanted)


def _chat(env_id: str, user: str | None) -> ChatModel:
    name = parse_user(user)
    if name.kind != "llm" or name.argument is None:
        raise UserError(f"published records of {env_id} are played by a language model: name one, --user llm:NAME")
    from infopo.users.llm import open_chat

    return LiveChat(open_chat(name.argument))


class _Nobody:
    """Where no model is asked, none may be named."""

    def __init__(self, env_id: str, user: str | None) -> None:
        if user not in (None, "scripted"):
            raise UserError(f"published records of {env_id} ask no user; leave {user!r} out")

    async def complete(
        self, messages: tuple[Message, ...], *, schema: Mapping[str, Any] | None = None, check: Check | None = None
    ) -> str:
        """Never called; `ChatError` if it is."""
        raise ChatError("no language model was named")
