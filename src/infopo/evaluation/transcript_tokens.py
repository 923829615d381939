"""A recorded conversation as a trajectory: written anew with the tokenizer of the model that audits it.

The tokens are those that the auditing model would have written, not those that were sampled: good for an audit, never
for training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from infopo.core import FeedbackKind, Message, Outcome, Span, StopReason, Trajectory, Turn
from infopo.evaluation.transcripts import Transcript
from infopo.tokens import Renderer

CHARACTERS_A_TOKEN = 32  # a message with more for every token that may be read cannot fit: it is not even rendered
_NO_VERDICT = Outcome(score=0.0, success=False)  # nobody judged; no number is made of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An action and what answered it. `place`: index of the first answer in the transcript."""

    action: Message
    answers: tuple[Message, ...]
    place: int

    @property
    def kind(self) -> FeedbackKind:
        """Who answered."""
        roles = {message.role for message in self.answers}
        return "tool" if "tool" in roles else "user" if "user" in roles else "env" if roles else "none"


def exchanges_of(transcript: Transcript) -> tuple[tuple[Message, ...], list[Exchange]]:
    """The opening, and the exchanges that follow it.

    Assistant messages in a row are one action. A greeting that nothing precedes belongs to the opening.
    """
    messages = transcript.messages
    runs = [list(run) for _, run in groupby(range(len(messages)), key=lambda at: messages[at].role == "assistant")]
    first = 1 if messages[0].role != "assistant" else 2
    opening = tuple(messages[at] for run in runs[:first] for at in run)
    found = []
    for number in range(first, len(runs), 2):
        answers = runs[number + 1] if number + 1 < len(runs) else []
        action = _joined([messages[at] for at in runs[number]])
        found.append(Exchange(action=action, answers=tuple(messages[at] for at in answers), place=runs[number][-1] + 1))
    return opening, found


def trajectory_of(
    transcript: Transcript, renderer: Renderer, *, max_tokens: int, line: int
) -> tuple[Trajectory, list[Exchange]]:
    """The dialogue as tokens, and its exchanges; turns that would pass `max_tokens` are left out of the first alone.

    Raises `TemplateError` for messages that the chat template cannot write.
    """
    opening, exchanges = exchanges_of(transcript)
    ids: list[int] = []
    sampled: list[bool] = []
    messages = list(opening)
    turns: list[Turn] = []

    def take(new: Sequence[int], acted: bool) -> Span:
        start = len(ids)
        ids.extend(new)
        sampled.extend([acted] * len(new))
        return Span(start=start, end=len(ids))

    def fits(new: Sequence[Message]) -> bool:
        return sum(map(_characters, new)) <= CHARACTERS_A_TOKEN * max_tokens

    if fits(opening):
        take(renderer.opening(opening, transcript.tools).ids, False)
        for exchange in exchanges:
            written = renderer.encode_action(exchange.action) if fits([exchange.action]) else ()
            if not written or len(ids) + len(written) > max_tokens:
                break
            turns.append(Turn(action=take(written, True), action_message=len(messages), feedback_kind=exchange.kind))
            messages += [exchange.action, *exchange.answers]
            if not exchange.answers or not fits(exchange.answers):
                break
            block = renderer.observation(exchange.answers, tools=transcript.tools)
            if len(ids) + len(block.ids) >= max_tokens:
                break
            span = take(block.ids, False)
            inside = tuple(Span(start=span.start + one.start, end=span.start + one.end) for one in block.content)
            turns[-1] = replace(turns[-1], observation=inside, observation_block=span)
    trajectory = Trajectory(
        env="transcript",
        task_id=transcript.name,
        group_id=transcript.name,
        episode=line,
        seed=0,
        policy_version=0,
        messages=tuple(messages),
        token_ids=tuple(ids),
        sampled=tuple(sampled),
        logprobs=(None,) * len(ids),
        turns=tuple(turns),
        outcome=_NO_VERDICT,
        stop_reason=StopReason.DONE,
    )
    return trajectory, exchanges


def _joined(messages: Sequence[Message]) -> Message:
    if len(messages) == 1:
        return messages[0]
    content = "\n".join(message.content for message in messages if message.content)
    return replace(
        messages[0], content=content, tool_calls=tuple(c for message in messages for c in message.tool_calls)
    )


def _characters(message: Message) -> int:
    return len(message.content) + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
