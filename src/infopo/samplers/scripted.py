"""A scripted policy behind the sampler's face: experts for the warm start, fakes for tests."""

from collections.abc import Callable, Sequence

from infopo.core import Message
from infopo.samplers.base import Generated, Request
from infopo.tokens import Renderer

Script = Callable[[int, tuple[Message, ...]], str]  # slot and history -> the next action's text


class ScriptedSampler:
    """Writes what `script` says, as the ids that a policy of this tokenizer would have sampled."""

    def __init__(self, renderer: Renderer, script: Script, *, max_length: int = 1 << 30) -> None:
        self.renderer = renderer
        self.script = script
        self.max_length = max_length

    def open(self, slots: int) -> "ScriptedSession":
        """A session; a script has nothing to keep."""
        return ScriptedSession(self)


class ScriptedSession:
    """Has no cache and no log-probabilities."""

    cache = None

    def __init__(self, sampler: ScriptedSampler) -> None:
        self.sampler = sampler

    def stored(self, slot: int) -> tuple[int, ...]:
        """Nothing is stored."""
        return ()

    async def generate(self, requests: Sequence[Request]) -> list[Generated]:
        """One scripted action per request."""
        out = []
        for request in requests:
            action = self.sampler.script(request.slot, tuple(request.messages))
            ids = self.sampler.renderer.encode_action(action)[: request.max_new_tokens]
            ended = ids[-1] in self.sampler.renderer.stop_ids
            out.append(Generated(token_ids=ids, logprobs=(None,) * len(ids), stop="end" if ended else "length"))
        return out
