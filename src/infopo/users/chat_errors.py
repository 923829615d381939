"""What can go wrong with an endpoint, by kind: the name of a class is the kind of the failure in records."""

from infopo.users.base import ChatError, ChatTransportError


class ChatUnreachable(ChatTransportError):
    """Nobody answers, or the connection broke."""


class ChatServerError(ChatTransportError):
    """The endpoint answers with an error of its own."""


class ChatRateLimited(ChatTransportError):
    """Too many requests; `retry_after` seconds is what the endpoint asks for."""

    def __init__(self, text: str, *, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ChatTimeout(ChatTransportError, TimeoutError):
    """No reply in time."""


class ChatUnreadable(ChatError):
    """The endpoint's answer is no chat completion, or its reply not what was asked for."""


class ChatEmpty(ChatError):
    """The model said nothing."""


class ChatRefused(ChatError):
    """The model, or a filter, declined to answer."""


class ChatCutOff(ChatError):
    """The reply ran into the limit on its length."""


class ChatRejected(ChatError):
    """The endpoint does not take this request."""


class ChatTooLong(ChatRejected):
    """The conversation does not fit into what the model can read."""
