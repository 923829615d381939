"""Runs one untrusted program and writes its answers: the only file of the project that executes text as code.

It is started in a process of its own, inside whatever a provider built around it. Limits: this file isolates nothing. It
sets resource limits, then shares its interpreter with the program, which may do anything to it. What the program can
gain by that are other answers to its own calls; what the answers should be never comes here.

Protocol. Standard input holds one JSON request. The answers leave by what was standard output at the start, moved to
another descriptor: a line that says the limits hold and the program's text is about to run, then one line with a result
for every call. Both carry the request's nonce. Whoever is at the other end believes neither.
"""

import json
import os
import random
import resource
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

LONGEST_ERROR = 200  # characters
DEEPEST = 50  # lists and objects inside each other
ONLY_AST = 0x400  # `ast.PyCF_ONLY_AST`; importing `ast` takes longer than most programs run
FILE_BYTES = 1 << 20
OPEN_FILES = 64


class Guard:
    """Holds whatever the program raised, `SystemExit` and `KeyboardInterrupt` included: it is a result, not our error."""

    error: str | None = None

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is not None:
            self.error = kind.__name__ if kind is not None else "error"
            with Guard():  # the text of an exception is the program's code too
                self.error = f"{self.error}: {error}"[:LONGEST_ERROR]
        return True


class NotJson(Exception):
    """A value that has no JSON form."""


def main() -> NoReturn:
    request = read_request()
    run(request, seal_streams())


def read_request() -> dict[str, Any]:
    with open(0, encoding="utf-8", closefd=False) as stream:
        request: dict[str, Any] = json.load(stream)
    return request


def seal_streams() -> int:
    """Move the way out to a descriptor of its own, and point the three standard ones at nothing. Returns the way out."""
    answers = os.dup(os.dup(os.dup(1)))  # away from 0, 1 and 2, should one of them have been closed
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, answers)
    os.closerange(answers + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return answers


def run(request: dict[str, Any], answers: int, harden: Callable[[], None] = lambda: None) -> NoReturn:
    """Take the limits, run the program, write the results, leave without any clean-up of the program's making."""
    set_limits(request["limits"])
    harden()
    os.environ.clear()
    sys.dont_write_bytecode = True
    random.seed(0)  # the same answers every time, also of a program that draws
    write(answers, {"ready": request["nonce"]})
    error, results = evaluate(request)
    write(answers, {"nonce": request["nonce"], "error": error, "results": results})
    os._exit(0)


def set_limits(limits: dict[str, Any]) -> None:
    memory, seconds, processes = limits["memory_bytes"], limits["cpu_seconds"], limits["processes"]
    wanted = {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_CPU: (seconds, seconds + 1),  # a signal that can be ignored, then one that cannot
        resource.RLIMIT_FSIZE: (FILE_BYTES, FILE_BYTES),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        # one more for the first process of the sandbox, which the kernel counts too
        resource.RLIMIT_NPROC: (processes + 1, processes + 1) if processes > 1 else (0, 0),
    }
    for kind, (soft, hard) in wanted.items():
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))


def evaluate(request: dict[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
    """What broke before the first call, or a result for every call."""
    scope: dict[str, Any] = {"__name__": "program", "__builtins__": __builtins__}
    with Guard() as guard:
        text = request["source"]
        name = request["function"] or last_function(text)
        exec(compile(text, "<program>", "exec", dont_inherit=True), scope)
    if guard.error is not None:
        return guard.error, []
    if not callable(scope.get(name)):
        return f"the program defines no function called {name}" if name else "the program defines no function", []
    left = request["limits"]["output_bytes"]
    results = []
    for call in request["calls"]:
        results.append(answer(scope, name, json.loads(call), left))
        left -= len(results[-1].get("value", ""))
    return None, results


def last_function(text: str) -> str | None:
    module: Any = compile(text, "<program>", "exec", ONLY_AST, dont_inherit=True)
    names = [node.name for node in module.body if type(node).__name__ == "FunctionDef"]
    return names[-1] if names else None


def answer(scope: dict[str, Any], name: str, arguments: list[Any], room: int) -> dict[str, Any]:
    """The value as JSON text, or the error: never both."""
    with Guard() as guard:
        value = json.dumps(plain(scope[name](*arguments)), allow_nan=False)
        if len(value) > room:
            raise NotJson(f"the answers are longer than {room} bytes")
        return {"value": value}
    return {"error": guard.error}


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON data; tuples become lists. By exact type: a subclass could answer anything to anyone."""
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float or kind is str:
        return value
    if depth == DEEPEST:
        raise NotJson(f"nested deeper than {DEEPEST}")
    if kind is list or kind is tuple:
        return [plain(one, depth + 1) for one in value]
    if kind is dict:
        if not all(type(key) is str for key in value):
            raise NotJson("an object whose keys are not all text")
        return {key: plain(one, depth + 1) for key, one in value.items()}
    raise NotJson(f"{kind.__name__} has no JSON form")


def write(answers: int, data: dict[str, Any]) -> None:
    left = json.dumps(data).encode() + b"\n"
    while left:
        left = left[os.write(answers, left) :]
