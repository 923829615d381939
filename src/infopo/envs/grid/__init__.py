"""Puzzles on a grid, a few moves a turn, as in "RAGEN" (arXiv 2504.20073): `grid/sokoban`, `grid/frozenlake`."""
