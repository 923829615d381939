"""A tokenizer that cannot be used is refused at construction: by name, with the reason and what to do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from infopo.core import Message, UserError
from infopo.tokens import Renderer, TemplateError


def test_no_chat_template(make_tokenizer: Callable[..., Any]) -> None:
    with pytest.raises(TemplateError, match="'base-model': it has no chat template; use an instruction-tuned model"):
        Renderer(make_tokenizer("chatml", ""), name="base-model")


def test_no_fast_engine() -> None:
    with pytest.raises(TemplateError, match="'slow': it has no fast"):
        Renderer(SimpleNamespace(is_fast=False, name_or_path="slow", chat_template="x"))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        # only the last message is rendered
        ("{{ '<|im_start|>' + messages[-1].content + '<|im_end|>' }}", "does not render an earlier assistant message"),
        # the new turn repeats the one before it
        (
            "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if loop.index0 > 1 %}"
            "{{ 'after ' + loop.previtem.content }}{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}",
            "is not closed by",
        ),
        # turns are numbered
        (
            "{% for m in messages %}{{ '<|im_start|>' + m.role + (loop.index | string) + '\n' + m.content }}"
            "{{ '<|im_end|>\n' }}{% endfor %}",
            "changes with the turns before it",
        ),
        # the content is rewritten
        (
            "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
            "{{ (m.content | upper if m.role == 'user' and loop.index0 else m.content) + '<|im_end|>\n' }}{% endfor %}",
            "does not",
        ),
        # nothing ends a turn
        ("{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}", "with plain text"),
        # the content appears twice
        (
            "{% for m in messages %}{{ '<|im_start|>' + m.content }}{% if m.role == 'user' and loop.index0 %}"
            "{{ m.content }}{% endif %}{{ '<|im_end|>' }}{% endfor %}",
            "appears 2 times|does not",
        ),
        ("{{ raise_exception('never') }}", "refuses the roles user, assistant, user: never"),
        ("{% for m in messages %}", "refuses the roles"),
    ],
)
def test_templates_without_an_isolated_block(make_tokenizer: Callable[..., Any], template: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=f"'odd-model'.*({reason})"):
        Renderer(make_tokenizer("chatml", template), name="odd-model")


def test_reserved_options(make_tokenizer: Callable[..., Any]) -> None:
    with pytest.raises(TemplateError, match="'tokenize' is set by the renderer"):
        Renderer(make_tokenizer("chatml"), template_options={"tokenize": True})


def test_roles_that_a_template_does_not_know_are_refused_when_they_come(make_renderer: Callable[..., Any]) -> None:
    renderer = make_renderer("gemma")
    with pytest.raises(TemplateError, match=r"'gemma'.*role tool unknown"):
        renderer.observation([Message(role="tool", content="x")])
    with pytest.raises(TemplateError, match=r"'mistral'.*roles must alternate"):
        make_renderer("mistral").observation([Message(role="user", content=text) for text in "ab"])
    assert renderer.observation([Message(role="user", content="still fine")]).ids


def test_a_content_rewritten_only_sometimes_is_refused_when_it_comes(make_tokenizer: Callable[..., Any]) -> None:
    template = """{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}
      {{- (m.content | upper if m.content.startswith('!') else m.content) + '<|im_end|>\n' }}{% endfor %}"""
    renderer = Renderer(make_tokenizer("chatml", template), name="shouting")
    assert renderer.observation([Message(role="user", content="quiet")]).ids
    with pytest.raises(TemplateError, match=r"'shouting'.*rewritten"):
        renderer.observation([Message(role="user", content="!loud")])


def test_the_error_is_a_user_error() -> None:
    assert issubclass(TemplateError, UserError)
