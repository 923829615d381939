"""Users: who answers the policy's questions."""

from infopo.users.base import User, UserReply

__all__ = ["User", "UserReply"]
