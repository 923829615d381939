"""Public tools for tests: tiny models, injected faults. Nothing in the package itself imports this room."""
