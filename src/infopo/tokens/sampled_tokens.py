"""A forward over padded episodes that looks at their sampled tokens alone: hidden states, log-probs, entropies."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from infopo.tokens.language_model import HEAD_CHUNK, decoder_of, logits_of


def sampled_states(model: Any, input_ids: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """All hidden states `[B, L, H]`, and of them `[N, H]` those from which the tokens of `target` were sampled.

    Inputs `[B, L]`, padded on the right, where no real token looks: no mask is needed, and attention without one skips
    the half that is causally hidden. Row-major order of `target`, which marks no first column.
    """
    hidden = decoder_of(model)(input_ids=input_ids, use_cache=False).last_hidden_state
    return hidden, hidden[:, :-1][target[:, 1:]]


class TokenLogProbs(torch.nn.Module):
    """Log-probs and entropies `[N]` of the policy tokens of a padded batch: what Accelerate wraps.

    The head runs on chosen tokens only, in chunks. Entropies carry a gradient only where the loss pays for them.
    """

    def __init__(self, model: Any, temperature: float, *, entropy_gradient: bool = False) -> None:
        super().__init__()
        self.entropy_gradient = entropy_gradient
        self.model = model
        self.temperature = temperature

    def forward(self, input_ids: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs `[B, L]`, padded on the right; row-major order of `target`."""
        hidden, chosen = sampled_states(self.model, input_ids, target)
        tokens = input_ids[:, 1:][target[:, 1:]]
        logprobs, entropies = [], []
        for start in range(0, chosen.shape[0], HEAD_CHUNK):
            logits = logits_of(self.model, chosen[start : start + HEAD_CHUNK], self.temperature)
            logprobs.append(-cross_entropy(logits, tokens[start : start + HEAD_CHUNK], reduction="none"))
            with torch.set_grad_enabled(self.entropy_gradient and torch.is_grad_enabled()):
                entropies.append(torch.special.entr(logits.softmax(-1)).sum(-1))
        if not logprobs:
            # A dummy batch keeps ranks in step: every weight, the head's too, must get its (zero) gradient.
            touched = hidden.sum() + logits_of(self.model, hidden[:1, 0]).sum()
            return touched * hidden.new_zeros(0), hidden.new_zeros(0)
        return torch.cat(logprobs), torch.cat(entropies)
