"""Runs one untrusted program and writes its answers: the only file of the project that executes text as code.

It is started in a process of its own, inside whatever a provider built around it. Limits: this file isolates nothing.
It sets resource limits, then shares its interpreter with the program, which may do anything to it. What the program can
gain by that are other answers to its own calls; what the answers should be never comes here.

Protocol. Standard input holds one request, a Python literal, read when the limits hold. The answers leave by what was
standard output at the start, moved to another descriptor: a line that says that the program's text is about to run,
then one line of JSON with a result for every call. Both carry the request's nonce. Whoever reads them believes neither.

Imports are few on purpose: a module such as `json`, `typing` or `signal` takes longer than most programs run.
"""

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn

LONGEST_ERROR = 200  # characters
DEEPEST = 50  # lists and objects inside each other
ONLY_AST = 0x400  # `ast.PyCF_ONLY_AST`
FILE_BYTES = 1 << 20
OPEN_FILES = 64


class Guard:
    """Holds whatever the program raised, `SystemExit` and `KeyboardInterrupt` included: a result, not our error."""

    error: "str | None" = None

    def __enter__(self) -> "Guard":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", trace: "TracebackType | None"
    ) -> bool:
        if error is not None:
            self.error = kind.__name__ if kind is not None else "error"
            with Guard():  # the text of an exception is the program's code too
                self.error = f"{self.error}: {error}"[:LONGEST_ERROR]
        return True


class NotJson(Exception):
    """A value that has no JSON form."""


def main(memory: str, seconds: str, processes: str) -> "NoReturn":
    """From the command line: bytes of memory, seconds of CPU, processes."""
    run(seal_streams(), int(memory), int(seconds), int(processes))


def seal_streams() -> int:
    """Move the way out to a descriptor of its own and close all others but the request's. Returns the way out."""
    answers = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.closerange(3, answers)
    os.closerange(answers + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return answers


def run(
    answers: int, memory: int, seconds: int, processes: int, harden: "Callable[[], None] | None" = None
) -> "NoReturn":
    """Take the limits, run the program, write the results, leave without any clean-up of the program's making."""
    set_limits(memory, seconds, processes)
    if harden is not None:
        harden()
    os.environ.clear()
    sys.dont_write_bytecode = True
    with open(0, encoding="ascii") as stream:
        request = eval(stream.read(), {"__builtins__": {}})
    os.open(os.devnull, os.O_RDONLY)  # becomes 0, now that the request is closed
    nonce = request["nonce"]
    write(answers, '{"ready": ' + text(nonce) + "}")
    error, results = evaluate(request)
    write(answers, f'{{"nonce": {text(nonce)}, "error": {text(error)}, "results": [{", ".join(results)}]}}')
    os._exit(0)


def set_limits(memory: int, seconds: int, processes: int) -> None:
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


def evaluate(request: "dict[str, Any]") -> "tuple[str | None, list[str]]":
    """What broke before the first call, or a result for every call as JSON text."""
    scope: dict[Any, Any] = {"__name__": "program", "__builtins__": __builtins__}
    with Guard() as guard:
        source = request["source"]
        name = request["function"] or last_function(source)
        exec(compile(source, "<program>", "exec", dont_inherit=True), scope)
    if guard.error is not None:
        return guard.error, []
    if not callable(scope.get(name)):
        return f"the program defines no function called {name}" if name else "the program defines no function", []
    left = request["output_bytes"]
    results = []
    for call in request["calls"]:
        with Guard() as guard:
            if "random" in sys.modules:
                sys.modules["random"].seed(0)  # the same answer every time, whatever was called before
            value = text(scope[name](*eval(call, {"__builtins__": {}})))
            if len(value) > left:
                raise NotJson(f"the answers are longer than {request['output_bytes']} bytes")
            left -= len(value)
        results.append('{"value": ' + value + "}" if guard.error is None else '{"error": ' + text(guard.error) + "}")
    return None, results


def last_function(source: str) -> "str | None":
    module: Any = compile(source, "<program>", "exec", ONLY_AST, dont_inherit=True)
    names = [node.name for node in module.body if type(node).__name__ == "FunctionDef"]
    return names[-1] if names else None


def text(value: "Any", depth: int = 0) -> str:
    """JSON text; tuples become lists. By exact type: a subclass could answer anything to anyone."""
    kind = type(value)
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is int:
        return str(value)
    if kind is float:
        if value != value or value in (float("inf"), -float("inf")):
            raise NotJson(f"{value} is no JSON number")
        return repr(value)
    if kind is str:
        return quoted(value)
    if depth == DEEPEST:
        raise NotJson(f"nested deeper than {DEEPEST}")
    if kind is list or kind is tuple:
        return "[" + ", ".join([text(one, depth + 1) for one in value]) + "]"
    if kind is dict:
        if not all(type(key) is str for key in value):
            raise NotJson("an object whose keys are not all text")
        return "{" + ", ".join([f"{quoted(key)}: {text(one, depth + 1)}" for key, one in value.items()]) + "}"
    raise NotJson(f"{kind.__name__} has no JSON form")


def quoted(value: str) -> str:
    """A JSON string of ASCII letters alone. Raises `UnicodeEncodeError` for half a surrogate pair."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    units = value.encode("utf-16-be")
    pairs = [(units[at] << 8) | units[at + 1] for at in range(0, len(units), 2)]
    plain = [chr(unit) if 32 <= unit < 127 and unit not in (34, 92) else f"\\u{unit:04x}" for unit in pairs]
    return '"' + "".join(plain) + '"'


def write(answers: int, line: str) -> None:
    left = line.encode("ascii") + b"\n"
    while left:
        left = left[os.write(answers, left) :]
