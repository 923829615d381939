"""A causal language model with its renderer: forwards on explicit positions, log-probs of chosen tokens only."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from infopo.core import UserError
from infopo.tokens.renderer import Renderer
from infopo.tokens.slot_cache import SlotCache

HEAD_CHUNK = 2048  # scored tokens whose logits exist at one time


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
        return SlotCache(self.config.num_hidden_layers, slots)

    def hidden(self, input_ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, **kwargs: Any) -> Any:
        """Final hidden states `[B, Q, H]` of tokens `[B, Q]` at `positions` `[B, Q]`.

        `visible` `[B, Q, K]` is true where a query may attend to a key, windows not yet applied. Keyword
        `key_positions` `[B, K]` (default: 0..K-1) are the keys' positions, for sliding windows; `cache` a `SlotCache`.
        """
        cache = kwargs.pop("cache", None)
        key_positions = kwargs.pop("key_positions", None)
        if key_positions is None:
            key_positions = torch.arange(visible.shape[-1], device=visible.device)[None]
        return decoder_of(self.model)(
            input_ids=input_ids,
            position_ids=positions,
            attention_mask=attention_mask(self.model, visible, positions, key_positions),
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state

    def logprobs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log-probabilities `[N]` (float32) of `targets` `[N]` after hidden states `[N, H]`."""
        return token_logprobs(self.model, hidden, targets, self.temperature)


def decoder_of(model: Any) -> Any:
    """The transformer below the head, also under a PEFT wrapper."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return base.get_decoder()


def logits_of(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Logits `[N, V]` of hidden states `[N, H]`, soft cap included where the model has one; float32 or finer."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    logits: torch.Tensor = base.get_output_embeddings()(hidden).float()
    cap = getattr(base.config.get_text_config(), "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def token_logprobs(model: Any, hidden: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log-probs `[N]` of `targets` `[N]`; the head runs on `HEAD_CHUNK` tokens at a time, never on all of them."""
    parts = []
    for start in range(0, hidden.shape[0], HEAD_CHUNK):
        logits = logits_of(model, hidden[start : start + HEAD_CHUNK]) / temperature
        # Not chosen logit minus logsumexp: that loses digits where logits are large, and ratios are held to 1e-5.
        parts.append(-cross_entropy(logits, targets[start : start + HEAD_CHUNK], reduction="none"))
    return torch.cat(parts) if parts else hidden.new_zeros(0, dtype=torch.float32)


def attention_mask(
    model: Any, visible: torch.Tensor, query_positions: torch.Tensor, key_positions: torch.Tensor
) -> Any:
    """The 4-D mask that this model's attention wants for `visible` `[B, Q, K]`.

    Windowed layers also hide keys further back than the window; `sdpa` takes booleans, `eager` takes additive floats
    (it would silently misread booleans). Anything else is refused by name.
    """
    config = model.config.get_text_config()
    kind = config._attn_implementation
    if kind not in ("sdpa", "eager"):
        raise UserError(f"attention {kind!r} takes no explicit mask; load the model with attn_implementation='sdpa'")

    def shape(mask: torch.Tensor) -> torch.Tensor:
        if kind == "sdpa":
            return mask[:, None]
        dtype = next(model.parameters()).dtype
        open_everywhere = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
        return open_everywhere.masked_fill(~mask, torch.finfo(dtype).min)[:, None]

    types = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    if not types <= {"full_attention", "sliding_attention"}:
        raise UserError(f"layers of type {sorted(types)} do not follow an attention mask; use a full-attention model")
    if window is None or not getattr(config, "use_sliding_window", True):
        return shape(visible)
    near = visible & (query_positions[:, :, None] - key_positions[:, None, :] < window)
    if getattr(config, "layer_types", None) is None:
        return shape(near)  # one window for all layers
    return {"full_attention": shape(visible), "sliding_attention": shape(near)}


def check_head(model: Any) -> None:
    """Refuse, by name, a model whose logits are not decoder + head (+ soft cap): it would be scored wrongly."""
    ids = torch.arange(1, 9, device=next(model.parameters()).device)[None] % model.config.get_text_config().vocab_size
    with torch.no_grad():
        expected = model(input_ids=ids).logits.float()
        found = logits_of(model, decoder_of(model)(input_ids=ids).last_hidden_state)
    if not torch.allclose(expected, found, atol=1e-3, rtol=1e-3):
        raise UserError(f"{type(model).__name__} scales its logits in a way this project does not know; it is refused")
