"""Puzzles on a grid: the rewards so far, as pure functions; no environment yet."""
