"""Samples from a transformers model in this process; keys and values are kept between the turns of an episode."""

from collections.abc import Sequence

import torch

from infopo.samplers.base import Generated, Request
from infopo.tokens.language_model import LanguageModel, logits_of, scoring
from infopo.tokens.slot_cache import SlotCache

PREFILL_TOKENS = 8192  # padded tokens of one prompt forward
FEWEST_ROWS = 4  # of a forward: products of fewer rows round otherwise than those of training


class HFSampler:
    """Opens sessions on a policy's weights. Sampling temperature is `policy.temperature`; `greedy` takes the argmax."""

    def __init__(self, policy: LanguageModel, *, greedy: bool = False) -> None:
        self.policy = policy
        self.renderer = policy.renderer
        self.max_length = policy.max_length
        self.greedy = greedy

    def open(self, slots: int) -> "HFSession":
        """A session for `slots` episodes, valid while the weights stay as they are."""
        return HFSession(self.policy, slots, greedy=self.greedy)


class HFSession:
    """The cache of one batch of episodes, and the ids behind it."""

    def __init__(self, policy: LanguageModel, slots: int, *, greedy: bool) -> None:
        self.policy = policy
        self.greedy = greedy
        self._cache = policy.new_cache(slots)
        self._stored: list[list[int]] = [[] for _ in range(slots)]

    @property
    def cache(self) -> SlotCache:
        """Keys and values of every slot."""
        return self._cache

    def stored(self, slot: int) -> tuple[int, ...]:
        """The ids whose keys and values the slot holds."""
        return tuple(self._stored[slot])

    async def generate(self, requests: Sequence[Request]) -> list[Generated]:
        """One action for every request. The batch is the requests in their order, so results depend on nothing else.

        Raises `ValueError` when a history does not extend what its slot holds, or two requests name one slot.
        """
        if len({request.slot for request in requests}) < len(requests):
            raise ValueError(f"one request a slot, got slots {[request.slot for request in requests]}")
        if not requests:
            return []
        with scoring(self.policy):
            return self._generate(requests)

    def _generate(self, requests: Sequence[Request]) -> list[Generated]:
        device = self.policy.device
        rows = torch.tensor([request.slot for request in requests], device=device)
        part = self.cache.take(rows)
        logits = self._prefill(requests, part)
        sampled: list[list[int]] = [[] for _ in requests]
        logprobs: list[list[float | None]] = [[] for _ in requests]
        lengths = [len(self._stored[request.slot]) for request in requests]
        live = list(range(len(requests)))
        while True:
            tokens, values = self._draw(logits, [requests[row] for row in live])
            for row, token, value in zip(live, tokens, values, strict=True):
                sampled[row].append(token)
                logprobs[row].append(value)
            live = [
                row
                for row in live
                if sampled[row][-1] not in self.policy.renderer.stop_ids
                and len(sampled[row]) < requests[row].max_new_tokens
            ]
            if not live:
                break
            hidden = self._read(part, live, [sampled[row][-1:] for row in live], [lengths[row] for row in live])
            logits = self._logits(hidden[:, 0])
            for row in live:
                self._stored[requests[row].slot].append(sampled[row][-1])
                lengths[row] += 1
        self.cache.put(part, rows)
        return [
            Generated(
                token_ids=tuple(ids),
                logprobs=tuple(values),
                stop="end" if ids[-1] in self.policy.renderer.stop_ids else "length",
            )
            for ids, values in zip(sampled, logprobs, strict=True)
        ]

    def _prefill(self, requests: Sequence[Request], part: SlotCache) -> torch.Tensor:
        """Read what is new in every history; logits `[B, V]` after its last token."""
        fresh: list[Sequence[int]] = []
        for request in requests:
            held = self._stored[request.slot]
            if list(request.token_ids[: len(held)]) != held or len(request.token_ids) <= len(held):
                raise ValueError(f"slot {request.slot}: the history does not extend what was read before")
            fresh.append(request.token_ids[len(held) :])
        order = sorted(range(len(requests)), key=lambda row: (-len(fresh[row]), row))
        last: dict[int, torch.Tensor] = {}
        while order:
            width = len(fresh[order[0]])
            chunk = order[: max(1, PREFILL_TOKENS // width)]
            order = order[len(chunk) :]
            starts = [len(self._stored[requests[row].slot]) for row in chunk]
            ids = [list(fresh[row]) + [0] * (width - len(fresh[row])) for row in chunk]
            hidden = self._read(part, chunk, ids, starts)
            for index, row in enumerate(chunk):
                last[row] = hidden[index, len(fresh[row]) - 1]
        for row, request in enumerate(requests):
            self._stored[request.slot].extend(fresh[row])
        return self._logits(torch.stack([last[row] for row in range(len(requests))]))

    def _read(
        self, part: SlotCache, rows: Sequence[int], ids: Sequence[Sequence[int]], starts: Sequence[int]
    ) -> torch.Tensor:
        """Hidden states `[B, Q, H]` of ids `[B, Q]` that follow `starts` columns of these rows of the cache."""
        device = self.policy.device
        index, tokens, first = (_at_least(torch.tensor(x, device=device)) for x in (rows, ids, starts))
        columns = first[:, None] + torch.arange(tokens.shape[1], device=device)
        part.aim(index, columns)
        visible = torch.arange(part.limit, device=device)[None, None] <= columns[:, :, None]
        return self.policy.hidden(tokens, columns, visible, cache=part)[: len(rows)]

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return logits_of(self.policy.model, _at_least(hidden), self.policy.temperature)[: len(hidden)]

    def _draw(self, logits: torch.Tensor, requests: Sequence[Request]) -> tuple[list[int], list[float]]:
        """One token per row of logits at the policy's temperature, by inversion of the cumulative distribution, from
        one random number each."""
        logprobs = torch.log_softmax(logits, dim=-1)
        if self.greedy:
            chosen = logprobs.argmax(-1)
        else:
            draws = [request.generator.random() for request in requests]
            # float64: with 150k tokens a float32 sum would lose the rare ones.
            cumulative = logprobs.double().exp().cumsum(-1)
            target = torch.tensor(draws, dtype=torch.float64, device=logits.device)[:, None] * cumulative[:, -1:]
            chosen = torch.searchsorted(cumulative, target, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
        values = logprobs.gather(-1, chosen[:, None])[:, 0]
        return chosen.tolist(), values.tolist()


def _at_least(rows: torch.Tensor) -> torch.Tensor:
    """Rows `[B, ...]`, the first one repeated until there are `FEWEST_ROWS`."""
    return torch.cat([rows, *[rows[:1]] * (FEWEST_ROWS - len(rows))])
