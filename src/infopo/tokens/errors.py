"""The one error of this room."""

from infopo.core import UserError


class TemplateError(UserError):
    """A tokenizer or its chat template cannot be used; the text names the tokenizer, the reason and what to do."""

    def __init__(self, name: str, reason: str, advice: str) -> None:
        super().__init__(f"tokenizer {name!r}: {reason}; {advice}")
