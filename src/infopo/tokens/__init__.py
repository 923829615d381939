"""Chat messages to token ids and back: append-only, with exact content spans, safe against forged turns."""

from infopo.tokens.errors import TemplateError
from infopo.tokens.renderer import Rendered, Renderer

__all__ = ["Rendered", "Renderer", "TemplateError"]
