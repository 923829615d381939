"""A causal language model with its renderer: forwards on explicit positions, log-probs of chosen tokens only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from infopo.core import UserError
from infopo.tokens.renderer import Renderer
from infopo.tokens.slot_cache import SlotCache
from infopo.tokens.visibility import TreeMask, attention_mask

HEAD_LOGITS = 1 << 25  # logits that exist at one time where nothing is kept for a gradient: 128 MiB in float32
HEAD_CHUNK = 2048  # scored tokens whose logits are made at one time in the update


@dataclass(slots=True, eq=False, kw_only=True)
class LanguageModel:
    """The policy: weights, renderer, and the one temperature at which it samples and is scored.

    `version` counts optimiser steps; caches are stamped with it.
    """

    model: Any  # transformers.PreTrainedModel, or a PEFT model around one
    renderer: Renderer
    temperature: float = 1.0
    version: int = 0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return torch.device(next(self.model.parameters()).device)

    @property
    def config(self) -> Any:
        """The text model's configuration."""
        return self.model.config.get_text_config()

    @property
    def max_length(self) -> int:
        """Positions the model was made for."""
        return int(getattr(self.config, "max_position_embeddings", 1 << 30))

    def new_cache(self, slots: int) -> SlotCache:
        """An empty key-value cache, one slot an episode."""
        return SlotCache(self.config.num_hidden_layers, slots, temperature=self.temperature)

    def hidden(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        visible: torch.Tensor | TreeMask | None,
        *,
        key_positions: torch.Tensor | None = None,
        cache: SlotCache | None = None,
    ) -> torch.Tensor:
        """Final hidden states `[B, Q, H]` of tokens `[B, Q]` at `positions` `[B, Q]`.

        `visible` `[B, Q, K]` is true where a query may attend to a key, windows not yet applied; a `TreeMask` says it
        in two numbers a token; None is plain causal attention at positions 0, 1, 2, ... by the model's own means.
        `key_positions` `[B, K]` (default: 0..K-1) are the keys' positions, for sliding windows.
        """
        mask = None
        if visible is not None:
            if key_positions is None:
                keys = visible.shape[-1] if isinstance(visible, torch.Tensor) else input_ids.shape[1]
                key_positions = torch.arange(keys, device=input_ids.device)[None]
            mask = attention_mask(self.model, visible, positions, key_positions)
        states: torch.Tensor = decoder_of(self.model)(
            input_ids=input_ids,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return states

    def logprobs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log-probabilities `[N]` (float32 or finer) of `targets` `[N]` after hidden states `[N, H]`."""
        return token_logprobs(self.model, hidden, targets, self.temperature)


def decoder_of(model: Any) -> Any:
    """The transformer below the head, also under a PEFT wrapper."""
    return base_of(model).get_decoder()


def base_of(model: Any) -> Any:
    """The model under a PEFT wrapper, or the model."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def logits_of(model: Any, hidden: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Logits `[N, V]` of hidden states `[N, H]` at a temperature, soft cap included where the model has one; float32 or
    finer."""
    base = base_of(model)
    logits: torch.Tensor = base.get_output_embeddings()(hidden)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    cap = getattr(base.config.get_text_config(), "final_logit_softcapping", None)
    capped = logits if cap is None else cap * torch.tanh(logits / cap)
    return capped if temperature == 1.0 else capped / temperature  # a division by 1 is a pass over all logits


def head_chunks(model: Any, tokens: int, *, copies: int = 1) -> Iterator[slice]:
    """Parts of `tokens` hidden states whose logits, `copies` times, stay within `HEAD_LOGITS`."""
    size = max(1, HEAD_LOGITS // (model.config.get_text_config().vocab_size * copies))
    return (slice(start, start + size) for start in range(0, tokens, size))


def token_logprobs(model: Any, hidden: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log-probs `[N]` of `targets` `[N]`; the head runs on a chunk of them at a time, never on all."""
    parts = []
    for part in head_chunks(model, hidden.shape[0]):
        # Not chosen logit minus logsumexp: that loses digits where logits are large, and ratios are held to 1e-5.
        # No name for the logits: it would keep a chunk alive while the next one is made.
        parts.append(-cross_entropy(logits_of(model, hidden[part], temperature), targets[part], reduction="none"))
    return torch.cat(parts) if parts else hidden.new_zeros(0, dtype=torch.float32)


@contextmanager
def scoring(model: LanguageModel) -> Iterator[None]:
    """No gradients and evaluation mode inside; afterwards every module is in the mode it was in."""
    modes: list[tuple[Any, bool]] = [(module, module.training) for module in model.model.modules()]
    model.model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def check_head(model: Any) -> None:
    """Refuse, by name, a model whose logits are not decoder + head (+ soft cap): it would be scored wrongly."""
    ids = torch.arange(1, 9, device=next(model.parameters()).device)[None] % model.config.get_text_config().vocab_size
    with torch.no_grad():
        expected = model(input_ids=ids).logits.float()
        found = logits_of(model, decoder_of(model)(input_ids=ids).last_hidden_state)
    if not torch.allclose(expected, found, atol=1e-3, rtol=1e-3):
        raise UserError(f"{type(model).__name__} scales its logits in a way this project does not know; it is refused")
