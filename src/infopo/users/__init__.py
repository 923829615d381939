"""Users: who answers the policy's questions; judges: who says whether an answer is right."""

from infopo.users.base import (
    ChatError,
    ChatModel,
    ChatTransportError,
    Judge,
    JudgeRequest,
    RecordedChat,
    User,
    UserReply,
    Verdict,
)

__all__ = [
    "ChatError",
    "ChatModel",
    "ChatTransportError",
    "Judge",
    "JudgeRequest",
    "RecordedChat",
    "User",
    "UserReply",
    "Verdict",
]
