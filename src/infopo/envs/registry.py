"""Names to environments. Importing this module imports no environment; a name loads its own module."""

import dataclasses
import importlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from infopo.core import UnknownNameError, UserError, boundary, derive_random
from infopo.envs.base import Env, Expert
from infopo.envs.mixtures import member_options, read_mixture
from infopo.users import ChatModel

Split = Literal["train", "test"]
ExpertKind = Literal["weak", "full"]


class NoExpertError(UserError):
    """This environment has no scripted policy."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """An environment to look for leaks in. `secrets`: fact id to texts that must not show before it is revealed.

    Texts that nothing but the hidden goal can have put there: planted ones, or the very words of a hint. An id that is
    not among the hidden facts (a reference answer, say) must never show.
    """

    env: Env
    secrets: Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnvSpec:
    """What an environment module registers under the name `SPEC`.

    `options` is a frozen dataclass type: its fields are the keyword options of `make_env`, checked by its own
    `__post_init__` (raise `UserError`). `build(task, split, seed, user, options)` makes a single-use environment;
    `expert(kind, seed, options)` makes the scripted policy that the warm start learns from. `canary(seed, options)`
    makes an environment whose hidden goal can be recognised, for `infopo check env`; None: leaks are not looked for.
    `from_upstream(record, settings, chat)` plays one task record of the published environment by its rules, where
    there is one. `floors(tasks, split, options)`: mean scores of policies that do nothing useful, by name, where they
    are high enough that no result should be read without them.
    """

    env_id: str
    summary: str
    options: type
    num_tasks: Callable[[Split, Any], int]
    build: Callable[[int, Split, int, str | None, Any], Env]
    expert: Callable[[ExpertKind, int, Any], Expert]
    canary: Callable[[int, Any], Canary] | None = None
    from_upstream: Callable[[Any, Mapping[str, Any], ChatModel], Env] | None = None
    floors: Callable[[Sequence[int], Split, Any], Mapping[str, float]] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One environment of a mixture: its weight, the options that are meant for it, how many tasks a split holds."""

    env_id: str
    weight: int
    options: dict[str, Any]
    tasks: int


_MODULES = {  # module, or module:NAME where its spec is not called SPEC
    "colbench/code": "infopo.envs.colbench",
    "grid/frozenlake": "infopo.envs.grid.frozenlake",
    "grid/sokoban": "infopo.envs.grid.sokoban",
    "search/qa": "infopo.envs.search.qa",
    "tau2/airline": "infopo.envs.tau2:AIRLINE",
    "tau2/retail": "infopo.envs.tau2:RETAIL",
    "tau2/telecom": "infopo.envs.tau2:TELECOM",
    "tau2/telecom-workflow": "infopo.envs.tau2:TELECOM_WORKFLOW",
    "toy/slots": "infopo.envs.toy.slots",
    "usergym/function": "infopo.envs.usergym.function",
    "usergym/intention": "infopo.envs.usergym.intention",
    "usergym/persuade": "infopo.envs.usergym.persuade",
    "usergym/search": "infopo.envs.usergym.search",
    "usergym/tau": "infopo.envs.usergym.tau",
    "usergym/telepathy": "infopo.envs.usergym.telepathy",
    "usergym/travel": "infopo.envs.usergym.travel",
    "usergym/turtle": "infopo.envs.usergym.turtle",
    "webshop/small": "infopo.envs.webshop",
}


def list_envs() -> tuple[str, ...]:
    """Every registered id, sorted."""
    return tuple(sorted(_MODULES))


def get_spec(env_id: str) -> EnvSpec:
    """The spec behind an id: a registered name, or `module:NAME` for a spec of one's own.

    Raises `UnknownNameError` with the nearest name, `UserError` where the module or the spec in it is not found.
    """
    if ":" in env_id and read_mixture(env_id) is None:
        return _foreign_spec(env_id)
    if env_id not in _MODULES:
        if read_mixture(env_id):
            raise UserError(f"{env_id} is a mixture of environments; name one of them")
        raise UnknownNameError("environment", env_id, list(_MODULES))
    module, _, name = _MODULES[env_id].partition(":")
    spec = getattr(importlib.import_module(module), name or "SPEC")
    assert isinstance(spec, EnvSpec)
    return spec


