"""`score`: the information gain of every reply of recorded conversations, a bounded batch at a time.

What is written is an audit: transcripts are tokenised anew by the auditing model, so the tokens are not those that were
sampled, and nothing here is training data.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infopo.core import InfopoError
from infopo.evaluation.redundancy import is_redundant, repeats, said
from infopo.evaluation.transcript_tokens import Exchange, trajectory_of
from infopo.evaluation.transcripts import Line, Transcript, TranscriptError, read_transcript
from infopo.gain import Backend, GainSpec, TurnGain

BATCH = 64  # dialogues that are held at one time ...
BATCH_BYTES = 1 << 22  # ... unless their lines are longer together
KEPT_TEXT = 300  # characters of a question or a reply that are kept

# A thought that repeats the reply would make every reply look useful: what is done counts.
_DEFAULT = GainSpec(score_part="after-thought")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """What the gains depend on, the model apart.

    `redundant_gain`: see `redundancy` (nats; what `spec.reduction` gives). `max_tokens`: of one dialogue; later turns
    are not scored.
    """

    spec: GainSpec = _DEFAULT
    backend: Backend = "auto"
    redundant_gain: float = 0.1
    max_tokens: int = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A line, and the transcript that it holds."""

    line: Line
    transcript: Transcript


def score_lines(
    model: Any,
    lines: Iterator[Line],
    path: str | os.PathLike[str],
    *,
    settings: ScoreSettings,
    skip_broken: bool = False,
) -> Iterator[dict[str, Any]]:
    """One record for every line that is not blank, in order: `dialogue`, or `broken` where those are passed over.

    Raises `UserError` with file and line for a broken one otherwise, once everything before it was handed out.
    """
    for batch in _batches(lines):
        for record in _records(model, batch, path, settings):
            if record["kind"] == "broken" and not skip_broken:
                raise TranscriptError(record["why"])
            yield record
        model.renderer.forget()


def weights_checksum(model: Any) -> str:
    """A checksum of all weights: two models that share a name are told apart."""
    import torch

    crc = 0
    for weight in model.model.parameters():
        crc = zlib.crc32(weight.detach().cpu().contiguous().view(torch.uint8).numpy(), crc)
    return f"{crc:08x}"


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if line.blank:
            continue
        batch.append(line)
        size += len(line.raw or b"")
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _records(
    model: Any, batch: Sequence[Line], path: str | os.PathLike[str], settings: ScoreSettings
) -> list[dict[str, Any]]:
    """One record a line, in order."""
    dialogues: list[Dialogue] = []
    found: dict[int, dict[str, Any]] = {}
    for line in batch:
        try:
            dialogues.append(Dialogue(line=line, transcript=read_transcript(line, path)))
        except TranscriptError as error:
            found[line.number] = _broken(line, str(error))
    for record in _score(model, dialogues, path, settings):
        found[record["line"]] = record
    return [found[line.number] for line in batch]


def _score(
    model: Any, dialogues: Sequence[Dialogue], path: str | os.PathLike[str], settings: ScoreSettings
) -> list[dict[str, Any]]:
    """Records of dialogues: together, or, where one of them cannot be scored, one by one."""
    try:
        return _together(model, dialogues, settings)
    except InfopoError as error:
        if len(dialogues) == 1:
            line = dialogues[0].line
            return [_broken(line, f"{path}, line {line.number}: {error}")]
    return [record for one in dialogues for record in _score(model, [one], path, settings)]


def _broken(line: Line, why: str) -> dict[str, Any]:
    return {"kind": "broken", "line": line.number, "crc": line.crc, "why": why}


def _together(model: Any, dialogues: Sequence[Dialogue], settings: ScoreSettings) -> list[dict[str, Any]]:
    from infopo.gain import information_gain

    if not dialogues:
        return []
    room = min(settings.max_tokens, model.max_length)
    pairs = [trajectory_of(one.transcript, model.renderer, max_tokens=room, line=one.line.number) for one in dialogues]
    gains = information_gain(model, [one for one, _ in pairs], spec=settings.spec, backend=settings.backend)
    return [
        {
            "kind": "dialogue",
            "line": one.line.number,
            "crc": one.line.crc,
            "id": one.transcript.name,
            "tokens": len(trajectory.token_ids),
            "cut": len(trajectory.turns) < len(exchanges),
            "replies": _replies(exchanges, found, settings),
        }
        for one, (trajectory, exchanges), found in zip(dialogues, pairs, gains, strict=True)
    ]


def _replies(
    exchanges: Sequence[Exchange], gains: Sequence[TurnGain | None], settings: ScoreSettings
) -> list[dict[str, Any]]:
    """One entry for every reply of a dialogue; `rank` 1 is the one that gained most."""
    values = [None if gain is None else gain.value for gain in gains]
    read = exchanges[: len(values)]
    before = repeats([one.action for one in read], [one.answers for one in read], empty=settings.spec.placeholders)
    beyond = len(exchanges) - len(read)  # what did not fit is neither scored nor compared
    values, before = [*values, *[None] * beyond], [*before, *[None] * beyond]
    measured = sorted((value for value in values if value is not None), reverse=True)
    return [
        {
            "turn": turn + 1,
            "message": one.place,
            "from": one.kind,
            "question": _kept(said(one.action)),
            "reply": _kept("\n".join(message.content for message in one.answers)),
            "gain": value,
            "rank": None if value is None else measured.index(value) + 1,
            "repeats": None if again is None else again + 1,
            "redundant": is_redundant(again, value, settings.redundant_gain) if turn < len(read) else None,
        }
        for turn, (one, value, again) in enumerate(zip(exchanges, values, before, strict=True))
        if one.answers
    ]


def _kept(text: str) -> str:
    return text if len(text) <= KEPT_TEXT else text[: KEPT_TEXT - 1] + "…"
