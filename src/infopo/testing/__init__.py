"""Public tools for tests: conformance checks, tiny models, injected faults. Nothing in `src` imports this."""

from infopo.envs.check import check_env
from infopo.users.check import ConformanceError, check_user

__all__ = ["ConformanceError", "check_env", "check_user"]