def _foreign_spec(env_id: str) -> EnvSpec:
    name, _, attribute = env_id.partition(":")
    module = None
    with boundary("import") as caught:
        module = importlib.import_module(name)
    error = caught.error
    if isinstance(error, ModuleNotFoundError) and error.name in (name, name.partition(".")[0]):
        raise UserError(f"environment {env_id!r}: no module {name}; run from the folder that holds it") from error
    if error is not None:
        said = f"{type(error).__name__}: {error}"
        raise UserError(f"environment {env_id!r}: {name} cannot be imported, {_place(error)}: {said}") from error
    spec = getattr(module, attribute, None)
    if not isinstance(spec, EnvSpec):
        raise UserError(f"environment {env_id!r}: {name} has no EnvSpec called {attribute!r}")
    return spec


def _place(error: Exception) -> str:
    """File and line where importing stopped: of the text that is no Python, or of the code that raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frame = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith("<frozen")][-1]
    return f"{frame.filename}, line {frame.lineno}"


def resolve_options(env_id: str, options: dict[str, Any]) -> Any:
    """Check option names and types against the environment's dataclass; returns an instance of it."""
    spec = get_spec(env_id)
    known = {field.name: field for field in dataclasses.fields(spec.options)}
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {env_id}", name, list(known))
    try:
        return spec.options(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"options of {env_id}: {error}") from error


def members(env_id: str, split: Split = "train", **options: Any) -> tuple[Member, ...]:
    """The environments of a mixture, in order; a single environment is a mixture of itself.

    Raises `UserError` for a member that is not there or has no tasks, for options that no member has or one refuses.
    """
    weights = read_mixture(env_id)
    given = [options]
    if weights is not None:
        given = member_options(env_id, option_names(env_id), options)
    found = []
    for (name, weight), own in zip((weights or {env_id: 1}).items(), given, strict=True):
        tasks = get_spec(name).num_tasks(_check_split(split), resolve_options(name, own))
        if not tasks:
            raise UserError(f"{name} has no tasks in split {split!r}")
        found.append(Member(env_id=name, weight=weight, options=own, tasks=tasks))
    return tuple(found)


def option_names(env_id: str) -> dict[str, tuple[str, ...]]:
    """The names of the options that each environment of a mixture has; a single one is a mixture of itself."""
    names = {}
    for name in read_mixture(env_id) or (env_id,):
        try:
            names[name] = tuple(field.name for field in dataclasses.fields(get_spec(name).options))
        except UserError as error:
            raise error if name == env_id else UserError(f"mixture {env_id}: {error}") from error
    return names


def num_tasks(env_id: str, split: Split = "train", **options: Any) -> int:
    """How many distinct tasks a split holds; of a mixture: those of all its members."""
    return sum(member.tasks for member in members(env_id, split, **options))


def make_env(
    env_id: str,
    *,
    task: int | None = None,
    split: Split = "train",
    seed: int = 0,
    user: str | None = None,
    **options: Any,
) -> Env:
    """A fresh, single-use environment.

    `task` is an index below `num_tasks`; None draws one from `seed`. `seed` drives the environment's own
    generator (option order, user moods), never which task an explicit index names. `user` names who answers
    (`scripted` by default). Of a mixture: indices run through the members, one after the other; None draws a member by
    weight, and a task of it.
    """
    found = members(env_id, split, **options)
    count = sum(member.tasks for member in found)
    if task is not None and not 0 <= task < count:
        raise UserError(f"{env_id} has tasks 0 to {count - 1} in split {split!r}, got task {task}")
    if task is None:
        drawn = derive_random(seed, "member", env_id, split).choices(found, [member.weight for member in found])[0]
        task = derive_random(seed, "task", drawn.env_id, split).randrange(drawn.tasks)
    else:
        starts = [sum(member.tasks for member in found[:place]) for place in range(len(found))]
        place = max(place for place, start in enumerate(starts) if start <= task)
        drawn, task = found[place], task - starts[place]
    spec = get_spec(drawn.env_id)
    return spec.build(task, split, seed, user, resolve_options(drawn.env_id, drawn.options))


def make_expert(env_id: str, kind: ExpertKind, *, seed: int = 0, **options: Any) -> Expert:
    """The scripted policy of an environment: `weak` for the warm start, `full` to prove solvability."""
    return get_spec(env_id).expert(kind, seed, resolve_options(env_id, options))


def _check_split(split: str) -> Split:
    if split not in ("train", "test"):
        raise UserError(f"split must be 'train' or 'test', got {split!r}")
    return split  # type: ignore[return-value]
