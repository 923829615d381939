"""Types, errors, seeds and record lines that every room shares. Standard library only."""

from infopo.core.errors import Caught, InfopoError, UnknownNameError, UserError, boundary
from infopo.core.records import (
    RecordError,
    RecordWriter,
    StorageError,
    atomic_write_bytes,
    atomic_write_text,
    decode_line,
    discard_after,
    encode_line,
    read_records,
)
from infopo.core.seeds import derive_random, derive_seed
from infopo.core.terminal import visible
from infopo.core.thoughts import after_thought
from infopo.core.trajectory_record import trajectory_from_record, trajectory_to_record
from infopo.core.types import (
    ActionKind,
    Failure,
    FeedbackKind,
    Group,
    Message,
    Outcome,
    Role,
    Span,
    StopReason,
    ToolCall,
    Trajectory,
    Turn,
    TurnFacts,
)

__all__ = [
    "ActionKind",
    "Caught",
    "Failure",
    "FeedbackKind",
    "Group",
    "InfopoError",
    "Message",
    "Outcome",
    "RecordError",
    "RecordWriter",
    "Role",
    "Span",
    "StopReason",
    "StorageError",
    "ToolCall",
    "Trajectory",
    "Turn",
    "TurnFacts",
    "UnknownNameError",
    "UserError",
    "after_thought",
    "atomic_write_bytes",
    "atomic_write_text",
    "boundary",
    "decode_line",
    "derive_random",
    "derive_seed",
    "discard_after",
    "encode_line",
    "read_records",
    "trajectory_from_record",
    "trajectory_to_record",
    "visible",
]
